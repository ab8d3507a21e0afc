"""Products of matrices that end, or begin, where a page begins that may not be touched: run as a program.

A read or write beyond the arrays, by a single byte, ends the process with a signal. Prints the number of products.
"""

import ctypes
import itertools
import mmap
import sys

import numpy as np

from densor import _core
from tests.reference import cast

SHAPES = ((1, 1, 1), (3, 17, 5), (16, 16, 32), (17, 33, 31), (33, 15, 47), (40, 49, 65), (7, 50, 1300))
PAGE = mmap.PAGESIZE
NOTHING = 0  # PROT_NONE

_keep: list[mmap.mmap] = []


def between_pages(value, at_end):
    """A copy of the array that touches a forbidden page with its last byte, or with its first."""
    pages = -(-value.nbytes // PAGE)
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    _keep.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for guard in (start, start + (pages + 1) * PAGE):
        assert protect(guard, PAGE, NOTHING) == 0
    offset = PAGE + (pages * PAGE - value.nbytes if at_end else 0)
    placed = np.frombuffer(memory, value.dtype, value.size, offset).reshape(value.shape)
    placed[...] = value
    return placed


def integers(rng, *shape):
    return rng.integers(-9, 10, shape).astype(np.float32)


def multiply(rows, units, inputs, at_end):
    """Forward and backward between guard pages; the number of wrong elements."""
    rng = np.random.default_rng([rows, units, inputs])
    x, w, bias, dy = (
        between_pages(integers(rng, *shape), at_end)
        for shape in ((rows, inputs), (inputs, units), (units,), (rows, units))
    )
    y, dx, dw, dbias = (between_pages(np.zeros_like(array), at_end) for array in (dy, x, w, bias))
    _core.dense_forward(y, None, x, w, bias, "relu", 0.0, True).run()
    _core.dense_backward(dx, dw, dbias, None, dy, None, x, w, "linear", 0.0).run()
    if not np.isfinite(clipped_step(x, dy, w)):
        return 1
    expected = (np.maximum(x @ w + bias, 0), dy @ w.T, x.T @ dy, dy.sum(axis=0))
    wrong = sum(int((a != b).sum()) for a, b in zip((y, dx, dw, dbias), expected, strict=True))
    if _core.cpu_reads_halves():
        wrong += multiply_halves(x, w, bias, dy, expected, at_end)
    return wrong


def multiply_halves(x, w, bias, dy, expected, at_end):
    """The same of bfloat16 arrays."""
    x, dy = (between_pages(cast.narrow(array), at_end) for array in (x, dy))
    y, dx = (between_pages(np.zeros_like(array), at_end) for array in (dy, x))
    dw, dbias = (between_pages(np.zeros_like(array), at_end) for array in (w, bias))
    _core.dense_forward(y, None, x, w, bias, "relu", 0.0, True).run()
    _core.dense_backward(dx, dw, dbias, None, dy, None, x, w, "linear", 0.0).run()
    found = cast.widen(y), cast.widen(dx), dw, dbias
    rounded = (*map(cast.forward, expected[:2]), *expected[2:])
    return sum(int((a != b).sum()) for a, b in zip(found, rounded, strict=True))


def clipped_step(x, dz, w):
    """The step of an optimizer that computes the gradient, and its norm first; the sum of the weights."""
    w = w.copy().ravel()
    segments = np.array([[0, w.size]])
    step = _core.optimizer(
        w, np.zeros_like(w), [], segments, np.zeros(1, np.uint8), "sgd", None, None, 1.0,
        computed=np.array([0]), x=[x], dz=[dz],
    )  # fmt: skip
    step.run(hyper=np.array([[0.0, 1.0]], np.float32))
    return w.sum()


def main(targets):
    done = 0
    for (target, precision), threads in itertools.product(targets, (1, 3)):
        _core.set_cpu_target(target)
        _core.set_matmul_precision(precision)
        _core.set_num_threads(threads)
        for shape, at_end in itertools.product(SHAPES, (True, False)):
            wrong = multiply(*shape, at_end)
            assert wrong == 0, f"{target} {precision} {shape}: {wrong} wrong elements"
            done += 3
    print(done)


if __name__ == "__main__":
    main([argument.split("-") for argument in sys.argv[1:]])
