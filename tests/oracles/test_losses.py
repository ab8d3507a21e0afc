"""Losses against Keras: on arrays with every option, and 50 steps of training."""

import numpy as np
import pytest

import densor
from tests.tolerances import assert_close

RNG = np.random.default_rng(11)
LABELS = RNG.integers(0, 4, 12)
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
LOGITS = RNG.normal(size=(12, 4)).astype(np.float32)
PROBABILITIES = (np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)).astype(np.float32)
BITS = RNG.integers(0, 2, (12, 4)).astype(np.float32)
SOME_LABELS = np.where(RNG.random(12) < 0.3, -1, LABELS)
WEIGHTS = RNG.random(12).astype(np.float32)
UNIT = LOGITS / np.linalg.norm(LOGITS, axis=1, keepdims=True)
DEEP = RNG.normal(size=(12, 4, 3)).astype(np.float32)  # classes along axis 1
DEEP_PROBABILITIES = (np.exp(DEEP) / np.exp(DEEP).sum(axis=1, keepdims=True)).astype(np.float32)
DEEP_BITS = RNG.integers(0, 2, (12, 4, 3)).astype(np.float32)
DEEP_LABELS = RNG.integers(0, 4, (12, 3))
DEEP_WEIGHTS = RNG.random((12, 3)).astype(np.float32)

CASES = [
    ("MeanSquaredError", {}, BITS, LOGITS),
    ("MeanAbsoluteError", {}, BITS, LOGITS),
    ("BinaryCrossentropy", {}, BITS, PROBABILITIES),
    ("BinaryCrossentropy", {"from_logits": True}, BITS, LOGITS),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, BITS, PROBABILITIES),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BITS, LOGITS),
    ("BinaryCrossentropy", {}, BITS, np.round(PROBABILITIES)),
    ("CategoricalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT, LOGITS),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT, PROBABILITIES),
    ("CategoricalCrossentropy", {}, ONE_HOT, 3 * PROBABILITIES),
    ("CategoricalCrossentropy", {}, ONE_HOT, np.eye(4, dtype=np.float32)[LABELS[::-1]]),
    ("SparseCategoricalCrossentropy", {}, LABELS, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {}, LABELS[:, None], 3 * PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, LABELS, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1, "from_logits": True}, SOME_LABELS, LOGITS),
    ("BinaryFocalCrossentropy", {}, BITS, PROBABILITIES),
    ("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 1.3, "label_smoothing": 0.1}, BITS, LOGITS),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.4}, BITS, PROBABILITIES),
    ("BinaryFocalCrossentropy", {"gamma": 0.0}, BITS, PROBABILITIES),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.3, "alpha": 0.6}, ONE_HOT, LOGITS),
    ("CategoricalFocalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT, 3 * PROBABILITIES),
    ("CategoricalGeneralizedCrossEntropy", {}, LABELS, PROBABILITIES),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.2}, LABELS, PROBABILITIES),
    ("KLDivergence", {}, ONE_HOT, PROBABILITIES),
    ("KLDivergence", {}, PROBABILITIES[::-1].copy(), PROBABILITIES),
    ("Poisson", {}, np.round(5 * PROBABILITIES), 3 * PROBABILITIES),
    ("MeanAbsolutePercentageError", {}, LOGITS[::-1].copy(), LOGITS),
    ("MeanAbsolutePercentageError", {}, BITS, LOGITS),
    ("MeanSquaredLogarithmicError", {}, 3 * PROBABILITIES, LOGITS),
    ("CosineSimilarity", {}, LOGITS[::-1].copy(), LOGITS),
    ("CosineSimilarity", {}, BITS * np.array([[0.0], [1.0]] * 6), LOGITS),
    ("Huber", {}, LOGITS[::-1].copy(), LOGITS),
    ("Huber", {"delta": 0.4}, LABELS[:, None], LOGITS),
    ("LogCosh", {}, 30 * LOGITS[::-1], LOGITS),
    ("Hinge", {}, BITS, LOGITS),
    ("Hinge", {}, 2 * BITS - 1, LOGITS),
    ("SquaredHinge", {}, BITS, LOGITS),
    ("CategoricalHinge", {}, ONE_HOT, LOGITS),
    ("Circle", {}, LABELS, UNIT),
    ("Circle", {"gamma": 12.0, "margin": 0.25, "remove_diagonal": False}, LABELS[:, None], UNIT),
    ("Circle", {}, np.arange(12), UNIT),
    ("Circle", {"gamma": 10.0}, 1000 * LABELS - 7, LOGITS),
    ("Dice", {}, BITS, PROBABILITIES),
    ("Dice", {"axis": [-1]}, BITS, PROBABILITIES),
    ("Tversky", {"alpha": 0.3, "beta": 0.8}, BITS, PROBABILITIES),
    ("Tversky", {"alpha": 0.3, "beta": 0.8, "axis": [1]}, BITS, PROBABILITIES),
]


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean", "sum", "none", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(("name", "options", "y_true", "y_pred"), CASES)
def test_losses(keras, name, options, y_true, y_pred, weights, reduction):
    theirs = getattr(keras.losses, name)(reduction=reduction, **options)(
        y_true, y_pred, sample_weight=weights
    )
    ours = getattr(densor.losses, name)(reduction=reduction, **options)(y_true, y_pred, sample_weight=weights)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("remove_diagonal", [False, True])
def test_circle_with_references(keras, remove_diagonal):
    options = {"gamma": 20, "margin": 0.3, "remove_diagonal": remove_diagonal}
    theirs = keras.losses.circle(LABELS, UNIT, LABELS[:5], UNIT[7:], **options)
    ours = densor.losses.circle(LABELS, UNIT, LABELS[:5], UNIT[7:], **options)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none", "mean_with_sample_weight"])
@pytest.mark.parametrize("weights", [None, DEEP_WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("name", "options", "y_true", "y_pred"),
    [
        ("BinaryCrossentropy", {"label_smoothing": 0.2}, DEEP_BITS, DEEP_PROBABILITIES),
        ("BinaryCrossentropy", {"from_logits": True}, DEEP_BITS, DEEP),
        ("BinaryFocalCrossentropy", {"gamma": 1.5}, DEEP_BITS, DEEP_PROBABILITIES),
        ("CategoricalCrossentropy", {}, DEEP_PROBABILITIES[::-1].copy(), DEEP_PROBABILITIES),
        ("CategoricalCrossentropy", {"from_logits": True}, DEEP_PROBABILITIES[::-1].copy(), DEEP),
        ("CategoricalFocalCrossentropy", {"from_logits": True}, DEEP_PROBABILITIES[::-1].copy(), DEEP),
        ("SparseCategoricalCrossentropy", {}, DEEP_LABELS, 2 * DEEP_PROBABILITIES),
        (
            "SparseCategoricalCrossentropy",
            {"from_logits": True, "ignore_class": 2},
            DEEP_LABELS[:, None],
            DEEP,
        ),
        ("CosineSimilarity", {}, DEEP[::-1].copy(), DEEP),
    ],
)
@pytest.mark.parametrize("axis", [1, -2])
def test_losses_along_another_axis(keras, name, options, y_true, y_pred, weights, reduction, axis):
    losses = [
        getattr(library.losses, name)(axis=axis, reduction=reduction, **options)
        for library in (keras, densor)
    ]
    theirs, ours = (loss(y_true, y_pred, sample_weight=weights) for loss in losses)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=1e-5, atol=2e-6)
    twin = densor.losses.deserialize(densor.losses.serialize(losses[1]))
    assert twin.axis == axis


def own_loss(library):
    ops = library.ops
    return lambda y_true, y_pred: ops.mean(
        ops.power(ops.abs(y_true - y_pred), 1.5) + ops.tanh(y_pred), axis=-1
    )


# What the model ends with, its outputs, the loss's targets, the loss.
TRAINED = {
    "binary": ("sigmoid", 3, "bits", lambda k, r: k.losses.BinaryCrossentropy(reduction=r)),
    "binary of a softmax": ("softmax", 3, "bits", lambda k, r: k.losses.BinaryCrossentropy(reduction=r)),
    "binary logits": (None, 3, "bits", lambda k, r: k.losses.BinaryCrossentropy(True, 0.1, reduction=r)),
    "categorical of sigmoids": ("sigmoid", 3, "one_hot", lambda k, r: k.losses.CategoricalCrossentropy(reduction=r)),
    "sparse of sigmoids": ("sigmoid", 3, "labels", lambda k, r: k.losses.SparseCategoricalCrossentropy(reduction=r)),
    "ignored": ("softmax", 3, "labels", lambda k, r: k.losses.SparseCategoricalCrossentropy(
        ignore_class=1, reduction=r)),
    "ignored logits": (None, 3, "some", lambda k, r: k.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=-1, reduction=r)),
    "binary focal": ("sigmoid", 3, "bits", lambda k, r: k.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, gamma=1.5, reduction=r)),
    "binary focal logits": (None, 1, "bits", lambda k, r: k.losses.BinaryFocalCrossentropy(
        from_logits=True, reduction=r)),
    "categorical focal": ("softmax", 3, "one_hot", lambda k, r: k.losses.CategoricalFocalCrossentropy(reduction=r)),
    "categorical focal logits": (None, 3, "one_hot", lambda k, r: k.losses.CategoricalFocalCrossentropy(
        from_logits=True, label_smoothing=0.1, reduction=r)),
    "kl divergence": ("softmax", 3, "one_hot", lambda k, r: k.losses.KLDivergence(reduction=r)),
    "poisson": ("exponential", 2, "counts", lambda k, r: k.losses.Poisson(reduction=r)),
    "percentage": (None, 2, "counts", lambda k, r: k.losses.MeanAbsolutePercentageError(reduction=r)),
    "logarithmic": ("softplus", 2, "counts", lambda k, r: k.losses.MeanSquaredLogarithmicError(reduction=r)),
    "cosine": (None, 3, "values", lambda k, r: k.losses.CosineSimilarity(reduction=r)),
    "huber": (None, 3, "values", lambda k, r: k.losses.Huber(0.7, reduction=r)),
    "huber of one column": (None, 3, "column", lambda k, r: k.losses.Huber(reduction=r)),
    "log cosh": ("tanh", 3, "values", lambda k, r: k.losses.LogCosh(reduction=r)),
    "hinge": (None, 3, "bits", lambda k, r: k.losses.Hinge(reduction=r)),
    "squared hinge": ("tanh", 1, "signs", lambda k, r: k.losses.SquaredHinge(reduction=r)),
    "categorical hinge": (None, 3, "one_hot", lambda k, r: k.losses.CategoricalHinge(reduction=r)),
    "circle": ("unit", 3, "labels", lambda k, r: k.losses.Circle(20.0, 0.3, reduction=r)),
    "circle of strangers": ("unit", 3, "many", lambda k, r: k.losses.Circle(reduction=r)),
    "dice": ("sigmoid", 3, "bits", lambda k, r: k.losses.Dice(reduction=r)),
    "dice of rows": ("sigmoid", 3, "bits", lambda k, r: k.losses.Dice(axis=[-1], reduction=r)),
    "tversky": ("sigmoid", 3, "bits", lambda k, r: k.losses.Tversky(0.3, 0.8, reduction=r)),
    "squares": (None, 3, "values", lambda k, r: k.losses.MeanSquaredError(reduction=r)),
    "own": ("tanh", 3, "values", lambda k, r: own_loss(k)),
}  # fmt: skip


def targets(kind, rows, columns):
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 3, rows)
    bits = rng.integers(0, 2, (rows, columns)).astype(np.float32)
    return {
        "bits": bits, "signs": 2 * bits - 1, "labels": labels, "some": np.where(labels == 1, -1, labels),
        "many": rng.integers(0, 12, rows), "one_hot": np.eye(3, dtype=np.float32)[labels],
        "counts": rng.integers(1, 5, (rows, columns)),
        "values": rng.normal(size=(rows, columns)).astype(np.float32), "column": rng.normal(size=(rows, 1)),
    }[kind]  # fmt: skip


def trained(library, case, reduction, start, x, y, weights):
    end, outputs, _, loss = TRAINED[case]
    model = library.Sequential(
        [
            library.Input((x.shape[1],)),
            library.layers.Dense(8, activation="tanh"),
            library.layers.Dense(outputs, activation=None if end == "unit" else end),
            *([library.layers.UnitNormalization()] if end == "unit" else []),
        ]
    )
    model.set_weights(start)
    rate = 0.002 if reduction == "sum" or case == "percentage" else 0.005 if end == "unit" else 0.05
    model.compile(library.optimizers.SGD(rate, momentum=0.5), loss=loss(library, reduction))
    history = model.fit(
        x, y, batch_size=8, epochs=10, shuffle=False, sample_weight=weights, validation_data=(x, y), verbose=0
    )
    return model.get_weights(), history.history


REDUCTIONS = [
    *((case, "sum_over_batch_size", True) for case in TRAINED),
    *(
        (case, reduction, weighted)
        for case in (
            "own",
            "dice",
            "circle",
            "ignored",
            "hinge",
            "squares",
            "sparse of sigmoids",
        )
        for reduction, weighted in (
            ("sum_over_batch_size", False),
            ("sum", False),
            ("sum", True),
            ("mean_with_sample_weight", True),
        )
    ),
]


@pytest.mark.parametrize(("case", "reduction", "weighted"), REDUCTIONS)
def test_fifty_steps(keras, case, reduction, weighted):
    rng = np.random.default_rng(9)
    outputs = TRAINED[case][1]
    x = rng.standard_normal((39, 5)).astype(np.float32)
    y = targets(TRAINED[case][2], 39, outputs)
    shapes = [(5, 8), (8,), (8, outputs), (outputs,)]
    start = [rng.normal(scale=0.4, size=shape).astype(np.float32) for shape in shapes]
    weights = rng.uniform(0.2, 2, 39).astype(np.float32) if weighted else None
    theirs, expected = trained(keras, case, reduction, start, x, y, weights)
    ours, found = trained(densor, case, reduction, start, x, y, weights)
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b, "trajectory")
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", ["sum", "sum_over_batch_size"])
@pytest.mark.parametrize(
    ("name", "options", "end"),
    [
        ("MeanSquaredError", {}, None),
        ("MeanAbsoluteError", {}, None),
        ("BinaryCrossentropy", {}, "sigmoid"),
        ("BinaryCrossentropy", {"axis": 1}, "sigmoid"),
        ("CategoricalCrossentropy", {"axis": -2}, "sigmoid"),
        ("SparseCategoricalCrossentropy", {"axis": 1, "from_logits": True, "ignore_class": 2}, None),
    ],
)
def test_training_on_outputs_of_three_axes(keras, name, options, end, reduction):
    rng = np.random.default_rng(5)
    x, start = rng.normal(size=(20, 4, 5)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)
    y = DEEP_BITS[:, :4].repeat(2, axis=0)[:20]
    y = (
        DEEP_LABELS.repeat(2, axis=0)[:20]
        if name.startswith("Sparse")
        else y / y.sum(1, keepdims=True).clip(1)
    )
    trained = []
    for library in (keras, densor):
        model = library.Sequential([library.Input((4, 5)), library.layers.Dense(3, activation=end)])
        model.set_weights([start, np.zeros(3, np.float32)])
        loss = getattr(library.losses, name)(reduction=reduction, **options)
        model.compile(library.optimizers.SGD(0.02), loss=loss)
        history = model.fit(x, y, batch_size=7, epochs=4, shuffle=False, validation_data=(x, y), verbose=0)
        trained.append((*model.get_weights(), *map(np.array, history.history.values())))
    for theirs, ours in zip(*trained, strict=True):
        assert_close(ours, theirs, "trajectory")
