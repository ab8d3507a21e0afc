"""Variables: copies in, copies out, and checked assignment."""

import numpy as np
import pytest

import densor
from densor import layers, ops
from densor.graph import Variable


def test_it_copies_what_it_gets_and_what_it_gives():
    source = np.zeros(2, np.float32)
    variable = Variable(source, "v")
    source[0] = 5
    variable.numpy()[1] = 7
    assert variable.array.tolist() == [0, 0]
    assert variable.dtype == "float32"
    assert np.asarray(variable, np.float64).dtype == np.float64


@pytest.mark.parametrize("value", [[1, 2], np.array([1.0, 2.0]), np.array([1, 2], ">i4"), (np.float16(1), 2)])
def test_assign_converts_real_numbers(value):
    variable = Variable([0.0, 0.0], "v")
    variable.assign(value)
    assert variable.array.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ([1.0], ValueError, r"expected shape \(2,\) for v, got \(1,\)"),
        (1.0, ValueError, r"got \(\)"),
        ([[1.0, 2.0]], ValueError, r"got \(1, 2\)"),
        ([1.0, 1e39], ValueError, "1e\\+39"),
        ([1j, 2j], TypeError, "complex"),
        (["a", "b"], TypeError, "<U1"),
        ([None, None], TypeError, "object"),
        (None, TypeError, "NoneType"),
    ],
)
def test_assign_refuses_and_changes_nothing(value, error, text):
    variable = Variable([3.0, 4.0], "v")
    with pytest.raises(error, match=r"^assign\(\): argument 'value': .*" + text):
        variable.assign(value)
    assert variable.array.tolist() == [3, 4]


def test_operators_are_those_of_the_values():
    variable, other = Variable([1.0, 2.0], "v"), Variable([3.0, 4.0], "other")
    for got, expected in (
        (variable * 2 + 1, [3, 5]), (2 - variable, [1, 0]), (variable / other, [1 / 3, 0.5]), (variable**2, [1, 4]),
        (-variable, [-1, -2]), (abs(-other), [3, 4]), (variable @ other, 11), (np.eye(2) @ other, [3, 4]),
        (variable > 1.5, [False, True]), (variable <= other, [True, True]), (variable[1], 2), (variable[:1], [1]),
        (np.ones(2) + variable, [2, 3]), (np.exp(variable), np.exp([1, 2])),
    ):  # fmt: skip
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert float(Variable(2.5)) == 2.5
    assert (variable.ndim, Variable(2.5).ndim) == (1, 0)
    assert variable.array.tolist() == [1, 2]
    assert (variable == other) is False  # variables are keys


def test_values_are_added_and_subtracted_in_place():
    variable = Variable([1.0, 2.0], "v")
    variable.assign_add([3, 4])
    variable.assign_sub(np.array([0.5, 0.5]))
    assert variable.array.tolist() == [3.5, 5.5]
    with pytest.raises(ValueError, match=r"^assign_add\(\): argument 'value': expected shape \(2,\)"):
        variable.assign_add([1.0])
    with pytest.raises(TypeError, match=r"^assign_sub\(\)"):
        variable.assign_sub("a")


ALONE = {
    "numpy": lambda x, w: x * np.exp(w),
    "array": lambda x, w: x * (np.ones(3) * w),
    "part": lambda x, w: x * w[0],
    "sum": lambda x, w: x * ops.sum(w),
    "sum of a function": lambda x, w: x * ops.sum(ops.exp(w)),
    "softmax": lambda x, w: x * ops.softmax(w),
    "part of a function": lambda x, w: x * (w * 2)[0],
    "several": lambda x, w: x * ops.concatenate([ops.exp(w), ops.exp(w)]),
    "product": lambda x, w: x @ (w * 2),
    "layer": lambda x, w: x * layers.Dense(3)(w * 2),
    "output": lambda x, w: ops.exp(w),
}


class Formula(layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")

    def call(self, inputs):
        return self.function(inputs, self.w)


@pytest.mark.parametrize("name", ALONE)
def test_what_would_never_be_trained_is_refused(name):
    with pytest.raises(
        TypeError,
        match=r"(/w: what a call\(\) computes of a variable alone is|was computed of weights alone)",
    ):
        Formula(ALONE[name])(np.ones((2, 3), np.float32))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: w * x,
        lambda x, w: x * w * w,
        lambda x, w: x * ops.exp(ops.zeros_like(x) + w),
        lambda x, w: x * ops.exp(w),
        lambda x, w: x * (w * w) - -w,
        lambda x, w: x + abs(w - 0.5),
    ],
)
def test_what_is_computed_of_weights_is_trained(function):
    layer = Formula(function)
    model = densor.Sequential([densor.Input((3,)), layer])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 3)), np.zeros((8, 3)), verbose=0)
    assert (layer.w.numpy() < 1.0).all()


class Broadcast(layers.Layer):
    """Weights of several shapes, and what is computed of them alone."""

    def build(self, input_shape):
        shapes = {"whole": (2, 3), "row": (3,), "column": (2, 1), "number": ()}
        self.ws = {name: self.add_weight(shape, "ones", name=name) for name, shape in shapes.items()}

    def call(self, x):
        whole, row, column, number = self.ws.values()
        return x * ops.exp(whole * row - column) + ops.tanh(number * column) + 2 * row


def test_weights_are_broadcast_among_themselves_and_over_the_batch():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 5, 2, 3)).astype(np.float32)
    layer = Broadcast()
    model = densor.Sequential([densor.Input((2, 3)), layer])
    model.compile(densor.optimizers.SGD(1.0), "mse")
    before = [w.numpy().astype(np.float64) for w in layer.ws.values()]

    def loss(whole, row, column, number):
        return np.mean((x * np.exp(whole * row - column) + np.tanh(number * column) + 2 * row - y) ** 2)

    model.fit(x, y, batch_size=5, verbose=0)
    for k, variable in enumerate(layer.ws.values()):
        for place in np.ndindex(variable.shape):
            shifted = []
            for step in (1e-5, -1e-5):
                values = [value.copy() for value in before]
                values[k][place] += step
                shifted.append(loss(*values))
            slope = (shifted[0] - shifted[1]) / 2e-5
            np.testing.assert_allclose(
                before[k][place] - variable.numpy()[place], slope, rtol=1e-4, atol=1e-6
            )


def test_a_weight_may_not_be_added_to_the_loss_unsummed():
    class Penalized(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((input_shape[-1],), "ones", name="w")

        def call(self, inputs):
            self.add_loss(ops.exp(self.w))
            return inputs

    with pytest.raises(TypeError, match="was computed of weights alone"):
        Penalized()(densor.Input((3,)))
