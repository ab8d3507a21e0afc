"""Distillation: losses and gradients against float64, whole training natively, the options of Keras' Distiller."""

import numpy as np
import pytest

import densor
from densor import layers
from densor.datasets import digits
from densor.distillation import Distiller, FeatureDistillation, LogitsDistillation
from densor.models import load_model
from tests.models.build import CLASSES, FEATURES, data, same_weights
from tests.reference import distillation, softmax, softmax_cross_entropy

SPARSE = "sparse_categorical_crossentropy"


def network(units=8, ending="softmax", seed=1, name=None, **options):
    densor.utils.set_random_seed(seed)
    hidden = layers.Dense(units, activation="tanh", name="hidden", **options)
    last = layers.Dense(CLASSES, activation=ending, name="out")
    return densor.Sequential([densor.Input((FEATURES,)), hidden, last], name=name)


def logits_of(weights, x):
    kernel, bias, kernel_2, bias_2 = (np.float64(w) for w in weights)
    return np.tanh(np.float64(x) @ kernel + bias) @ kernel_2 + bias_2


def distiller(*comparisons, share=0.5, ending="softmax", student=None, **options):
    student = network(4, ending, seed=2) if student is None else student
    found = Distiller(network(12, ending), student, list(comparisons), student_loss_weight=share, **options)
    loss = SPARSE if ending == "softmax" else densor.losses.SparseCategoricalCrossentropy(from_logits=True)
    found.compile(densor.optimizers.SGD(1.0), loss, metrics=["accuracy"])
    return found


def expected_loss(model, x, y, temperature, share, weights=None):
    """The loss of the definition in float64, for the student's given weights."""
    student = logits_of(model.student.get_weights() if weights is None else weights, x)
    teacher = logits_of(model.teacher.get_weights(), x)
    hard = softmax_cross_entropy.forward(student, y).mean()
    soft = distillation.forward(student, teacher, temperature).mean()
    return share * hard + (1 - share) * soft, hard, soft


@pytest.mark.parametrize("ending", ["softmax", None])
@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.5), (3.0, 0.1), (5.0, 0.0), (2.0, 1.0)])
def test_losses_are_those_of_the_definition(temperature, share, ending):
    x, y = data()
    model = distiller(LogitsDistillation(temperature), share=share, ending=ending)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    total, hard, soft = expected_loss(model, x, y, temperature, share)
    assert logs["loss"] == pytest.approx(total, rel=1e-5)
    assert logs["student_loss"] == pytest.approx(hard, rel=1e-5)
    assert logs["distillation_loss"] == pytest.approx(soft, rel=1e-5)
    probabilities = softmax.forward(logits_of(model.student.get_weights(), x))
    assert logs["accuracy"] == pytest.approx((probabilities.argmax(axis=1) == y).mean())


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.5), (4.0, 0.1)])
def test_the_step_follows_the_gradient(temperature, share):
    """One step of SGD(1.0) against central differences of the float64 loss."""
    x, y = data(20)
    model = distiller(LogitsDistillation(temperature), share=share)
    before = [np.float64(w) for w in model.student.get_weights()]
    model.fit(x, y, batch_size=20, verbose=0)
    for place, (old, new) in enumerate(zip(before, model.student.get_weights(), strict=True)):
        for index in np.ndindex(*old.shape):
            ends = []
            for step in (1e-5, -1e-5):
                weights = [w.copy() for w in before]
                weights[place][index] += step
                ends.append(expected_loss(model, x, y, temperature, share, weights)[0])
            gradient = (ends[0] - ends[1]) / 2e-5
            assert old[index] - new[index] == pytest.approx(gradient, abs=3e-6)


def test_the_teacher_stays_as_it_is():
    x, y = data()
    teacher, student = network(12), network(4, seed=2)
    before = teacher.get_weights()
    model = Distiller(teacher, student, LogitsDistillation())
    assert not teacher.trainable
    assert [v.path for v in model.trainable_weights] == [v.path for v in student.trainable_weights]
    model.compile("adam", SPARSE)
    losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    for a, b in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.predict(x), student.predict(x))


def test_a_share_of_one_is_plain_training():
    x, y = data()
    model = distiller(LogitsDistillation(2.0), share=1.0)
    plain = network(4, seed=2)
    plain.compile(densor.optimizers.SGD(1.0), SPARSE)
    for trained in (model, plain):
        trained.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0)
    for a, b in zip(model.student.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_logs_callbacks_and_validation():
    x, y = data()
    model = distiller(LogitsDistillation())
    seen = []
    early = densor.callbacks.EarlyStopping("val_distillation_loss", patience=50, restore_best_weights=True)
    watch = densor.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)))
    history = model.fit(x, y, epochs=2, verbose=0, validation_split=0.2, callbacks=[early, watch])
    names = ["accuracy", "distillation_loss", "loss", "student_loss"]
    assert list(history.history) == names + [f"val_{name}" for name in names]
    assert seen[0] == sorted(history.history)
    assert model.metrics_names == ["loss", "student_loss", "distillation_loss", "accuracy"]
    assert len(model.evaluate(x, y, verbose=0)) == 4
    assert len(model.train_on_batch(x, y)) == 4


def test_batches_of_callbacks_change_nothing():
    x, y = data()
    models = [distiller(LogitsDistillation()) for _ in range(2)]
    batches = []
    hooks = densor.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(dict(logs)))
    first = models[0].fit(x, y, epochs=2, batch_size=16, verbose=0)
    second = models[1].fit(x, y, epochs=2, batch_size=16, verbose=0, callbacks=[hooks])
    assert same_weights(*models)
    assert first.history == second.history
    assert batches[-1]["distillation_loss"] == first.history["distillation_loss"][-1]


def test_weights_of_samples_and_classes_reach_every_loss():
    x, y = data(30)
    kept = y != 1
    model = distiller(LogitsDistillation(2.0))
    whole = model.evaluate(x, y, sample_weight=kept.astype(float), verbose=0, return_dict=True)
    part = model.evaluate(x[kept], y[kept], verbose=0, return_dict=True)
    for name in ("loss", "student_loss", "distillation_loss"):
        assert whole[name] == pytest.approx(part[name] * kept.mean(), rel=1e-5)
    weighted = [distiller(LogitsDistillation(2.0)) for _ in range(2)]
    weighted[0].fit(x, y, verbose=0, shuffle=False, class_weight={1: 0.0})
    weighted[1].fit(x, y, verbose=0, shuffle=False, sample_weight=kept.astype(float))
    assert same_weights(*weighted)


def test_features_of_layers():
    x, y = data()
    comparisons = (
        FeatureDistillation("mse", teacher_layer_name="hidden", student_layer_name="hidden"),
        LogitsDistillation(2.0),
    )
    model = distiller(
        *comparisons, share=0.2, student=network(12, seed=5), distillation_loss_weights=[3.0, 0.5]
    )
    hidden = [
        np.tanh(np.float64(x) @ kernel + bias)
        for kernel, bias in (part.get_weights()[:2] for part in (model.teacher, model.student))
    ]
    feature = np.square(hidden[0] - hidden[1]).mean()
    _, hard, soft = expected_loss(model, x, y, 2.0, 0.2)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["distillation_loss"] == pytest.approx(3.0 * feature + 0.5 * soft, rel=1e-5)
    assert logs["loss"] == pytest.approx(0.2 * hard + 0.8 * (3.0 * feature + 0.5 * soft), rel=1e-5)
    before = logs["distillation_loss"]
    model.compile("adam", SPARSE)
    assert model.fit(x, y, epochs=20, verbose=0).history["distillation_loss"][-1] < before


def test_other_losses_compare_divided_logits_or_outputs():
    x, y = data()
    model = distiller(LogitsDistillation(2.0, "mse"), FeatureDistillation("mae"), share=0.0)
    logits = [logits_of(part.get_weights(), x) for part in (model.teacher, model.student)]
    outputs = [softmax.forward(part) for part in logits]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    expected = np.square((logits[0] - logits[1]) / 2).mean() + np.abs(outputs[0] - outputs[1]).mean()
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)


def test_regression_from_a_teachers_values():
    x, _ = data()
    densor.utils.set_random_seed(1)
    teacher, student = (
        densor.Sequential([densor.Input((FEATURES,)), layers.Dense(units, "tanh"), layers.Dense(1)])
        for units in (20, 3)
    )
    model = Distiller(teacher, student, FeatureDistillation("mse"), student_loss_weight=0.0)
    model.compile(densor.optimizers.Adam(0.01), "mse")
    history = model.fit(x, np.zeros(len(x)), epochs=60, verbose=0)
    assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]


def test_students_with_noise_and_statistics_and_a_range_test():
    x, y = data()
    densor.utils.set_random_seed(4)
    student = densor.Sequential([layers.Dense(6), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.2),
                                 layers.Dense(CLASSES, "softmax")])  # fmt: skip
    model = Distiller(network(12), student, LogitsDistillation())
    model.compile("adam", SPARSE)
    losses = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert student.layers[1].moving_mean.numpy().any()
    assert model.lr_find(x, y).suggestion > 0
    assert [figures.name for figures in model.probe(x, y)][:2] == [layer.name for layer in student.layers[:2]]


@pytest.mark.parametrize("trained", [False, True])
def test_files(tmp_path, trained):
    x, y = data()
    model = distiller(
        LogitsDistillation(4.0),
        FeatureDistillation("mae", "out", "out"),
        share=0.25,
        distillation_loss_weights=[1.0, 2.0],
    )
    if trained:
        model.fit(x, y, verbose=0)
    model.save(tmp_path / "distiller.safetensors")
    again = load_model(tmp_path / "distiller.safetensors")
    assert again.get_config() == model.get_config()
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    for each in (model, again):
        each.fit(x, y, epochs=2, shuffle=False, verbose=0)
    assert same_weights(model, again)


def test_a_student_learns_more_from_a_teacher_than_from_few_labels():
    (x, y), (x_test, y_test) = digits.load_data()
    x, x_test = x / 16, x_test / 16
    densor.utils.set_random_seed(0)

    def dense(*units):
        hidden = [layers.Dense(n, activation="relu", kernel_initializer="he_normal") for n in units]
        return densor.Sequential(
            [densor.Input((8, 8)), layers.Flatten(), *hidden, layers.Dense(10, "softmax")]
        )

    teacher = dense(200, 100)
    teacher.compile("adam", SPARSE)
    teacher.fit(x, y, epochs=30, verbose=0)
    accuracies = []
    for share in (1.0, 0.0):  # wrong labels; then what the teacher thinks of the same images
        densor.utils.set_random_seed(1)
        model = Distiller(teacher, dense(16), LogitsDistillation(3.0), student_loss_weight=share)
        model.compile("adam", SPARSE, metrics=["accuracy"])
        wrong = np.where(np.arange(len(y)) % 3, y, (y + 1) % 10)
        model.fit(x, wrong, epochs=20, verbose=0)
        student = model.student
        student.compile("adam", SPARSE, metrics=["accuracy"])
        accuracies.append(student.evaluate(x_test, y_test, verbose=0)[1])
    assert accuracies[1] > accuracies[0]
    assert accuracies[1] > 0.85


GOOD = {"teacher": network(12), "student": network(4), "distillation_losses": LogitsDistillation()}


@pytest.mark.parametrize(
    ("changes", "error", "argument"),
    [
        ({"teacher": 3}, TypeError, "teacher"),
        ({"student": "student"}, TypeError, "student"),
        ({"distillation_losses": None}, TypeError, "distillation_losses"),
        ({"distillation_losses": []}, ValueError, "distillation_losses"),
        ({"distillation_losses": ["kld"]}, TypeError, "distillation_losses"),
        ({"distillation_loss_weights": [1.0, 2.0]}, ValueError, "distillation_loss_weights"),
        ({"distillation_loss_weights": [-1.0]}, ValueError, "distillation_loss_weights"),
        ({"distillation_loss_weights": 1.0}, TypeError, "distillation_loss_weights"),
        ({"student_loss_weight": 1.5}, ValueError, "student_loss_weight"),
        ({"student_loss_weight": "half"}, TypeError, "student_loss_weight"),
    ],
)
def test_wrong_arguments(changes, error, argument):
    with pytest.raises(error, match=rf"^Distiller\(\): argument '{argument}': "):
        Distiller(**{**GOOD, **changes})


@pytest.mark.parametrize(
    ("kind", "options", "error", "argument"),
    [
        (LogitsDistillation, {"temperature": 0}, ValueError, "temperature"),
        (LogitsDistillation, {"temperature": "hot"}, TypeError, "temperature"),
        (LogitsDistillation, {"loss": "klx"}, ValueError, "loss"),
        (LogitsDistillation, {"loss": None}, TypeError, "loss"),
        (FeatureDistillation, {"loss": "msee"}, ValueError, "loss"),
        (FeatureDistillation, {"teacher_layer_name": 3}, TypeError, "teacher_layer_name"),
        (FeatureDistillation, {"student_layer_name": ""}, ValueError, "student_layer_name"),
    ],
)
def test_wrong_comparisons(kind, options, error, argument):
    with pytest.raises(error, match=rf"^{kind.__name__}\(\): argument '{argument}': "):
        kind(**options)


def test_parts_that_do_not_fit():
    x, y = data()
    with pytest.raises(ValueError, match=r"^compile\(\): argument 'loss': the student needs a loss"):
        Distiller(network(12), network(4), LogitsDistillation()).compile("adam")
    model = Distiller(network(12), network(4), FeatureDistillation("mse", "hidden", "hidden"))
    with pytest.raises(ValueError, match=r"compares rows of shape \(12,\) of the teacher with \(4,\)"):
        model.compile("adam", SPARSE)
    model = Distiller(network(12), network(4), FeatureDistillation("mse", "hiden", "hidden"))
    with pytest.raises(ValueError, match="no layer is named 'hiden'; did you mean 'hidden'"):
        model.compile("adam", SPARSE)
    model = distiller(LogitsDistillation())
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"^fit\(\): argument 'y': value 3 at row 0"):
        model.fit(x, np.full(len(y), CLASSES))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
