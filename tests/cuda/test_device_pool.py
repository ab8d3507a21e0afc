"""Device memory from CuPy's pool: a stand-in for CuPy, whose memory the emulated device can read, counts what is taken
and given back, and on which stream."""

import gc
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import densor as keras
from densor import _core, config, ops
from densor.errors import DeviceError, DeviceOutOfMemory
from tests.cuda.models import assert_same, classifier, data, threads_in
from tests.cuda.test_arrays import on_device

ROOT = Path(__file__).parents[2]


class FakeCupy(ModuleType):
    """What densor uses of CuPy 14. `failure` is raised instead of memory."""

    def __init__(self):
        super().__init__("cupy")
        self.used = self.most = self.taken = self.limit = self.astray = 0
        self.has_gpu, self.failure = True, None
        self.current = threading.local()
        self.cuda = SimpleNamespace(
            is_available=lambda: self.has_gpu,
            Device=self._device,
            Stream=SimpleNamespace(from_external=self._stream),
            get_current_stream=lambda device: SimpleNamespace(ptr=1),
            alloc=self._allocate,
            get_allocator=lambda: self.allocator,
            runtime=SimpleNamespace(memGetInfo=lambda: (1000, 2000)),
        )
        self.pool = Pool(self)
        self.allocator = self.pool.malloc

    def get_default_memory_pool(self):
        return self.pool

    @contextmanager
    def _device(self, device):
        self.current.device = device
        yield
        self.current.device = 1

    def _stream(self, ours):
        cupy = self

        class Stream:
            def __enter__(self):
                cupy.current.stream = ours.__cuda_stream__()

            def __exit__(self, *_):
                cupy.current.stream = None

        return Stream()

    def on_our_stream(self):
        current = getattr(self.current, "device", None), getattr(self.current, "stream", None)
        return current == (0, (0, _core.device_stream()))

    def _allocate(self, nbytes):
        assert self.on_our_stream()
        if self.failure is not None:
            raise self.failure
        if self.limit and self.used + nbytes > self.limit:
            raise MemoryError(f"Out of memory allocating {nbytes} bytes")
        return Block(self, nbytes)


class Pool:
    """The default one."""

    def __init__(self, cupy):
        self.cupy = cupy

    def malloc(self, nbytes):
        raise AssertionError("`cupy.cuda.alloc` is asked")

    def free_bytes(self):
        return 24

    def used_bytes(self):
        return self.cupy.used

    def get_limit(self):
        return self.cupy.limit


class Block:
    """256 bytes more than wanted, so that it can be aligned as a GPU's memory is."""

    def __init__(self, cupy, nbytes):
        self.cupy, self.nbytes = cupy, nbytes
        self.memory = np.full(nbytes + 256, 0xFF, np.uint8)
        self.ptr = -(-self.memory.ctypes.data // 256) * 256
        cupy.used += nbytes
        cupy.taken += 1
        cupy.most = max(cupy.most, cupy.used)

    def __del__(self):
        self.cupy.used -= self.nbytes
        self.cupy.astray += not self.cupy.on_our_stream()


@pytest.fixture
def device():
    gc.collect()
    with threads_in("ascending"), keras.device("cuda"):
        yield
    config.set_device_allocator("auto")


@pytest.fixture
def cupy(device, monkeypatch):
    fake = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    yield fake
    config.set_device_allocator("cuda")
    gc.collect()
    assert fake.astray == 0, "given back in the order of another stream"


def fitted(model=None, **options):
    model = classifier("cuda") if model is None else model
    x, y = data()
    return model, model.fit(x, y, epochs=2, batch_size=16, verbose=0, **options).history


@on_device
class TestCupysPool:
    def test_it_is_used_where_cupy_is_imported(self, cupy):
        model, found = fitted()
        kept = sum(weights.nbytes for weights in model.get_weights())
        assert cupy.used >= kept
        assert cupy.most > cupy.used, "what a run alone needs is given back behind it"
        config.set_device_allocator("cuda")
        before = cupy.taken
        other, wanted = fitted()
        assert cupy.taken == before
        assert found == wanted
        for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_all_of_it_is_given_back(self, cupy):
        fitted()
        gc.collect()
        assert cupy.taken > 0
        assert cupy.used == 0

    def test_blocks_go_back_to_where_they_came_from(self, cupy):
        a = ops.add(*[there(np.ones((3, 4), np.float32))] * 2)
        config.set_device_allocator("cuda")
        b = ops.add(a, a)
        config.set_device_allocator("cupy")
        np.testing.assert_array_equal(b.numpy(), np.full((3, 4), 4, np.float32))
        assert cupy.used > 0
        del a
        assert cupy.used == 0

    def test_what_others_have_borrowed_waits_for_them(self, cupy):
        array = there(np.ones((3, 4), np.float32))
        array.__cuda_array_interface__  # noqa: B018
        del array
        assert cupy.used > 0, "somebody may still read it"
        large = _core.DeviceArray(1 << 28)
        large.__dlpack__()
        _core.emulated_order()
        del large
        assert "everyone" in _core.emulated_order()
        assert cupy.used == 0

    def test_a_cupy_without_a_gpu_is_left_alone(self, cupy):
        cupy.has_gpu = False
        fitted()
        assert cupy.taken == 0

    def test_an_older_cupy_is_left_alone(self, cupy):
        cupy.cuda.Stream = SimpleNamespace()
        fitted()
        assert cupy.taken == 0
        with pytest.raises(DeviceError, match=r"set_device_allocator\(\): .*'cupy' needs CuPy 14"):
            config.set_device_allocator("cupy")

    def test_its_limit_is_ours(self, cupy):
        model = classifier("cuda")
        cupy.limit = 3000
        with pytest.raises(DeviceOutOfMemory, match=r"wanted \d+ bytes .*, \d+ of 3000 bytes are free"):
            fitted(model, shuffle=False)
        cupy.limit = 0
        _, found = fitted(model, shuffle=False)
        config.set_device_allocator("cuda")
        assert_same(found, fitted(shuffle=False)[1])

    def test_no_room_on_the_device_says_how_much_there_is(self, cupy):
        cupy.failure = MemoryError("Out of memory")
        with pytest.raises(DeviceOutOfMemory, match=r"wanted 77 bytes .*, 1024 of 2000 bytes are free"):
            _core.DeviceArray(77)

    def test_without_a_pool_the_status_says_so(self, cupy):
        cupy.allocator, cupy.failure = None, RuntimeError("cudaErrorMemoryAllocation: out of memory")
        cupy.failure.status = 2
        with pytest.raises(DeviceOutOfMemory, match=r"wanted 77 bytes .*, 1000 of 2000 bytes are free"):
            _core.DeviceArray(77)

    def test_other_failures_are_in_its_words(self, cupy):
        cupy.failure = RuntimeError("cudaErrorUnknown")
        with pytest.raises(
            DeviceError, match=r"allocate\(\): CuPy: .*cudaErrorUnknown; .*allocator\(\"cuda\"\)"
        ):
            _core.DeviceArray(77)
        config.set_device_allocator("cuda")
        _core.DeviceArray(77)

    def test_an_interruption_passes(self, cupy):
        cupy.failure = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            fitted()
        cupy.failure = None
        fitted()

    def test_threads_that_measure_train_and_allocate_wait_for_one_another(self, cupy, tmp_path, monkeypatch):
        """Who waits for a lock of the engine's with the interpreter's in their hands would wait for ever."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        before, done = sys.getswitchinterval(), []

        def work(width):
            for rows in range(3, 40):
                y, x, w = (
                    there(np.ones(shape, np.float32)) for shape in ((rows, 2), (rows, width), (width, 2))
                )
                _core.dense_forward(y, None, x, w, None, "linear", 0.0, training=True).run()
                y.__cuda_array_interface__  # noqa: B018
            layers = [keras.layers.Dense(width, activation="relu"), keras.layers.Dense(1)]
            model = keras.Sequential([keras.Input((width,)), *layers])
            model.compile("adam", "mse", device="cuda")
            model.fit(np.ones((8, width)), np.ones((8, 1)), batch_size=4, epochs=2, verbose=0)
            done.append(width)

        threads = [threading.Thread(target=work, args=(width,), daemon=True) for width in (3, 4, 5, 6)]
        config.set_autotune(True)
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
        finally:
            config.set_autotune(False)
            sys.setswitchinterval(before)
        assert sorted(done) == [3, 4, 5, 6]
        assert len(next((tmp_path / "densor").iterdir()).read_text().splitlines()) > 4 * 30


def there(array):
    """A copy in memory of the device."""
    copy = _core.DeviceArray(array.nbytes).part(0, array)
    copy.upload(array)
    return copy


@on_device
def test_a_process_ends_with_blocks_of_cupys():
    program = (
        "from tests.cuda_host import use_cuda_host; use_cuda_host()\n"
        "import sys, numpy as np\n"
        "from densor import _core\n"
        "from tests.cuda.test_device_pool import FakeCupy, there\n"
        "_core.emulate_device('ascending', False)\n"
        "cupy = sys.modules['cupy'] = FakeCupy()\n"
        "kept = there(np.ones((3, 4), np.float32))\n"
        "assert cupy.used > 0\n"
    )
    paths = f"{ROOT}:{ROOT / 'python'}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"Exception ignored" not in done.stderr, done.stderr.decode()


def test_without_cupy_the_choice_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # an import fails
    before = config.device_allocator()
    with pytest.raises(DeviceError, match=r"'cupy' needs CuPy, which cannot be imported .*densor\[cuda13\]"):
        config.set_device_allocator("cupy")
    assert config.device_allocator() == before == "auto"


def test_the_setting_is_shown_and_checked():
    config.set_device_allocator("cuda")
    try:
        assert "memory there cuda" in str(config.show_config())
    finally:
        config.set_device_allocator("auto")
    with pytest.raises(ValueError, match=r"set_device_allocator\(\): argument 'value': 'torch'"):
        config.set_device_allocator("torch")
    with pytest.raises(TypeError, match=r"set_device_allocator\(\): argument 'value'"):
        config.set_device_allocator(1)
