"""Runs a native op on every CPU target, thread count and alignment, between guards, against its reference."""

import ctypes
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from densor import _core
from tests.cuda_host import asked, sanitized
from tests.tolerances import assert_close

CUDA = asked()  # None, "host", "apart" or "gpu"
EMULATED = CUDA in ("host", "apart")
APART = CUDA in ("apart", "gpu")  # the device cannot read NumPy's arrays
# On the emulated device: the order in which the threads of a block run, which must not matter; on a GPU: twice the
# same, whose bits must be the same.
ON_DEVICE = ("ascending", "descending") if EMULATED else ("first run", "second run")
TARGETS = ON_DEVICE if CUDA else tuple(_core.cpu_targets())
FMA_TARGETS = tuple(name for name in TARGETS if name not in ("scalar", "amx"))  # the same bits
MATRIX_UNITS = ("amx_model", *(name for name in _core.cpu_targets() if name == "amx"))
# Bytes by which buffers are off a 64-byte boundary, for 1, 2 and 3 threads.
RUNS = ((1, 0),) if CUDA else ((1, 0), (2, 4), (3, 12))
SIZES = (1, 2, 7, 31, 32, 33, 127, 300)
ROWS = (1, 2, 5, 33, 97)
GUARD = 256
SANITIZER = ctypes.CDLL(None) if sanitized() else None
POISON = 0xFF  # float32 NaN, int32 -1: reading an output before writing it shows


class Guarded:
    """An array at a chosen offset from a 64-byte boundary, poisoned, with poisoned bytes on both sides."""

    def __init__(self, shape, dtype, offset):
        dtype = np.dtype(dtype)
        offset = offset if dtype.itemsize <= 4 else 2 * offset
        size = int(np.prod(shape)) * dtype.itemsize
        self.raw = np.full(size + 2 * GUARD + 64, POISON, np.uint8)
        self.begin = GUARD + (-(self.raw.ctypes.data + GUARD)) % 64 + offset
        self.end = self.begin + size
        self.array = self.raw[self.begin : self.end].view(dtype).reshape(shape)

    def bound(self):
        """What an op gets: the array, or in memory of the device a copy of it, bytes around it included."""
        if APART:
            block = _core.DeviceArray(len(self.raw))
            self.copy = block.part(0, self.raw)
            self.copy.upload(self.raw)
            return block.part(self.begin, self.array)
        self.guard("poison")
        return self.array

    def guard(self, how):
        """Tell the sanitizer, where there is one, that nobody may touch the bytes around the array, or may again."""
        if SANITIZER is not None:
            change = SANITIZER[f"__asan_{how}_memory_region"]
            for begin, end in ((0, self.begin), (self.end, len(self.raw))):
                change(ctypes.c_void_p(self.raw.ctypes.data + begin), ctypes.c_size_t(end - begin))

    def fetch(self):
        """The array as the op left it."""
        if APART:
            self.copy.download(self.raw)
        else:
            self.guard("unpoison")
        return self.array

    def assert_untouched(self, name):
        outside = np.concatenate([self.raw[: self.begin], self.raw[self.end :]])
        assert (outside == POISON).all(), f"{name}: bytes outside the buffer were written"


def place(value, offset):
    """A guarded copy of an array (or list of arrays) at the given offset; other values as they are."""
    if isinstance(value, list | tuple):
        return [place(item, offset) for item in value]
    if not isinstance(value, np.ndarray):
        return value
    guarded = Guarded(value.shape, value.dtype, offset)
    guarded.array[...] = value
    return guarded


def _each(use, value):
    """use(guarded) for a placed array and for each of a list of them; other values as they are."""
    if isinstance(value, list):
        return [_each(use, item) for item in value]
    return use(value) if isinstance(value, Guarded) else value


def _output(spec, offset):
    """A guarded output from a shape (float32), (shape, dtype) or an array holding its start values."""
    if isinstance(spec, np.ndarray):
        guarded = Guarded(spec.shape, spec.dtype, offset)
        guarded.array[...] = spec
        return guarded
    if len(spec) == 2 and isinstance(spec[0], tuple):
        return Guarded(spec[0], spec[1], offset)
    return Guarded(spec, np.float32, offset)


def execute(build, inputs, outputs, offset=0, **run):
    """Runs build(outputs, inputs) once; the output arrays by name. Guards and inputs must be as before."""
    placed = {name: place(value, offset) for name, value in inputs.items()}
    guarded = {name: _output(spec, offset) for name, spec in outputs.items()}
    bound = [
        SimpleNamespace(**{name: _each(Guarded.bound, item) for name, item in items.items()})
        for items in (guarded, placed)
    ]
    try:
        step = build(*bound)
        assert step.device == ("cuda" if CUDA else "cpu"), f"{step.name} was made for the {step.device}"
        step.run(**run)
    finally:  # refused or not, the memory goes back to others
        arrays = {name: item.fetch() for name, item in guarded.items()}
        for name in inputs:
            _each(Guarded.fetch, placed[name])
    for name, item in guarded.items():
        item.assert_untouched(name)
    for name, value in inputs.items():
        before = value if isinstance(value, list | tuple) else [value]
        after = _each(Guarded.fetch, placed[name])
        for old, new in zip(before, after if isinstance(after, list) else [after], strict=True):
            if isinstance(old, np.ndarray):
                assert same_bits(old, new), f"input {name} was changed"
    return arrays


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(as_bits(a), as_bits(b))


def as_bits(array):
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def choose(target, architecture=80):
    """Later steps are made for this target (an emulated device: of this architecture); None ends an emulation."""
    if EMULATED:
        _core.emulate_device(target or "off", CUDA == "host", architecture=architecture)
    elif not CUDA and target:
        _core.set_cpu_target(target)


@contextmanager
def on_target(name):
    """One of TARGETS, for what is run in the block."""
    before = _core.cpu_target()
    choose(name)
    try:
        yield
    finally:
        choose(None)
        _core.set_cpu_target(before)


def on_every_target(build, inputs, outputs, targets=TARGETS, **run):
    """Outputs by target. Threads and alignment must not change a bit; nor must the choice of FMA target."""
    results = {}
    threads_before = _core.num_threads()
    try:
        for target in targets:
            with on_target(target):
                for threads, offset in RUNS:
                    _core.set_num_threads(threads)
                    result = execute(build, inputs, outputs, offset, **run)
                    first = results.setdefault(target, result)
                    for name in result:
                        assert same_bits(first[name], result[name]), (
                            f"{name}: other bits with {threads} threads at offset {offset} on {target}"
                        )
    finally:
        _core.set_num_threads(threads_before)
    same = [results[target] for target in targets if target in FMA_TARGETS]
    for other in same[1:]:
        for name in other:
            assert same_bits(same[0][name], other[name]), f"{name}: other bits on {' and '.join(FMA_TARGETS)}"
    return results


def check(op, build, inputs, outputs, expected, magnitude=None, **run):
    """The op's outputs on every target against the expected float64 arrays, by the table of tolerances."""
    for target, result in on_every_target(build, inputs, outputs, **run).items():
        for name, want in expected.items():
            scale = (magnitude or {}).get(name)
            dtype = "float64" if result[name].dtype == np.float64 else "float32"
            try:
                assert_close(result[name], want, op, scale, dtype)
            except AssertionError as error:
                raise AssertionError(f"{target}, {name}: {error}") from None


def normal(rng, *shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)
