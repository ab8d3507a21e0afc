"""Matrix products of small integers have no rounding: every path must give the very integers.

Sums stay below 2^24, where float32 counts exactly; float64 products of NumPy are the integers to compare with.
"""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.ops.harness import CUDA, TARGETS, Guarded, _core, on_target

ROOT = Path(__file__).resolve().parents[2]
# Tile edges and their neighbours, primes, and the small sizes where tails are everything.
EDGES = (1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 47, 48, 49, 61, 97)


# Beyond one pass over the terms (1280, or 320 where a is transposed), one block of rows, one block of panels;
# many rows and columns, so that rows are packed.
LARGE = {
    (128, 784, 300),
    (257, 300, 101),
    (33, 1025, 49),
    (1, 784, 300),  # rows that begin at multiples of 4 floats
    (1, 33, 308),
    (1, 21, 12),
    (600, 17, 16),
    (40, 2601, 70),
    (700, 1300, 40),
    (3001, 33, 17),
    (37, 70, 3300),
    (1, 1500, 3201),
    (330, 3300, 65),
    (330, 70, 200),  # rows of a transposed a packed, in two passes
    (64, 17, 192),
    (71, 530, 333),
    (85, 1300, 705),
}


def shapes():
    """(rows, in, out): a sample of the triples in 1..33, each edge in each place, and large ones."""
    rng = np.random.default_rng(7)
    sample = {tuple(int(i) for i in rng.integers(1, 34, 3)) for _ in range(400)}
    for place, edge in itertools.product(range(3), EDGES):
        triple = [int(i) for i in rng.choice(EDGES, 3)]
        triple[place] = edge
        sample.add(tuple(triple))
    return sorted(sample)[::6] if CUDA else sorted(sample | LARGE)


# Every target, and the matrix units with each number of products: 1, 3 and 6 are exact for integers up to 256.
PRECISIONS = ("x6", "high", "medium")
OF_CPU = [
    *((target, "ieee") for target in TARGETS),
    *itertools.product(("amx_model", *(t for t in TARGETS if t == "amx")), PRECISIONS),
]
MEANS = list(itertools.product(TARGETS, ("ieee", *PRECISIONS))) if CUDA else OF_CPU


@pytest.fixture(params=MEANS, ids="-".join)
def target(request):
    with on_target(request.param[0]):
        _core.set_matmul_precision(request.param[1])
        yield request.param
    _core.set_matmul_precision("highest")


@pytest.fixture(params=[1] if CUDA else [1, 2, 3], ids="threads{}".format)
def threads(request):
    before = _core.num_threads()
    _core.set_num_threads(request.param)
    yield request.param
    _core.set_num_threads(before)


def integers(rng, *shape):
    return rng.integers(-9, 10, shape).astype(np.float32)


def differences(actual, expected):
    return int((actual != expected).sum())


def test_forward_and_backward_are_exact(target, threads):
    rng = np.random.default_rng(3)
    for rows, inputs, outputs in shapes():
        x, w = integers(rng, rows, inputs), integers(rng, inputs, outputs)
        bias, dy = integers(rng, outputs), integers(rng, rows, outputs)
        xi, wi, bi, di = (a.astype(np.float64) for a in (x, w, bias, dy))
        buffers = {
            name: Guarded(shape, np.float32, 4)
            for name, shape in {
                "y": (rows, outputs),
                "dx": (rows, inputs),
                "dw": (inputs, outputs),
                "dbias": (outputs,),
            }.items()
        }
        y, dx, dw, dbias = (buffers[name].array for name in ("y", "dx", "dw", "dbias"))
        _core.dense_forward(y, None, x, w, bias, "linear", 0.0, True).run()
        _core.dense_backward(dx, dw, dbias, None, dy, None, x, w, "linear", 0.0).run()
        wrong = {
            "y": differences(y, xi @ wi + bi),
            "dx": differences(dx, di @ wi.T),
            "dw": differences(dw, xi.T @ di),
            "dbias": differences(dbias, di.sum(axis=0)),
        }
        assert not any(wrong.values()), f"{rows} x {inputs} x {outputs}: wrong elements {wrong}"
        for name, buffer in buffers.items():
            buffer.assert_untouched(f"{name} of {rows} x {inputs} x {outputs}")


def test_relu_epilogue_is_exact(target):
    rng = np.random.default_rng(4)
    for rows, inputs, outputs in shapes()[::5]:
        x, w, bias = integers(rng, rows, inputs), integers(rng, inputs, outputs), integers(rng, outputs)
        y = np.empty((rows, outputs), np.float32)
        _core.dense_forward(y, None, x, w, bias, "relu", 0.0, True).run()
        expected = np.maximum(x.astype(np.float64) @ w.astype(np.float64) + bias, 0)
        assert differences(y, expected) == 0, f"{rows} x {inputs} x {outputs}"


@pytest.mark.skipif(
    bool(CUDA), reason="pages are guarded for the CPU's kernels; a device's outputs lie between guards"
)
def test_nothing_beyond_the_matrices_is_touched():
    """Between pages that may not be read; in a process of its own, which would die."""
    command = [sys.executable, "-m", "tests.ops.guard_pages", *map("-".join, MEANS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr}"
    assert int(done.stdout) == 84 * len(MEANS)
