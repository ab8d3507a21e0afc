"""What only a real device can show: arrays and streams of CuPy and PyTorch, its memory, a context that is lost, the
real cuBLASLt. Same bits in every run are asked of the emulated device, too, in fewer of them."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import densor as keras
from densor import ops
from densor.errors import DeviceError, DeviceOutOfMemory
from tests.cuda.models import assert_same, classifier, data, needs_device, threads_in
from tests.cuda.test_failure import in_child
from tests.ops.harness import CUDA, EMULATED, TARGETS, _core, normal
from tests.ops.test_gemm_device import ERRORS

on_gpu = pytest.mark.skipif(CUDA != "gpu", reason="needs a GPU: `make gpu-check`")
ROOT = Path(__file__).parents[2]
CYCLES = 200_000_000  # of a stream that others have to wait for: about a tenth of a second
RUNS = 3 if EMULATED else 20


class Torch:
    """Arrays and streams of PyTorch."""

    def __init__(self):
        self.torch = pytest.importorskip("torch")
        if not self.torch.cuda.is_available():
            pytest.skip("this PyTorch has no CUDA")

    def there(self, array):
        return self.torch.from_numpy(array).cuda()

    def here(self, array):
        return array.cpu().numpy()

    def zeros(self, shape):
        return self.torch.zeros(shape, device="cuda")

    def taken(self, array):
        return self.torch.from_dlpack(array)

    def shared(self, array):
        return self.torch.as_tensor(array, device="cuda")

    def side(self):
        return self.torch.cuda.stream(self.torch.cuda.Stream())

    def work(self):
        self.torch.cuda._sleep(CYCLES)

    def busy(self):
        return not self.torch.cuda.current_stream().query()

    def copy(self, target, source):
        target.copy_(source)

    def wait(self):
        self.torch.cuda.synchronize()


class CuPy:
    """Those of CuPy."""

    def __init__(self):
        self.cupy = pytest.importorskip("cupy")

    def there(self, array):
        return self.cupy.asarray(array)

    def here(self, array):
        return self.cupy.asnumpy(array)

    def zeros(self, shape):
        return self.cupy.zeros(shape, np.float32)

    def taken(self, array):
        return self.cupy.from_dlpack(array)

    def shared(self, array):
        return self.cupy.asarray(array)

    def side(self):
        return self.cupy.cuda.Stream(non_blocking=True)

    def work(self):
        numbers = self.cupy.ones(1 << 25, np.float32)
        for _ in range(300):
            self.cupy.sqrt(numbers, out=numbers)

    def busy(self):
        return not self.cupy.cuda.get_current_stream().done

    def copy(self, target, source):
        target[...] = source

    def wait(self):
        self.cupy.cuda.Device().synchronize()


@pytest.fixture(params=[Torch, CuPy], ids=["torch", "cupy"])
def library(request):
    return request.param()


VALUES = normal(np.random.default_rng(0), 300, 40)


@on_gpu
def test_arrays_come_in_and_go_out_without_a_copy(library):
    x = library.there(VALUES)
    y = ops.relu(x)
    np.testing.assert_array_equal(y.numpy(), np.maximum(VALUES, 0))
    for theirs in (library.taken(y), library.shared(y)):
        np.testing.assert_array_equal(library.here(theirs), np.maximum(VALUES, 0))
        assert theirs.__cuda_array_interface__["data"][0] == y.__cuda_array_interface__["data"][0]


@on_gpu
def test_results_are_written_where_their_arrays_lie(library):
    x, y = library.there(VALUES), library.zeros(VALUES.shape)
    library.wait()
    _core.add(y, x, x).run()
    np.testing.assert_array_equal(library.here(y), 2 * VALUES)


@on_gpu
def test_a_side_stream_with_slow_work_ahead_is_waited_for(library):
    source, x = library.there(VALUES), library.zeros(VALUES.shape)
    library.wait()
    with library.side():
        library.work()
        library.copy(x, source)
        y = library.taken(ops.relu(x)) * 2
    library.wait()
    np.testing.assert_array_equal(library.here(y), 2 * np.maximum(VALUES, 0))


@on_gpu
def test_the_host_does_not_wait_for_the_stream_of_the_caller(library):
    x = library.there(VALUES)
    for call in (ops.relu, ops.exp):
        library.taken(call(x))  # what a first call loads
        library.wait()
        with library.side():
            library.work()
            y = library.taken(call(x))
            assert library.busy()
            del x  # whoever gets its memory now comes behind the call
            x = library.zeros(VALUES.shape)
            z = y + x
        library.wait()
        np.testing.assert_allclose(library.here(z), call(VALUES), rtol=1e-5)
        x = library.there(VALUES)


@on_gpu
def test_a_stream_that_is_being_captured_is_refused():
    library = Torch()
    x, graph = library.there(VALUES), library.torch.cuda.CUDAGraph()
    ops.relu(x)
    with library.torch.cuda.graph(graph):
        y = x * 2
        with pytest.raises(ValueError, match=r"relu\(\): argument 'x': .*captured in a graph"):
            ops.relu(x)
    graph.replay()
    library.wait()
    np.testing.assert_array_equal(library.here(y), 2 * VALUES)


@on_gpu
def test_memory_that_a_side_stream_still_reads_is_not_reused(library):
    x, other, kept = library.there(VALUES), library.there(VALUES - 100), library.zeros(VALUES.shape)
    library.wait()
    with library.side():
        theirs = library.taken(ops.relu(x))
        library.work()
        library.copy(kept, theirs)
        del theirs
    results = [ops.relu(other) for _ in range(8)]
    library.wait()
    np.testing.assert_array_equal(library.here(kept), np.maximum(VALUES, 0))
    assert not any(result.numpy().any() for result in results)


@on_gpu
def test_models_take_arrays_of_a_side_stream(library):
    x, y = data(130)

    def fitted(x, y):
        model = classifier("cuda")
        history = model.fit(x, y, epochs=2, batch_size=16, verbose=0).history
        return model.get_weights(), history, model.predict(x, verbose=0)

    wanted = fitted(x, y)
    source, features = library.there(x), library.zeros(x.shape)
    library.wait()
    with library.side():
        library.work()
        library.copy(features, source)
        found = fitted(features, library.there(y))
    assert_same(found, wanted, rtol=0, atol=0)


@on_gpu
def test_labels_that_lie_on_the_device_are_looked_at(library):
    model = classifier("cuda")
    x, y = data()
    before = model.get_weights()
    y[[23, 31]] = 3, -7
    with pytest.raises(ValueError, match=r"fit\(\): argument 'y': value 3 at row 23 is outside \[0, 3\)"):
        model.fit(library.there(x), library.there(y), verbose=0)
    assert all(map(np.array_equal, before, model.get_weights()))


@on_gpu
def test_more_memory_than_there_is():
    model = classifier("cuda")
    with pytest.raises(
        DeviceOutOfMemory, match=rf"wanted {1 << 46} bytes of device memory, \d+ of \d+ bytes are free"
    ):
        _core.DeviceArray(1 << 46)
    model.fit(*data(), epochs=1, verbose=0)
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


@on_gpu
@pytest.mark.skipif(not hasattr(os, "fork"), reason="only systems that fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_told_to_be_spawned():
    y = there(VALUES)
    for use in (lambda: _core.DeviceArray(8), lambda: _core.require_device("cuda"), y.numpy):
        assert '"spawn"' in in_child(use)
    classifier("cuda").fit(*data(), epochs=1, verbose=0)  # the parent goes on


ILLEGAL = """
import numpy as np
from densor import _core
from densor.errors import DeviceError

class Nowhere:  # no memory of the device lies there
    __cuda_array_interface__ = {
        "version": 3, "shape": (1, 4096), "typestr": "<f4", "data": (1 << 46, False), "strides": None, "stream": None,
    }

y = _core.DeviceArray(4 * 4096).part(0, np.zeros((1, 4096), np.float32))
for use in (lambda: (_core.add(y, Nowhere(), Nowhere()).run(), y.numpy()), lambda: _core.DeviceArray(8)):
    try:
        use()
    except DeviceError as error:
        print(error)
"""


@on_gpu
def test_an_illegal_address_asks_for_another_process():
    paths = os.pathsep.join([str(ROOT / "python"), *sys.path])
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", ILLEGAL], env=environment, capture_output=True, text=True)
    told = done.stdout.splitlines()
    assert len(told) == 2, done.stdout + done.stderr
    assert "illegal memory access" in told[0]
    assert all("this process must be restarted" in line for line in told)


@on_gpu
def test_memory_comes_from_the_real_cupys_pool():
    pool = pytest.importorskip("cupy").get_default_memory_pool()
    try:
        keras.config.set_device_allocator("cupy")
        before = pool.used_bytes()
        block = _core.DeviceArray(1 << 20)
        assert pool.used_bytes() >= before + (1 << 20)
        pool.set_limit(size=pool.total_bytes())
        with pytest.raises(DeviceOutOfMemory, match=f"wanted {1 << 32} bytes"):
            _core.DeviceArray(1 << 32)
        pool.set_limit(size=0)  # none
        classifier("cuda").fit(*data(), epochs=2, verbose=0)
        del block
        gc.collect()
        assert pool.used_bytes() <= before
    finally:
        pool.set_limit(size=0)
        keras.config.set_device_allocator("auto")


@on_gpu
@pytest.mark.parametrize("shape", [(1, 1, 1), (33, 20, 40), (300, 257, 784), (1024, 512, 1024)])
def test_the_real_cublaslt_agrees_with_multiply_adds(shape):
    m, n, k = shape
    rng = np.random.default_rng(shape)
    x, w, dy = normal(rng, m, k), normal(rng, k, n), normal(rng, m, n)
    pairs = ((x, w), (dy, w.T), (x.T, dy))

    def products():
        arrays = [there(array) for array in (np.zeros_like(dy), x, w, dy, np.zeros_like(x), np.zeros_like(w))]
        y, a, b, d, da, db = arrays
        _core.dense_forward(y, None, a, b, None, "linear", 0.0).run()
        _core.dense_backward(da, db, None, None, d, None, a, b, "linear", 0.0).run()
        return [array.numpy() for array in (y, da, db)]

    before = _core.matmul_precision()
    try:
        try:
            keras.config.set_matmul_backend("cublaslt")
        except DeviceError as error:
            pytest.skip(f"cuBLASLt is not installed: {error}")
        _core.set_matmul_precision("ieee")
        assert _core.device_gemm_plan(m, n, k, architecture=None).endswith("by cuBLASLt")
        theirs = products()
        keras.config.set_matmul_backend("own")
        ours = products()
    finally:
        keras.config.set_matmul_backend("auto")
        _core.set_matmul_precision(before)
    for (a, b), own, other in zip(pairs, ours, theirs, strict=True):
        exact = a.astype(np.float64) @ b
        bound = ERRORS["ieee"] * np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=0)
        assert (np.abs(own - exact) <= bound).all()
        assert (np.abs(other - exact) <= bound).all()


def there(array):
    """A copy in memory of the device."""
    copy = _core.DeviceArray(array.nbytes).part(0, array)
    copy.upload(array)
    return copy


def dropping():
    return [keras.layers.Dense(40, activation="tanh"), keras.layers.Dropout(0.4), keras.layers.Dense(300)]


@needs_device
@pytest.mark.parametrize("layers", [None, dropping], ids=["batch_norm", "dropout"])
@pytest.mark.parametrize("steps", ["graph", "persistent"])
def test_every_run_has_the_same_bits(steps, layers):
    """130 rows in batches of 16: the last batch has two."""
    x, y = data(130)

    def fitted():
        model = classifier("cuda", keras.optimizers.Adam(global_clipnorm=0.5), layers)
        history = model.fit(x, y, epochs=3, batch_size=16, verbose=0).history
        return model.get_weights(), history, model.predict(x, verbose=0)

    before = _core.device_steps()
    _core.set_device_steps(steps)
    try:
        found = []
        for run in range(RUNS):
            with threads_in(TARGETS[run % len(TARGETS)]):
                found.append(fitted())
    finally:
        _core.set_device_steps(before)
    for other in found[1:]:
        assert_same(other, found[0], rtol=0, atol=0)
