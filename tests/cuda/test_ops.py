"""Every function of `densor.ops` on arrays in device memory: the same numbers as on those of the host, or a reason."""

import sys

import numpy as np
import pytest

from densor import _core, ops
from tests.cuda.test_arrays import on_device
from tests.cuda.test_interop import Foreign, normal, there

pytestmark = on_device

X, Y, W, B = normal(5, 8), normal(5, 8, seed=1), normal(8, 3, seed=2), normal(3, seed=3)
CUBE, IMAGES = normal(4, 3, 6, seed=4), np.abs(normal(3, 4, 5, 3, seed=5)) * 50
COLUMN, ROW = normal(5, 1, seed=6), normal(8, seed=7)
GAMMA, BETA, POSITIVE = normal(8, seed=8), normal(8, seed=9), np.abs(normal(8, seed=10)) + 0.5
LABELS = np.array([0, 7, 3, 3, 1])
SHARE = np.abs(normal(5, 8, seed=11)) / 4
SETTINGS = np.abs(normal(3, 5, seed=12)) / 5
NAN = np.where(np.arange(40).reshape(5, 8) == 11, np.nan, X).astype(np.float32)


def unary(*names):
    return {name: (getattr(ops, name), X) for name in names}


def binary(*names):
    for name in names:
        function = getattr(ops, name)
        yield name, (function, X, Y)
        yield f"{name}, a column", (function, X, COLUMN)
        yield f"{name}, a row first", (function, ROW, X)
        yield f"{name}, in the middle", (function, CUBE[:, :1].copy(), CUBE)
        yield f"{name}, both grow", (function, COLUMN, ROW)
        yield f"{name}, a number", (lambda a, f=function: f(a, 1.5), X)


def image_color(kind, count, other=None):
    parameters = SETTINGS[:, :count].copy() if count < 5 else np.array([[1, 0, 0, 2, 3]] * 3, np.float32)
    if other is None:
        return lambda x, p: ops.image_color(x, kind, p, value_range=(0, 255)), IMAGES, parameters
    return (
        lambda x, p, o: ops.image_color(x, kind, p, other=o, value_range=(0, 255)),
        IMAGES, parameters, other,
    )  # fmt: skip


def step(w, g, m):
    ops.optimizer_step("momentum", w, g, [m], [0.1, 0.9], decay=0.01, clipnorm=1.0)
    return w, m


CALLS = {
    **unary(
        "relu", "elu", "selu", "sigmoid", "tanh", "leaky_relu", "softplus", "linear", "negative", "absolute", "abs",
        "sign", "floor", "round", "ceil", "exp", "expm1", "erf", "square", "reciprocal", "relu6", "hard_tanh",
        "hard_sigmoid", "hard_silu", "hard_swish", "hard_shrink", "soft_shrink", "sparse_plus", "sparse_sigmoid",
        "celu", "gelu", "log_sigmoid", "mish", "silu", "swish", "softsign", "squareplus", "tanh_shrink", "softmax",
        "log_softmax", "sparsemax", "glu", "identity", "flatten", "zeros_like", "ones_like", "logical_not", "sum",
        "mean", "max", "min", "std", "var", "logsumexp", "convert_to_tensor", "layer_norm", "rms_norm", "unit_norm",
        "argmax", "shape", "argmin", "size", "ndim", "isnan", "isinf", "isfinite", "any", "all", "count_nonzero",
        "norm", "flip", "ravel", "stop_gradient",
    ),
    **{name: (getattr(ops, name), POSITIVE) for name in ("sqrt", "rsqrt", "log", "log1p", "log2", "log10")},
    **dict(
        binary(
            "add", "subtract", "multiply", "divide", "maximum", "minimum", "less", "less_equal", "greater",
            "greater_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_xor",
        )
    ),
    "power": (ops.power, np.abs(X), Y),
    "where": (lambda c, a, b: ops.where(ops.greater(c, 0.0), a, b), COLUMN, X, ROW),
    "where of a number": (lambda a: ops.where(ops.greater(a, 0.0), 1.0, a), X),
    "clip": (lambda x: ops.clip(x, -0.5, 0.5), X),
    "threshold": (lambda x: ops.threshold(x, 0.1, -1.0), X),
    "bounded_relu": (lambda x: ops.bounded_relu(x, 0.1, 1.0, 0.2), X),
    "gelu, approximate": (lambda x: ops.gelu(x, approximate=True), X),
    "prelu": (ops.prelu, X, ROW),
    "prelu of rank 3": (ops.prelu, CUBE, CUBE[0, :1]),
    "activation": (lambda x: ops.activation(x, "silu", 1.5), CUBE),
    "activation_backward": (lambda dy, y: ops.activation_backward(dy, y, "tanh"), X, Y),
    "rescale": (lambda x: ops.rescale(x, 2.0, 1.0), X),
    "dense": (lambda x, w, b: ops.dense(x, w, b, "gelu"), X, W, B),
    "dense_backward": (ops.dense_backward, normal(5, 3, seed=13), X, W),
    "batch_norm": (ops.batch_norm, X, GAMMA, BETA),
    "batch_norm_forward": (ops.batch_norm_forward, X, GAMMA, BETA),
    "batch_norm_inference": (ops.batch_norm_inference, X, GAMMA, BETA, ROW, POSITIVE),
    "batch_norm_backward": (ops.batch_norm_backward, Y, X, X.mean(0), X.var(0), GAMMA),
    "layer_norm, two axes": (lambda x: ops.layer_norm(x, axis=(1, 2)), CUBE),
    "rms_norm, the first axis": (lambda x, g: ops.rms_norm(x, g, axis=1), CUBE, normal(3, seed=14)),
    "group_norm": (lambda x, g: ops.group_norm(x, g, groups=2), CUBE, normal(6, seed=15)),
    "layer_norm_forward": (ops.layer_norm_forward, X, GAMMA, BETA),
    "layer_norm_backward": (ops.layer_norm_backward, Y, X, ops.layer_norm_forward(X)[1], GAMMA),
    "softmax along an axis": (lambda x: ops.softmax(x, axis=1), CUBE),
    "softmax_backward": (ops.softmax_backward, X, SHARE),
    "masked_softmax": (ops.masked_softmax, X, (Y > 0).astype(np.float32)),
    "sparsemax along an axis": (lambda x: ops.sparsemax(x, axis=1), CUBE),
    "glu along an axis": (lambda x: ops.glu(x, axis=2), normal(2, 3, 4)),
    "sum over axes": (lambda x: ops.sum(x, axis=(0, 2)), CUBE),
    "mean, keepdims": (lambda x: ops.mean(x, axis=1, keepdims=True), CUBE),
    "max over the batch": (lambda x: ops.max(x, axis=0), CUBE),
    "sum over no axis": (lambda x: ops.sum(x, axis=()), CUBE),
    "std over axes": (lambda x: ops.std(x, axis=(1, 2)), CUBE),
    "logsumexp along an axis": (lambda x: ops.logsumexp(x, axis=1), CUBE),
    "argmax along an axis": (lambda x: ops.argmax(x, axis=1), CUBE),
    "argmax, keepdims": (lambda x: ops.argmax(x, axis=-1, keepdims=True), CUBE),
    "argmax of equals and NaN": (ops.argmax, np.where(NAN > 0, 1, NAN).astype(np.float32)),
    "transpose, axes turned round": (ops.transpose, CUBE),
    "transpose": (lambda x: ops.transpose(x, (0, 2, 1)), CUBE),
    "dot": (lambda x, w: ops.dot(x, w), X, np.ascontiguousarray(X.T)),
    "dot, a vector": (ops.dot, X, ROW),
    "swapaxes": (lambda x: ops.swapaxes(x, 0, 2), CUBE),
    "moveaxis": (lambda x: ops.moveaxis(x, 0, -1), CUBE),
    "repeat": (lambda x: ops.repeat(x, 2, axis=1), CUBE),
    "tile": (lambda x: ops.tile(x, (2, 1, 2)), CUBE),
    "hstack": (lambda a, b: ops.hstack([a, b]), CUBE, CUBE[:, :1].copy()),
    "vstack": (lambda a, b: ops.vstack([a, b]), X, ROW),
    "unstack": (lambda x: ops.unstack(x, axis=1)[1], CUBE),
    "reshape": (lambda x: ops.reshape(x, (2, -1)), CUBE),
    "concatenate": (lambda a, b: ops.concatenate([a, b], axis=1), CUBE, CUBE[:, :1].copy()),
    "get_item": (lambda x: ops.get_item(x, np.s_[:, ::2, 1:]), CUBE),
    "take, all in a row": (lambda x: ops.take(x, [[3, -1]]), CUBE),
    "get_item, nothing": (lambda x: ops.get_item(x, np.s_[:, 1:1]), CUBE),
    "take": (lambda x: ops.take(x, [2, 0], axis=-1), CUBE),
    "expand_dims": (lambda x: ops.expand_dims(x, 1), X),
    "squeeze": (lambda x: ops.squeeze(x, 1), CUBE[:, :1].copy()),
    "split": (lambda x: ops.split(x, [1], axis=2)[1], CUBE),
    "stack": (lambda x: ops.stack([x, x], axis=1), X),
    "matmul": (lambda x, w: ops.matmul(x, w), X, np.ascontiguousarray(X.T)),
    "cast": (lambda x: ops.cast(x, "bool"), X),
    "cast to float32": (lambda x: ops.cast(x, "float32"), LABELS),
    "one_hot, axis": (lambda x: ops.one_hot(x, 8, axis=0, dtype="float32"), LABELS),
    "one_hot": (lambda x: ops.one_hot(x, 8), LABELS),
    "dropout": (lambda x: ops.dropout(x, 0.4, seed=3), CUBE),
    "dropout, noise_shape": (lambda x: ops.dropout(x, 0.4, seed=3, noise_shape=(None, 1, 6)), CUBE),
    "alpha_dropout": (lambda x: ops.alpha_dropout(x, 0.4, seed=3), X),
    "dropout_forward": (lambda x: ops.dropout_forward(x, 0.4, seed=3, step=5, stream=2), X),
    "dropout_backward": (lambda dy, m: ops.dropout_backward(dy, m, 0.4), X, ops.dropout_forward(X, 0.4, seed=3)[1]),
    "gaussian_noise": (lambda x: ops.gaussian_noise(x, 0.4, seed=3), X),
    "gaussian_dropout": (lambda x: ops.gaussian_dropout(x, 0.4, seed=3), X),
    "random_rows": (lambda x: ops.random_rows(x, [1.0, 3.0], [2.0, 3.0], seed=4), X),
    "standardize": (ops.standardize, X, ROW, POSITIVE),
    "mean_squared_error": (ops.mean_squared_error, X, Y, POSITIVE[:5]),
    "mean_squared_error of rank 3": (ops.mean_squared_error, CUBE, CUBE * 2),
    "mean_absolute_error": (ops.mean_absolute_error, X, COLUMN),
    "sigmoid_cross_entropy": (ops.sigmoid_cross_entropy, X, SHARE),
    "softmax_cross_entropy": (ops.softmax_cross_entropy, X, LABELS),
    "softmax_cross_entropy of int32": (ops.softmax_cross_entropy, X, LABELS[:, None].astype(np.int32)),
    "softmax_cross_entropy of shares": (ops.softmax_cross_entropy, X, SHARE, POSITIVE[:5]),
    "circle_loss": (ops.circle_loss, X / 3, LABELS),
    "penalty": (lambda x: ops.penalty(x, 0.1, 0.2), X),
    "norm_constraint": (lambda w: ops.norm_constraint(w, axis=0, low=0.5, high=1.0), X),
    "spectral_norm": (ops.spectral_norm, W, normal(3, seed=16)),
    "optimizer_step": (step, ROW, GAMMA, BETA),
    "image_blur": (
        lambda x, p: ops.image_blur(x, p, (3, 3), value_range=(0, 255)),
        IMAGES, np.array([[1, 1.5, 2, 1]] * 3, np.float32),
    ),
    "image_warp": (lambda x, p: ops.image_warp(x, "flip", p), IMAGES, np.eye(3, dtype=np.float32)),
    "image_color": image_color("brightness", 1),
    "image_color, blend": image_color("blend", 1, IMAGES[::-1].copy()),
}  # fmt: skip
# Functions of no arrays, or of symbolic tensors only, or whose results never stay there.
OTHERS = {
    "activation_saves", "penalize", "spectral_normalized", "arange", "eye", "full", "linspace", "ones", "zeros",
    "convert_to_numpy",
}  # fmt: skip


@pytest.fixture(autouse=True, params=["ascending", "descending"])
def device(request):
    """An emulated device whose memory is not that of NumPy arrays."""
    _core.emulate_device(request.param, False)
    yield
    _core.emulate_device("off")


def several(results):
    return (
        list(results)
        if isinstance(results, tuple) and not all(isinstance(i, int) for i in results)
        else [results]
    )


def values(item):
    return item.numpy() if isinstance(item, _core.DeviceArray) else np.asarray(item)


@pytest.mark.parametrize("name", CALLS)
def test_results_are_those_of_the_host(name):
    function, *arrays = CALLS[name]
    _core.emulate_device("off")
    expected = several(function(*(array.copy() for array in arrays)))
    _core.emulate_device("ascending", False)
    got = several(function(*map(there, arrays)))
    assert len(got) == len(expected)
    for mine, want in zip(got, expected, strict=True):
        assert isinstance(mine, _core.DeviceArray) == isinstance(want, np.ndarray | np.generic)
        assert values(mine).shape == np.shape(want)
        np.testing.assert_allclose(values(mine), want, rtol=2e-5, atol=2e-5)


def test_every_function_is_compared():
    compared = {name.split(",")[0].split(" ")[0] for name in CALLS}
    public = {name for name in vars(ops) if callable(getattr(ops, name)) and not name.startswith("_")}
    assert compared | OTHERS == public


def test_values_come_to_the_host():
    found = ops.convert_to_numpy(there(X))
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, X)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32", "int64", "float64"])
def test_other_dtypes_become_float32(dtype):
    x = (np.arange(12).reshape(3, 4) % 5).astype(dtype)
    got = ops.multiply(there(x), 0.5)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got.numpy(), x.astype(np.float32) / 2)


STRIDED = {
    "transposed": lambda x: x.T,
    "three axes turned": lambda x: x.reshape(2, 3, 8).transpose(2, 0, 1),
    "every second row": lambda x: x[::2],
    "some columns": lambda x: x[:, 2:5],
    "a number": lambda x: x[1, 2],
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("name", STRIDED)
def test_other_orders_become_that_of_c(name, dtype):
    whole = (normal(6, 8) * 10).astype(dtype)
    x = STRIDED[name](whole)
    x = x if isinstance(x, np.ndarray) else np.array(x)
    np.testing.assert_array_equal(ops.negative(Foreign(x)).numpy(), -x.astype(np.float32))


def test_what_is_refused_says_why():
    with pytest.raises(
        ValueError, match=r"relu\(\): argument 'x': lies in device memory with gaps within its rows"
    ):
        ops.relu(Foreign(normal(4, 8)[:, ::2]))
    with pytest.raises(
        TypeError, match=r"relu\(\): argument 'x': expected float32 in device memory, got float16"
    ):
        ops.relu(Foreign(normal(4, 8).astype(np.float16)))
    with pytest.raises(TypeError, match=r"relu\(\): argument 'x': .*complex64 is not supported"):
        ops.relu(Foreign(normal(4, 8).astype(np.complex64)))
    with pytest.raises(ValueError, match=r"relu\(\): argument 'x': holds float64 numbers outside the range"):
        ops.relu(Foreign(np.array([1.0, 1e300])))
    with pytest.raises(ValueError, match=r"is on the cpu, but .* is on cuda; move one of them"):
        ops.dense(there(X), W, B)
    with pytest.raises(
        TypeError, match=r"add\(\): argument 'b': expected a number or an array in the memory of"
    ):
        ops.add(there(X), X)
    with pytest.raises(
        ValueError, match=r"add\(\): argument 'b': shapes \(5, 8\) and \(8, 3\) cannot be broadcast"
    ):
        ops.add(there(X), there(W))
    with pytest.raises(
        ValueError, match=r"cast\(\): argument 'dtype': int32: in device memory there are float32"
    ):
        ops.cast(there(X), "int32")
    with pytest.raises(ValueError, match=r"argument 'target': value 8 at row 1 is not a label in \[0, 8\)"):
        ops.softmax_cross_entropy(there(X), there(np.array([0, 8, 1, -1, 2])))


def test_infinities_of_float64_are_no_overflow():
    x = np.array([np.inf, -np.inf, 1.0])
    np.testing.assert_array_equal(ops.negative(there(x)).numpy(), -x)


def test_empty_arrays():
    empty = there(np.zeros((0, 4), np.float32))
    assert ops.relu(empty).shape == (0, 4)
    assert ops.add(empty, there(np.zeros((1, 4), np.float32))).shape == (0, 4)
    assert ops.transpose(there(np.zeros((0, 2, 3), np.float32)), (0, 2, 1)).shape == (0, 3, 2)


def test_operators():
    a, b = there(X), there(Y)
    for got, want in [
        (a + b, X + Y), (a - b, X - Y), (a * b, X * Y), (a / b, X / Y), (-a, -X), (abs(a), abs(X)), (1 + a, 1 + X),
        (1 - a, 1 - X), (np.float32(2) * a, 2 * X), (1 / a, 1 / X), (a**2, X**2), (a < b, X < Y), (a >= 0, X >= 0),
        (a > b, X > Y), (a <= 0, X <= 0), (2**a, 2**X),
    ]:  # fmt: skip
        np.testing.assert_allclose(got.numpy(), want.astype(np.float32), rtol=1e-6)
    assert len(a) == 5
    with pytest.raises(
        TypeError, match=r"add\(\): argument 'b': expected a number or an array in the memory of"
    ):
        a + X


OURS = 1 << 20  # the emulated device's stream


class OnlyDlpack:
    """As libraries whose arrays have no other interface."""

    def __init__(self, array, kind=2, index=0):
        self.array, self.kind, self.index, self.streams = array, kind, index, []

    def __dlpack_device__(self):
        return self.kind, self.index

    def __dlpack__(self, *, stream):
        self.streams.append(stream)
        return there(self.array).__dlpack__() if self.array.dtype != object else None


@pytest.mark.parametrize("place", [(2, 1), (10, 0)])
def test_memory_of_another_device_is_refused(place):
    foreign = OnlyDlpack(normal(3, 4), *place)
    with pytest.raises(
        ValueError, match=rf"argument 'array': is on device \({place[0]}, {place[1]}\) of DLPack"
    ):
        _core.DeviceArray.wrapped(foreign)
    assert foreign.streams == []  # nobody was asked for anything


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
def test_dlpack_in(dtype):
    array = (normal(3, 4) * 4).astype(dtype)
    foreign = OnlyDlpack(array)
    mine = _core.DeviceArray.wrapped(foreign)
    assert (mine.dtype, mine.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(mine.numpy(), array)
    assert foreign.streams == [OURS, OURS]
    np.testing.assert_array_equal(ops.negative(foreign).numpy(), -array.astype(np.float32))
    assert len(foreign.streams) >= 4  # asked at every use
    assert set(foreign.streams) == {OURS}


def test_dlpack_memory_is_kept_and_given_back():
    mine = there(X)
    before = sys.getrefcount(mine)

    class Producer(OnlyDlpack):
        def __dlpack__(self, *, stream):
            return mine.__dlpack__()

    taken = _core.DeviceArray.wrapped(Producer(X))
    part = taken.reshape(40)
    assert sys.getrefcount(mine) == before + 1
    del taken
    np.testing.assert_array_equal(part.numpy(), X.reshape(-1))
    del part
    assert sys.getrefcount(mine) == before


def test_dlpack_of_the_host_is_an_array_of_the_host():
    class Tensor(OnlyDlpack):
        def __array__(self, dtype=None, copy=None):
            return self.array

    assert isinstance(ops.relu(Tensor(X, kind=1)), np.ndarray)
    with pytest.raises(TypeError, match="returns no capsule named 'dltensor'"):
        ops.relu(OnlyDlpack(np.array([None])))


def test_results_go_out_both_ways():
    y = ops.softmax(there(X))
    interface = y.__cuda_array_interface__
    assert (interface["version"], interface["stream"], interface["typestr"]) == (3, OURS, "<f4")
    np.testing.assert_array_equal(ops.identity(_core.DeviceArray.wrapped(y)).numpy(), np.from_dlpack(y))
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(
        torch.from_dlpack(ops.mean_squared_error(there(X), there(Y))[1]).numpy().shape, X.shape
    )
