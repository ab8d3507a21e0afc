"""Losses without a native operation in training: every one of them, the program's own, bad ones, and in files."""

import json

import numpy as np
import pytest

import densor
from densor import layers, losses, ops, utils
from densor.graph import Feeds, Head, lower_graph
from densor.graph.formulas import Formulas
from tests.graph.build import check_gradients, ops_of, traced, variable

RNG = np.random.default_rng(12)
X = RNG.normal(size=(20, 4)).astype(np.float32)
VALUES = RNG.normal(size=(20, 3)).astype(np.float32)
LABELS = RNG.integers(0, 3, 20)
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]

# The loss, its targets and what the model ends with.
EVERY = [
    (losses.MeanAbsolutePercentageError(), VALUES, None),
    (losses.MeanSquaredLogarithmicError(), abs(VALUES), "softplus"),
    (losses.CosineSimilarity(), VALUES, None),
    (losses.Huber(0.5), VALUES, None),
    (losses.LogCosh(), VALUES, None),
    (losses.Hinge(), ONE_HOT, "tanh"),
    (losses.SquaredHinge(), ONE_HOT, "tanh"),
    (losses.Circle(), LABELS, ops.unit_norm),
    (losses.Circle(8.0, 0.25, False, "mean_with_sample_weight"), 7 * LABELS - 3, ops.unit_norm),
    (losses.CategoricalHinge(), ONE_HOT, "tanh"),
    (losses.KLDivergence(), ONE_HOT, "softmax"),
    (losses.Poisson(), abs(VALUES), "softplus"),
    (losses.BinaryFocalCrossentropy(True, gamma=1.5), ONE_HOT, "sigmoid"),
    (losses.CategoricalFocalCrossentropy(), ONE_HOT, "softmax"),
    (losses.CategoricalGeneralizedCrossEntropy(0.7), LABELS, "softmax"),
    (losses.Dice(), ONE_HOT, "sigmoid"),
    (losses.Dice(axis=[-1]), ONE_HOT, "sigmoid"),
    (losses.Tversky(0.3, 0.6), ONE_HOT, "sigmoid"),
    (losses.SparseCategoricalCrossentropy(ignore_class=1), LABELS, "softmax"),
    (losses.CategoricalCrossentropy(), ONE_HOT, "sigmoid"),
    (losses.BinaryCrossentropy(), ONE_HOT, "softmax"),
    (losses.MeanSquaredError(reduction="mean_with_sample_weight"), VALUES, None),
    (losses.LossFunctionWrapper(lambda y, p: ops.mean(ops.square(y - p), axis=-1)), VALUES, None),
]


@pytest.fixture(autouse=True)
def _as_before():
    known = dict(utils.get_custom_objects())
    yield
    utils.get_custom_objects().clear()
    utils.get_custom_objects().update(known)


def model_for(loss, end=None, **options):
    model = densor.Sequential([layers.Input((4,)), layers.Dense(3, activation=end)])
    model.compile("sgd", loss, **options)
    return model


@pytest.mark.parametrize(("loss", "y", "end"), EVERY)
def test_training_computes_what_the_loss_is_on_arrays(loss, y, end):
    model = model_for(loss, end)
    weight = RNG.uniform(0.1, 2, 20)
    for given in (None, weight):
        expected = loss(y, model.predict(X, verbose=0), sample_weight=given)
        assert model.evaluate(X, y, batch_size=20, sample_weight=given, verbose=0) == pytest.approx(
            expected,
            rel=1e-5,
            abs=1e-6,  # similarities of random weights may nearly cancel
        )


@pytest.mark.parametrize(("loss", "y", "end"), EVERY)
def test_gradients(loss, y, end):
    """In float64, against central differences of the loss itself."""
    w = variable("w", 4, 3)

    def model(x):
        return densor.activations.get(end)(ops.dense(x, w) / 3.0)

    y = np.asarray(y, np.float64).reshape(20, -1)
    target = (1,) if y.shape[1] == 1 else (3,)
    formulas = Formulas.of(target, (3,), True).extended(loss, loss.row_losses)
    check_gradients(model, 4, y, loss, weight=RNG.uniform(0.1, 2, (20, 1)), formulas=formulas)


def test_a_formula_is_part_of_the_program():
    loss = losses.Huber()
    formulas = Formulas.of((3,), (3,), False).extended(loss, loss.row_losses)
    graph = traced(lambda x: ops.dense(x, variable("w", 4, 3)), 4)
    lowering = lower_graph(
        graph, 5, feeds=Feeds(), totals=np.zeros((2, 2)), heads=[Head(loss, formulas=formulas)]
    )
    assert ops_of(lowering) == ["gather", "gather", "dense_forward", "expression", "accumulate"]


@pytest.mark.parametrize(("loss", "y", "end"), EVERY[:-1])
def test_configurations(loss, y, end):
    config = json.loads(json.dumps(losses.serialize(loss)))
    twin = losses.deserialize(config)
    assert type(twin) is type(loss)
    assert twin.get_config() == loss.get_config()


def own(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred) ** 1.5, axis=-1)


class Own(losses.Loss):
    def __init__(self, power=1.5, name="own", reduction="sum_over_batch_size", dtype=None):
        super().__init__(name, reduction, dtype)
        self.power = power

    def call(self, y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred) ** self.power, axis=-1)

    def get_config(self):
        return {**super().get_config(), "power": self.power}


@pytest.mark.parametrize("loss", [own, Own()])
def test_losses_of_the_program_in_files(loss, tmp_path):
    model = model_for(loss)
    expected = (np.abs(VALUES - model.predict(X, verbose=0)) ** 1.5).mean()
    assert model.evaluate(X, VALUES, verbose=0) == pytest.approx(expected, rel=1e-5)
    model.fit(X, VALUES, verbose=0)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="is not a known"):
        densor.models.load_model(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model", custom_objects={"own": own, "Own": Own})
    assert loaded.evaluate(X, VALUES, verbose=0) == model.evaluate(X, VALUES, verbose=0)
    utils.register_keras_serializable()(loss if loss is own else Own)
    assert densor.models.load_model(tmp_path / "model").evaluate(X, VALUES, verbose=0) > 0
    assert densor.models.clone_model(model).loss.name == "own"


def test_a_registered_loss_by_its_name():
    utils.register_keras_serializable("mine")(own)
    assert losses.get("own").fn is own
    assert model_for("mine>own").evaluate(X, VALUES, verbose=0) > 0


def test_a_sum_of_losses():
    def both(y_true, y_pred):
        return losses.mean_squared_error(y_true, y_pred) + 0.5 * losses.Huber()(y_true, y_pred)

    model = model_for(both)
    predicted = model.predict(X, verbose=0)
    expected = losses.MeanSquaredError()(VALUES, predicted) + 0.5 * losses.Huber()(VALUES, predicted)
    assert model.evaluate(X, VALUES, batch_size=20, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_targets_of_another_shape_than_the_outputs():
    def pinball(y_true, y_pred):
        difference = y_true - y_pred
        return ops.mean(ops.maximum(0.9 * difference, -0.1 * difference), axis=-1)

    model = model_for(pinball)
    column = VALUES[:, :1]
    for y in (column, column[:, 0]):
        difference = column - model.predict(X, verbose=0)
        expected = np.maximum(0.9 * difference, -0.1 * difference).mean()
        assert model.evaluate(X, y, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_sequences_of_classes():
    model = densor.Sequential([layers.Input((5, 4)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = RNG.normal(size=(6, 5, 4)), RNG.integers(0, 3, (6, 5))
    p = model.predict(x, verbose=0)
    expected = -np.log(np.take_along_axis(p, y[..., None], axis=-1)).mean()
    for targets in (y, y[..., None]):
        assert model.evaluate(x, targets, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_evaluation_cuts_batches_as_given_where_a_loss_looks_at_whole_batches():
    model = model_for(losses.Dice(), "sigmoid")
    p = model.predict(X, verbose=0)
    expected = np.mean([losses.Dice()(ONE_HOT[i : i + 5], p[i : i + 5]) for i in range(0, 20, 5)])
    assert model.evaluate(X, ONE_HOT, batch_size=5, verbose=0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda y, p: np.abs(y - p), "does not support ufuncs.*; write it in densor.ops"),
        (lambda y, p: float(y), "cannot be computed"),
        (lambda y, p: ops.mean(y - p, axis=5), "cannot be computed for targets"),
        (lambda y: y, "cannot be computed"),
    ],
)
def test_functions_that_are_no_losses(loss, message):
    model = model_for(loss)
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises((TypeError, ValueError), match=rf"^compile\(\): argument 'loss': .*{message}"):
        model.fit(X, VALUES, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(old, new)


def test_wrong_targets():
    for loss, y, message in [
        ("huber", VALUES[:, :2], r"expected shape \(20, 3\), got \(20, 2\)"),
        (losses.BinaryFocalCrossentropy(from_logits=True), 2 * ONE_HOT, "not a probability"),
        (
            losses.SparseCategoricalCrossentropy(True, ignore_class=-1),
            LABELS - 2,
            r"-2 at row \d+ is outside \[0, 3\)",
        ),
        (losses.CategoricalGeneralizedCrossEntropy(), LABELS + 1, r"3 at row \d+ is outside \[0, 3\)"),
    ]:
        with pytest.raises(ValueError, match=rf"^fit\(\): argument 'y': .*{message}"):
            model_for(loss).fit(X, y, verbose=0)


def test_a_loss_that_keeps_rows_cannot_be_trained():
    with pytest.raises(
        ValueError, match=r"^compile\(\): argument 'loss': reduction 'none' cannot be trained"
    ):
        model_for(losses.Huber(reduction=None))


def test_circle_loss_with_trainable_references():
    """Prototypes of the classes, learned with the embeddings: gradients of both by differences, and a step of SGD."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((7, 4))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    classes, theirs = np.array([0, 1, 2, 0, 1, 2, 0], np.float32), np.array([0, 1, 2, 1], np.float32)

    class Prototypes(densor.layers.Layer):
        def build(self, input_shape):
            start = rng.standard_normal((4, 4)) * 0.4
            self.references = self.add_weight((4, 4), lambda shape, dtype=None: start)
            self.labels = self.add_weight((4,), lambda shape, dtype=None: theirs, trainable=False)

        def call(self, inputs):
            rows = ops.circle_loss(inputs[0], inputs[1], self.references, self.labels, 3.0, 0.3, False)
            self.add_loss(ops.mean(rows))
            return inputs[0]

    inputs = [densor.Input((4,)), densor.Input((1,))]
    layer = Prototypes()
    model = densor.Model(inputs, layer([densor.layers.Dense(4, use_bias=False)(inputs[0]), inputs[1]]))
    model.compile(densor.optimizers.SGD(0.1))
    kernel, references, labels = model.get_weights()
    np.testing.assert_array_equal(labels, theirs)

    def loss(kernel, references):
        return losses.circle(classes, x @ kernel, theirs, references, False, 3.0, 0.3).mean()

    data = [x, classes[:, None]]
    assert model.evaluate(data, batch_size=7, verbose=0) == pytest.approx(loss(kernel, references), rel=1e-5)
    start = [kernel.astype(np.float64), references.astype(np.float64)]
    gradients = model.compute_gradients(data)
    for which, gradient in enumerate(gradients):
        for place in np.ndindex(4, 4):
            ends = []
            for sign in (1e-6, -1e-6):
                moved = [array.copy() for array in start]
                moved[which][place] += sign
                ends.append(loss(*moved))
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-3, abs=2e-5)
    model.train_on_batch(data)
    np.testing.assert_allclose(model.get_weights()[1], references - 0.1 * gradients[1], rtol=1e-5, atol=1e-7)
