"""Workers that are done with their part of a product take over rows of others: nobody may see it in the bits."""

import os
import subprocess
import sys

import numpy as np
import pytest

from densor import _core
from tests.ops.harness import CUDA, FMA_TARGETS, MATRIX_UNITS, normal, on_target, same_bits

pytestmark = pytest.mark.skipif(bool(CUDA), reason="workers are a matter of the CPU")

ROWS, INPUTS, UNITS = 1100, 1040, 1030
SMALL = (290, 500, 490)  # for the model of matrix units, which takes its time


@pytest.fixture(autouse=True)
def _restore_settings():
    threads = _core.num_threads()
    yield
    _core.set_num_threads(threads)
    _core.set_matmul_precision("highest")


def products(threads, shape=(ROWS, INPUTS, UNITS), scale=1.0):
    """Forward with an activation of either kind, then all of backward, three times over what is no number.

    The last columns of w and bias, which one worker packs, are multiplied by `scale`.
    """
    _core.set_num_threads(threads)
    rng = np.random.default_rng(0)
    rows, inputs, units = shape
    x, w, dy = normal(rng, rows, inputs), normal(rng, inputs, units), normal(rng, rows, units)
    bias, below = normal(rng, units), normal(rng, rows, inputs)
    for array in (w, bias):
        array[..., -9:] *= np.float32(scale)
    mask = rng.integers(0, 1 << 16, (rows, -(-inputs // 16)), dtype=np.uint16)
    found = {name: np.empty((rows, units), np.float32) for name in ("relu", "gelu", "z")}
    found |= {"dx": np.empty_like(x), "dw": np.empty_like(w), "dbias": np.empty_like(bias)}
    steps = [
        _core.dense_forward(found["relu"], None, x, w, bias, "relu", 0.0, training=True),
        _core.dense_forward(found["gelu"], found["z"], x, w, bias, "gelu", 0.0),
        _core.dense_backward(
            found["dx"], found["dw"], found["dbias"], None, dy, None, x, w, "linear", 0.0,
            below_activation="tanh", below_saved=below, below_mask=mask, below_rate=0.25,
        ),
    ]  # fmt: skip
    program = _core.Program(steps, [])
    results = []
    for _ in range(3):
        for array in found.values():
            array.fill(np.nan)
        assert _core.run(program, None, batches=1, batch_size=1) == 1
        results.append({name: array.copy() for name, array in found.items()})
    return results


def same(results, others):
    return all(
        same_bits(result[name], other[name])
        for result, other in zip(results, others, strict=True)
        for name in result
    )


def plans(workers, shape=(ROWS, INPUTS, UNITS)):
    rows, inputs, units = shape
    shapes = [((rows, units, inputs), {}), ((inputs, units, rows), {"transpose_a": True})]
    shapes.append(((rows, inputs, units), {"transpose_b": True}))
    return [_core.gemm_plan(*shape, **kind, workers=workers) for shape, kind in shapes]


@pytest.mark.parametrize("target", FMA_TARGETS)
def test_parts_are_lent_between_workers_that_have_much_to_do(target):
    with on_target(target):
        assert all("lent by" in plan for plan in plans(2))
        assert not any("lent by" in plan for plan in plans(1))
        assert "lent by" not in _core.gemm_plan(32, 300, 784, workers=2)


@pytest.mark.parametrize("target", FMA_TARGETS)
def test_the_bits_do_not_tell_who_computed(target):
    with on_target(target):
        alone = products(1)
        for threads in (2, 3, 5):
            assert same(alone, products(threads)), f"{threads} threads"


@pytest.mark.parametrize("target", MATRIX_UNITS)
@pytest.mark.parametrize("precision", ["medium", "high", "x6"])
def test_matrix_units_lend_blocks_too(target, precision):
    with on_target(target):
        _core.set_matmul_precision(precision)
        assert all("lent by" in plan for plan in plans(2, SMALL))
        assert same(products(1, SMALL), products(2, SMALL))


# 1e-36: the second terms are denormal, which matrix units read as zero. Who helps must know, to compute again.
@pytest.mark.parametrize("target", MATRIX_UNITS)
def test_what_is_repaired_does_not_depend_on_who_computed(target):
    with on_target(target):
        _core.set_matmul_precision("high")
        assert same(products(1, scale=1e-36), products(5, scale=1e-36))


CROWDED = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from tests.ops.test_product_sharing import products, same
print(same(products(1), products(4)))
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity, which Linux has")
def test_who_has_no_cpu_is_helped_at_any_time():
    done = subprocess.run(
        [sys.executable, "-c", CROWDED], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stdout == "True\n", done.stderr
