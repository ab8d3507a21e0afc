"""What no argument is to blame for: no memory left on the device, a context that is lost, a forked process."""

import gc
import os
import re
import sys

import numpy as np
import pytest

import densor as keras
from densor.errors import DeviceError, DeviceOutOfMemory
from tests.cuda.models import threads_in
from tests.cuda.test_arrays import DeviceArray, arrays, on_device
from tests.ops.harness import _core


@pytest.fixture
def device():
    """An emulated device; the test may make it small, or lose it."""
    gc.collect()  # models that other tests have left there count as well
    with threads_in("ascending"), keras.device("cuda"):
        yield


def step_on(*arrays):
    return _core.add(*map(DeviceArray, arrays))


def fitted(model=None):
    if model is None:
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    model.fit(
        rng.standard_normal((50, 4)),
        rng.standard_normal((50, 3)),
        epochs=2,
        batch_size=8,
        shuffle=False,
        verbose=0,
    )
    return model


def test_both_are_kinds_of_errors_that_programs_catch():
    assert issubclass(DeviceOutOfMemory, DeviceError)
    assert issubclass(DeviceOutOfMemory, MemoryError)
    assert not issubclass(DeviceError, MemoryError)
    assert DeviceOutOfMemory.__module__ == DeviceError.__module__ == "densor.errors"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"driver": 0}, "there is no NVIDIA driver; install one"),
        ({"driver": 12040}, "the NVIDIA driver is for CUDA 12.4, this build needs 13.0; update the driver"),
        ({"driver": 13000, "devices": 0}, "no GPU is visible; look at CUDA_VISIBLE_DEVICES"),
        (
            {"driver": 13000, "architecture": 61, "code": 209},
            "no code for the GPU's architecture, sm_61, which is",
        ),
        (
            {"driver": 13010, "architecture": 120, "code": 98},
            "architecture, sm_120; add it to CMAKE_CUDA_ARCH",
        ),
        ({"driver": 13010, "code": 222}, "older than the compiler of the only code .* update the driver"),
        ({"driver": 13010, "code": 999}, "loading a kernel failed with status 999$"),
    ],
)
def test_what_is_missing_is_named(found, words):
    assert re.search(words, _core.missing_for_device(**found))


def test_nothing_is_missing_where_the_driver_has_the_needed_major_version():
    for driver in (13000, 13020, 14000):
        assert _core.missing_for_device(driver=driver) == ""


@pytest.mark.parametrize(
    ("status", "forked", "words"),
    [
        (2, False, "smaller batches"),
        (3, False, "did not start"),
        (3, True, 'forked child.*"spawn"'),
        (98, False, "no code for this GPU's architecture"),
        (209, False, "no code for this GPU's architecture"),
        (222, False, "driver is older than the compiler"),
        (700, True, "^$"),
    ],
)
def test_advice(status, forked, words):
    assert re.search(words, _core.device_advice(status, forked))


def test_a_context_is_lost_where_an_error_stays():
    for known in (214, 700, 702, 710, 714, 715, 716, 717, 718, 719):
        assert _core.device_is_lost(known, 0), known
    assert _core.device_is_lost(721, 721)  # one that has no words here, of another call too
    assert not _core.device_is_lost(721, 0)
    assert not _core.device_is_lost(1, 721)
    for never_made in (2, 3, 34, 35, 46, 100, 802, 803, 804, 900, 906, 908):
        assert not _core.device_is_lost(never_made, never_made), never_made


def test_words_for_memory():
    assert _core.device_memory_text(10, 3, 8) == (
        "wanted 10 bytes of device memory, 3 of 8 bytes are free; use smaller batches or a smaller model"
    )
    assert "the driver wanted more device memory than there is, 3 of 8 bytes" in _core.device_memory_text(
        -1, 3, 8
    )
    assert "10 bytes of device memory, how much is free is not known" in _core.device_memory_text(10, 0, 0)


@on_device
def test_out_of_memory_says_how_much_and_leaves_the_model_usable(device):
    model, other = fitted(), fitted()
    before = model.get_weights()
    _core.emulate_device("ascending", False, memory=100)
    with pytest.raises(
        DeviceOutOfMemory, match=r"wanted \d+ bytes of device memory, \d+ of 100 bytes are free; use sm"
    ):
        fitted(model)
    assert all(map(np.array_equal, before, model.get_weights()))
    _core.emulate_device("ascending", False)
    fitted(model)
    fitted(other)
    assert all(map(np.array_equal, model.get_weights(), other.get_weights()))


@on_device
def test_memory_that_nobody_can_reach_any_more_is_there_again(device):
    """Arrays in circles, as models and their programs are, which wait for Python's collector."""
    gc.collect()
    gc.disable()
    try:
        _core.emulate_device("ascending", False, memory=1 << 16)
        for _ in range(5):  # of which two fit side by side
            circle = [_core.DeviceArray(30_000)]
            circle.append(circle)
        del circle
        kept = [_core.DeviceArray(1 << 15), _core.DeviceArray(1 << 15)]
        with pytest.raises(DeviceOutOfMemory, match="wanted 1 bytes of device memory, 0 of 65536"):
            _core.DeviceArray(1)
        del kept
    finally:
        gc.enable()


@on_device
def test_a_model_on_a_device_that_is_too_small(device):
    """Compiled for it, it raises what it must, and trains as if nothing had been once there is room."""
    results = []
    for sizes in ((None,), (0, 2000, 20000, None)):
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(300), keras.layers.Dense(3)])
        with keras.device("cuda"):
            model.compile("adam", "mse")
        before = model.get_weights()
        for size in sizes:
            _core.emulate_device("ascending", False, memory=size)
            if size is not None:
                with pytest.raises(DeviceOutOfMemory, match="bytes of device memory"):
                    fitted(model)
                assert all(map(np.array_equal, before, model.get_weights()))
                assert model.optimizer.iterations == 0
        fitted(model)
        results.append(model.get_weights())
    assert all(map(np.array_equal, *results))


@on_device
def test_memory_is_given_back(device):
    _core.emulate_device("ascending", memory=1 << 20)
    y, a, b = arrays()
    step = _core.add(y, a, b)
    for _ in range(3):
        step.run()
    x = np.zeros((3, 1 << 8), np.float32)
    for _ in range(100):  # of which only some twenty would fit side by side
        assert tuple(_core.count_nonfinite(x)) == (0, -1)


@on_device
@pytest.mark.parametrize("launches", [0, 3])
def test_a_lost_context_says_so_at_once_and_for_good(device, launches):
    model = fitted()
    _core.emulate_device("ascending", False, launches=launches)
    with pytest.raises(DeviceError, match=r"illegal memory access.*this process must be restarted") as error:
        fitted(model)
    assert not isinstance(error.value, MemoryError)
    y, a, b = arrays()
    for call in (
        lambda: fitted(model),
        lambda: step_on(y, a, b).run(),
        lambda: _core.count_nonfinite(DeviceArray(a)),
        lambda: _core.DeviceArray(8),
        lambda: _core.require_device("cuda"),
    ):
        with pytest.raises(DeviceError, match="context is lost: this process must be restarted"):
            call()
    assert "must be restarted" in keras.config.show_config().cuda
    np.testing.assert_array_equal(y, 0)


def in_child(function):
    """The error that `function` raises in a forked process, as text."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            function()
            os.write(write, b"nothing")
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


@on_device
@pytest.mark.skipif(not hasattr(os, "fork"), reason="only systems that fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_told_to_be_spawned(device):
    step = step_on(*arrays())
    step.run()
    told = in_child(step.run)
    assert told.startswith("DeviceError: "), told
    assert 'start processes with multiprocessing\'s method "spawn"' in told
    assert "spawn" in in_child(lambda: _core.require_device("cuda"))
    step.run()  # the parent goes on


@on_device
@pytest.mark.skipif(not hasattr(os, "fork"), reason="only systems that fork")
def test_a_child_of_a_process_that_has_not_used_it_may(device):
    program = (
        "import sys; sys.path.insert(0, '.'); from tests.cuda_host import use_cuda_host; use_cuda_host()\n"
        "import os, numpy as np; from densor import _core; _core.emulate_device('ascending')\n"
        "child = os.fork()\n"
        "y = np.zeros((1, 3), np.float32)\n"
        "if child == 0: _core.add(y, y + 1, y + 1).run(); os._exit(int(y[0, 0]))\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-c", program], os.environ) == 2
