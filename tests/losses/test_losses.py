"""Losses on arrays: numbers worked out by hand, reductions, weights, shapes and wrong input."""

import json
import math

import numpy as np
import pytest

from densor import config, losses, ops
from densor.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

LN2 = math.log(2)
PROBABILITIES = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_mean_squared_error():
    assert MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [1, 0]]) == 0.5
    assert losses.mean_squared_error([[0.0, 2.0]], [[1.0, 4.0]]).tolist() == [2.5]


def test_mean_absolute_error():
    assert MeanAbsoluteError()([[0, 1], [0, 0]], [[1, 1], [1, -2]]) == 1.0
    assert losses.mean_absolute_error([[0.0, 2.0]], [[1.0, 4.0]]).tolist() == [1.5]


def test_binary_crossentropy():
    expected = -(math.log(0.9) + math.log(0.8) + math.log(0.3)) / 3
    assert BinaryCrossentropy()([[1], [0], [1]], [[0.9], [0.2], [0.3]]) == pytest.approx(expected, rel=1e-12)
    columns = losses.binary_crossentropy([[1, 0]], [[0.9, 0.2]])
    np.testing.assert_allclose(columns, [-(math.log(0.9) + math.log(0.8)) / 2], rtol=1e-12)


@pytest.mark.parametrize("x", [-3.0, 0.0, 2.5])
@pytest.mark.parametrize("y", [0.0, 0.3, 1.0])
def test_binary_crossentropy_of_logits(x, y):
    p = sigmoid(x)
    expected = -(y * math.log(p) + (1 - y) * math.log(1 - p))
    assert BinaryCrossentropy(from_logits=True)([[y]], [[x]]) == pytest.approx(expected, rel=1e-12)


def test_logits_never_overflow():
    loss = BinaryCrossentropy(from_logits=True, reduction="none")
    np.testing.assert_allclose(loss([[0], [1], [1]], [[1e4], [-1e4], [1e4]]), [1e4, 1e4, 0.0])
    loss = SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    np.testing.assert_allclose(loss([0, 1], [[1e4, 0.0], [1e4, 0.0]]), [0.0, 1e4])


def test_categorical_crossentropy():
    expected = -(math.log(0.2) + math.log(0.8)) / 2
    assert CategoricalCrossentropy()([[0, 1, 0], [0, 0, 1]], PROBABILITIES) == pytest.approx(
        expected, rel=1e-12
    )
    assert SparseCategoricalCrossentropy()([1, 2], PROBABILITIES) == pytest.approx(expected, rel=1e-12)
    soft = -(0.5 * math.log(0.7) + 0.5 * math.log(0.2))
    assert CategoricalCrossentropy()([[0.5, 0.5, 0.0]], [PROBABILITIES[0]]) == pytest.approx(soft, rel=1e-12)


def test_categorical_crossentropy_of_logits():
    x = [1.0, 2.0, -1.0]
    expected = math.log(sum(map(math.exp, x))) - x[1]
    assert SparseCategoricalCrossentropy(from_logits=True)([1], [x]) == pytest.approx(expected, rel=1e-12)
    assert CategoricalCrossentropy(from_logits=True)([[0, 1, 0]], [x]) == pytest.approx(expected, rel=1e-12)


def test_probabilities_are_divided_by_their_sum():
    assert SparseCategoricalCrossentropy()([0], [[3.0, 1.0]]) == pytest.approx(-math.log(0.75), rel=1e-12)
    assert CategoricalCrossentropy()([[1, 0]], [[3.0, 1.0]]) == pytest.approx(-math.log(0.75), rel=1e-12)


def test_probabilities_are_clipped_at_epsilon():
    worst = -math.log(1e-7)
    assert worst == pytest.approx(16.118, abs=1e-3)
    assert SparseCategoricalCrossentropy()([0], [[0.0, 1.0]]) == pytest.approx(worst, rel=1e-7)
    assert CategoricalCrossentropy()([[1, 0]], [[0.0, 1.0]]) == pytest.approx(worst, rel=1e-7)
    assert BinaryCrossentropy()([[1.0]], [[0.0]]) == pytest.approx(worst, rel=1e-7)
    gap = 1.0 - float(np.float32(1.0 - 1e-7))  # what float32 leaves below 1
    assert BinaryCrossentropy()([[0.0]], [[1.0]]) == pytest.approx(-math.log(gap), rel=1e-9)
    assert SparseCategoricalCrossentropy()([1], [[0.0, 1.0]]) == pytest.approx(gap, rel=1e-6)
    try:
        config.set_epsilon(1e-3)
        assert BinaryCrossentropy()([[1.0]], [[0.0]]) == pytest.approx(-math.log(1e-3), rel=1e-7)
    finally:
        config.set_epsilon(1e-7)


def test_label_smoothing():
    s, p = 0.2, 0.9
    smoothed = -((1 - s + s / 2) * math.log(p) + s / 2 * math.log(1 - p))
    assert BinaryCrossentropy(label_smoothing=s)([[1.0]], [[p]]) == pytest.approx(smoothed, rel=1e-12)
    target = [s / 3, 1 - s + s / 3, s / 3]
    expected = -sum(t * math.log(q) for t, q in zip(target, PROBABILITIES[0], strict=True))
    actual = CategoricalCrossentropy(label_smoothing=s)([[0, 1, 0]], PROBABILITIES[:1])
    assert actual == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (BinaryCrossentropy(label_smoothing=0.2), [[1.0, 0.0, 0.3]]),
        (CategoricalCrossentropy(label_smoothing=0.2), [[1.0, 0.0, 0.0]]),
        (MeanSquaredError(), [[1.0, 0.5, 0.0]]),
    ],
)
def test_smoothing_is_one_scale_and_offset_of_the_targets(loss, y):
    """What training applies when it gathers the targets is what the call on arrays does."""
    scale, offset = loss.target_scaling(3)
    plain = type(loss)()
    predicted = [[0.2, 0.5, 0.3]]
    assert loss(y, predicted) == pytest.approx(plain(np.multiply(y, scale) + offset, predicted), rel=1e-12)


REDUCTIONS = {
    "sum_over_batch_size": lambda w, v: (w * v).sum() / len(v),
    "mean": lambda w, v: (w * v).sum() / len(v),
    "mean_with_sample_weight": lambda w, v: (w * v).sum() / w.sum(),
    "sum": lambda w, v: (w * v).sum(),
    "none": lambda w, v: w * v,
    None: lambda w, v: w * v,
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "weights", [None, [1.0, 0.0, 3.0], [[1.0], [0.0], [3.0]]], ids=["plain", "rows", "column"]
)
def test_reductions(reduction, weights):
    values = np.array([1.0, 4.0, 9.0])
    loss = MeanSquaredError(reduction=reduction)
    actual = loss([[0], [0], [0]], [[1], [2], [3]], sample_weight=weights)
    flat = np.ones(3) if weights is None else np.ravel(weights)
    np.testing.assert_allclose(actual, REDUCTIONS[reduction](flat, values), rtol=1e-12)
    assert isinstance(actual, np.ndarray if reduction in ("none", None) else float)


def test_reductions_of_nothing():
    empty = np.zeros((0, 2))
    assert MeanSquaredError()(empty, empty) == 0.0
    assert MeanSquaredError(reduction="sum")(empty, empty) == 0.0
    assert MeanSquaredError(reduction="mean_with_sample_weight")([[0]], [[1]], sample_weight=[0.0]) == 0.0


def test_targets_of_fewer_or_more_axes():
    predicted = np.array([[1.0], [2.0]])
    assert MeanSquaredError()([0, 0], predicted) == 2.5
    assert MeanSquaredError()([[[0]], [[0]]], predicted) == 2.5
    assert BinaryCrossentropy()([1, 0], [[0.5], [0.5]]) == pytest.approx(LN2)
    assert SparseCategoricalCrossentropy()([[1], [2]], PROBABILITIES) == SparseCategoricalCrossentropy()(
        [1, 2], PROBABILITIES
    )


def test_one_target_column_stands_for_all():
    assert MeanSquaredError()([0, 0], [[1, 3], [0, 2]]) == (5 + 2) / 2
    assert MeanAbsoluteError()([[0], [0]], [[1, 3], [0, 2]]) == (2 + 1) / 2


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.uint8, bool])
def test_any_real_dtype(dtype):
    y = np.array([[1, 0]], dtype)
    assert MeanSquaredError()(y, np.array([[0, 0]], dtype)) == 0.5


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred"),
    [
        (MeanSquaredError(), [[0, 0, 0]], [[1, 2]]),
        (MeanSquaredError(), [[0], [0], [0]], [[1], [2]]),
        (BinaryCrossentropy(), [[0]], [[0.1, 0.2]]),
        (CategoricalCrossentropy(), [1, 2], PROBABILITIES),
        (CategoricalCrossentropy(), [[0, 1]], PROBABILITIES[:1]),
        (SparseCategoricalCrossentropy(), [1], PROBABILITIES),
        (SparseCategoricalCrossentropy(), [[0, 1, 0], [1, 0, 0]], PROBABILITIES),
        (SparseCategoricalCrossentropy(), [3, 0], PROBABILITIES),
        (SparseCategoricalCrossentropy(), [-1, 0], PROBABILITIES),
        (SparseCategoricalCrossentropy(), [0.5, 0], PROBABILITIES),
        (SparseCategoricalCrossentropy(), [float("nan"), 0], PROBABILITIES),
    ],
)
def test_targets_that_do_not_fit(loss, y_true, y_pred):
    with pytest.raises(ValueError, match=r"^\w+\(\): argument 'y_true': "):
        loss(y_true, y_pred)


def test_wrong_labels_are_named_with_their_row():
    with pytest.raises(ValueError, match=r"argument 'y_true': value 7 at row 1 is no class of 0 to 2$"):
        SparseCategoricalCrossentropy()([0, 7], PROBABILITIES)


@pytest.mark.parametrize("bad", ["abc", None, [1j], np.array(["2020-01-01"], "M8[D]")])
def test_other_kinds_of_arrays(bad):
    with pytest.raises(TypeError, match=r"argument 'y_(true|pred)': "):
        MeanSquaredError()(bad, [[1.0]])
    with pytest.raises(TypeError, match=r"argument 'y_pred': "):
        SparseCategoricalCrossentropy()([0], bad)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 2.0, 3.0], np.ones((2, 2)), 1.0 + np.zeros((2, 1, 1))])
def test_weights_that_do_not_fit(weights):
    with pytest.raises(
        ValueError, match=r"^MeanSquaredError\(\): argument 'sample_weight': expected shape \(2,\)"
    ):
        MeanSquaredError()([[0], [0]], [[1], [2]], sample_weight=weights)


@pytest.mark.parametrize(
    ("cls", "arguments", "name", "error"),
    [
        (MeanSquaredError, {"reduction": "average"}, "reduction", ValueError),
        (MeanSquaredError, {"reduction": 3}, "reduction", TypeError),
        (MeanSquaredError, {"dtype": "float16"}, "dtype", ValueError),
        (MeanAbsoluteError, {"name": ""}, "name", ValueError),
        (BinaryCrossentropy, {"label_smoothing": 1.5}, "label_smoothing", ValueError),
        (BinaryCrossentropy, {"label_smoothing": "a"}, "label_smoothing", TypeError),
        (BinaryCrossentropy, {"axis": 0}, "axis", ValueError),
        (BinaryCrossentropy, {"from_logits": "yes"}, "from_logits", TypeError),
        (CategoricalCrossentropy, {"label_smoothing": -0.1}, "label_smoothing", ValueError),
        (CategoricalCrossentropy, {"axis": 1.0}, "axis", TypeError),
        (CategoricalCrossentropy, {"from_logits": 1}, "from_logits", TypeError),
        (SparseCategoricalCrossentropy, {"ignore_class": 0.5}, "ignore_class", TypeError),
        (SparseCategoricalCrossentropy, {"from_logits": None}, "from_logits", TypeError),
    ],
)
def test_wrong_constructor_arguments(cls, arguments, name, error):
    with pytest.raises(error, match=rf"^{cls.__name__}\(\): argument '{name}': "):
        cls(**arguments)


@pytest.mark.parametrize(
    ("cls", "stem", "kind"),
    [
        (MeanSquaredError, "mean_squared_error", "values"),
        (MeanAbsoluteError, "mean_absolute_error", "values"),
        (BinaryCrossentropy, "sigmoid_cross_entropy", "values"),
        (CategoricalCrossentropy, "softmax_cross_entropy", "one_hot"),
        (SparseCategoricalCrossentropy, "softmax_cross_entropy", "labels"),
    ],
)
def test_what_the_compiler_asks_and_round_trip(cls, stem, kind):
    loss = cls(reduction="sum")
    assert (loss.stem, loss.target_kind, loss.from_logits) == (stem, kind, False)
    twin = losses.deserialize(json.loads(json.dumps(losses.serialize(loss))))
    assert type(twin) is cls
    assert twin.get_config() == loss.get_config()


NAMES = {
    "mse": MeanSquaredError, "MSE": MeanSquaredError, "mean_squared_error": MeanSquaredError,
    "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError, "mean_absolute_error": MeanAbsoluteError,
    "bce": BinaryCrossentropy, "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "SparseCategoricalCrossentropy": SparseCategoricalCrossentropy,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert type(losses.get(name)) is NAMES[name]


def test_functions_and_instances_and_classes():
    assert type(losses.get(losses.binary_crossentropy)) is BinaryCrossentropy
    loss = BinaryCrossentropy(from_logits=True)
    assert losses.get(loss) is loss
    assert type(losses.get(MeanSquaredError)) is MeanSquaredError
    assert losses.get(losses.serialize(loss)).from_logits is True


@pytest.mark.parametrize(
    ("output", "target", "cls"),
    [
        ((None, 1), (None,), BinaryCrossentropy),
        ((None, 10), (None,), SparseCategoricalCrossentropy),
        ((None, 10), (None, 1), SparseCategoricalCrossentropy),
        ((None, 10), (None, 10), CategoricalCrossentropy),
    ],
)
def test_crossentropy_by_shape(output, target, cls):
    for name in ("crossentropy", "ce"):
        assert type(losses.get(name, output_shape=output, target_shape=target)) is cls
    with pytest.raises(ValueError, match="needs the shapes of outputs and targets"):
        losses.get("ce", output_shape=output)


class Custom(Loss):
    def call(self, y_true, y_pred):
        return np.abs(np.subtract(y_true, y_pred)).max(axis=-1)


def test_custom_losses_on_arrays():
    assert Custom()([[0.0, 0.0]], [[1.0, 2.0]]) == 2.0
    assert losses.get(function := lambda y, p: ops.max(abs(y - p), axis=-1)).fn is function
    assert losses.get(function)([[0.0, 0.0]], [[1.0, 2.0]]) == 2.0
    with pytest.raises(NotImplementedError, match=r"Loss must define call"):
        Loss()([0.0], [1.0])


def test_get_refuses_the_rest():
    with pytest.raises(ValueError, match=r"'mee' is not a known loss: .*did you mean 'ms?[ae]e?'"):
        losses.get("mee")
    for wrong in (3, None, [1]):
        with pytest.raises(TypeError, match=r"^losses.get\(\): argument 'identifier': must be a name"):
            losses.get(wrong)
