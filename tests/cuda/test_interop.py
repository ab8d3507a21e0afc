"""Device memory in and out: DLPack and `__cuda_array_interface__`, and models on device arrays."""

import gc
import sys

import numpy as np
import pytest

import densor
from densor import ops
from tests.cuda.test_arrays import DeviceArray, on_device
from tests.ops.harness import _core

pytestmark = on_device


@pytest.fixture(autouse=True, params=["ascending", "descending"])
def device(request):
    """An emulated device whose memory is not that of NumPy arrays."""
    _core.emulate_device(request.param, False)
    yield
    _core.emulate_device("off")


class Foreign(DeviceArray):
    """An array of another library: memory that the emulated device can read, shown as device memory."""

    def __init__(self, array, stream=None, version=3):
        super().__init__(array, version=version, **({} if version < 3 else {"stream": stream}))


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def there(array):
    """A copy in memory of the device."""
    copy = _core.DeviceArray(array.nbytes).part(0, array)
    copy.upload(array)
    return copy


DTYPES = [
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float32",
    "float64",
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 0, 3)])
def test_dlpack_out_is_the_memory_itself(dtype, shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    mine = there(array)
    theirs = np.from_dlpack(mine)
    assert theirs.dtype == array.dtype
    np.testing.assert_array_equal(theirs, array)
    if theirs.size:
        assert theirs.__array_interface__["data"][0] == mine.__cuda_array_interface__["data"][0]


def test_the_memory_lives_as_long_as_whoever_took_it():
    array = normal(50, 50)
    theirs = np.from_dlpack(there(array))
    gc.collect()
    others = [there(np.zeros((50, 50), np.float32)) for _ in range(8)]  # would take freed memory
    np.testing.assert_array_equal(theirs, array)
    assert len(others) == 8


def test_capsules_that_nobody_takes_give_back_what_they_hold():
    mine = there(normal(3, 3))
    before = sys.getrefcount(mine)
    capsules = [mine.__dlpack__(), mine.__dlpack__(max_version=(1, 0))]
    assert sys.getrefcount(mine) == before + 2
    assert [repr(capsule).split('"')[1] for capsule in capsules] == ["dltensor", "dltensor_versioned"]
    del capsules
    gc.collect()
    assert sys.getrefcount(mine) == before


@pytest.mark.parametrize("version", [(1, 0), (1, 1), (2, 0)])
def test_versioned_capsules(version):
    assert '"dltensor_versioned"' in repr(there(normal(2)).__dlpack__(max_version=version))


def test_torch_takes_both_kinds():
    torch = pytest.importorskip("torch")
    array = normal(4, 5)
    mine = there(array)
    for capsule in (mine, mine.__dlpack__(), mine.__dlpack__(max_version=(1, 0))):
        np.testing.assert_array_equal(torch.from_dlpack(capsule).numpy(), array)


def test_dlpack_device_and_what_cannot_be_had():
    mine = there(normal(2, 2))
    assert mine.__dlpack_device__() == (1, 0), "emulated memory is the host's"
    assert mine.__dlpack__(dl_device=(1, 0), copy=False) is not None
    with pytest.raises(BufferError, match="only the memory itself"):
        mine.__dlpack__(copy=True)
    with pytest.raises(BufferError, match=r"is on device \(1, 0\)"):
        mine.__dlpack__(dl_device=(2, 0))
    with pytest.raises(ValueError, match="argument 'stream': 0 is ambiguous"):
        mine.__dlpack__(stream=0)


def test_read_only_memory_says_so():
    array = normal(2, 2)
    address = array.__array_interface__["data"][0]
    mine = _core.DeviceArray.wrapped(DeviceArray(array, data=(address, True)))
    assert not np.from_dlpack(mine).flags.writeable
    with pytest.raises(BufferError, match="read-only"):
        mine.__dlpack__()
    assert mine.__cuda_array_interface__["data"] == (address, True)
    assert there(array).__cuda_array_interface__["data"][1] is False


def test_the_interface_goes_round():
    array = normal(3, 4)
    mine = there(array)
    again = _core.DeviceArray.wrapped(Foreign(np.from_dlpack(mine)))
    assert (again.shape, again.dtype, again.ndim, again.size) == ((3, 4), np.float32, 2, 12)
    np.testing.assert_array_equal(again.numpy(), array)
    assert again.reshape(2, 6).shape == again.reshape((2, 6)).shape == (2, 6)
    with pytest.raises(ValueError, match=r"reshape\(\).*12"):
        again.reshape(5, 2)


def test_wrapped_arrays_keep_their_owner():
    array = normal(3, 4)
    before = sys.getrefcount(array)
    mine = _core.DeviceArray.wrapped(Foreign(array))
    assert sys.getrefcount(array) > before
    del mine
    gc.collect()
    assert sys.getrefcount(array) == before


@pytest.mark.parametrize("use", [ops.relu, _core.DeviceArray.wrapped])
def test_memory_of_another_device_is_refused_before_anybody_waits(use, device):
    array = normal(2, 3)
    _core.emulate_device("ascending", False, elsewhere=array.__array_interface__["data"][0])
    _core.emulated_order()
    with pytest.raises(
        ValueError, match=r"argument '\w+': lies in memory of cuda:1, only that of cuda:0 can be"
    ):
        use(Foreign(array, stream=140000))
    assert _core.emulated_order() == []
    use(Foreign(array.copy()))


X, W, B = normal(5, 8), normal(8, 3, seed=1), normal(3, seed=2)


def test_results_go_on_to_other_ops():
    y = ops.softmax(ops.dense(ops.relu(Foreign(X)), Foreign(W), Foreign(B)))
    want = ops.softmax(ops.dense(ops.relu(X), W, B))
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-5, atol=1e-6)


def test_models_take_device_arrays():
    rng = np.random.default_rng(0)
    x, y = normal(40, 4), rng.integers(0, 3, 40)

    def fitted(wrap):
        densor.utils.set_random_seed(1)
        model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", device="cuda")
        model.fit(wrap(x), wrap(y), epochs=2, batch_size=16, verbose=0)
        return [*model.get_weights(), model.predict(wrap(x), verbose=0)]

    for mine, other in zip(fitted(Foreign), fitted(np.asarray), strict=True):
        np.testing.assert_array_equal(mine, other)
    y[17] = 3
    with pytest.raises(ValueError, match=r"argument 'y': value 3(\.0)? at row 17 is outside \[0, 3\)"):
        fitted(Foreign)
