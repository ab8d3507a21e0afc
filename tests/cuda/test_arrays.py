"""Arrays in device memory come in by `__cuda_array_interface__`: CuPy's, PyTorch's, anybody's."""

import numpy as np
import pytest

from densor._core import DeviceError
from tests.ops.harness import EMULATED, _core

on_device = pytest.mark.skipif(not EMULATED, reason="the CUDA kernels run in `make test-cuda`")


class DeviceArray:
    """Host memory that calls itself device memory, as the emulated device may."""

    def __init__(self, array, **changes):
        interface = dict(array.__array_interface__)
        self.memory = array
        self.__cuda_array_interface__ = {**interface, "version": 3, **changes}


def arrays():
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((2, 3), np.float32)
    return np.zeros((2, 3), np.float32), a, b


@on_device
def test_device_arrays_are_read_and_written_in_place():
    y, a, b = arrays()
    step = _core.add(*(DeviceArray(array) for array in (y, a, b)))
    assert step.device == "cuda"
    step.run()
    np.testing.assert_array_equal(y, a + b)


@on_device
def test_strides_of_the_interface_are_checked():
    y, _, b = arrays()
    with pytest.raises(ValueError, match="contiguous"):
        _core.add(DeviceArray(y), DeviceArray(np.zeros((2, 6), np.float32)[:, ::2]), DeviceArray(b))


@on_device
def test_read_only_device_memory_is_not_written():
    y, a, b = arrays()
    pointer = y.__array_interface__["data"][0]
    with pytest.raises(ValueError, match="read-only"):
        _core.add(DeviceArray(y, data=(pointer, True)), DeviceArray(a), DeviceArray(b))


@on_device
def test_host_and_device_arrays_do_not_mix():
    y, a, b = arrays()
    with pytest.raises(ValueError, match="is on the cpu, but 'y' is on cuda"):
        _core.add(DeviceArray(y), a, DeviceArray(b))


@on_device
@pytest.mark.parametrize("argument", ["code", "constants"])
def test_tables_that_the_host_reads_are_on_the_host(argument):
    x, y = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)
    opcodes = _core.expression_opcodes()
    code = np.array([(opcodes["load"], 1, 0, 0, 0), (opcodes["store"], 0, 1, 0, 0)], np.int32)
    tables = {"code": code, "constants": np.zeros(1, np.float32)}
    call = lambda: _core.expression([DeviceArray(y)], [DeviceArray(x)], *tables.values(), 2, 3)  # noqa: E731
    call().run()
    np.testing.assert_array_equal(y, x)
    tables[argument] = DeviceArray(tables[argument])
    with pytest.raises(TypeError, match=f"argument '{argument}': is on cuda, but the host reads it"):
        call()


@on_device
def test_programs_have_one_device():
    y, a, b = arrays()
    on_gpu = _core.add(*(DeviceArray(array) for array in (y, a, b)))
    with pytest.raises(ValueError, match="runs on the cpu, others on cuda"):
        _core.Program([on_gpu, _core.add(y, a, b)], [])


@pytest.mark.skipif(_core.build_info()["cuda"] != "absent", reason="this build has CUDA kernels")
def test_a_build_without_cuda_says_so():
    y, a, b = arrays()
    with pytest.raises(DeviceError, match='no CUDA kernels; use device="cpu"'):
        _core.add(DeviceArray(y), DeviceArray(a), DeviceArray(b))
