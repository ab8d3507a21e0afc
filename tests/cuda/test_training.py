"""Models train, evaluate and predict on the device as on the CPU: the same masks, the same weights but for rounding."""

import numpy as np
import pytest

import densor as keras
from tests.cuda.models import classifier, data, needs_device, on_both, threads_in
from tests.ops.harness import TARGETS

pytestmark = needs_device
EPOCHS, BATCH = 13, 16  # 50 rows: the last batch is a part of one; 52 steps


def trained(device, *arguments, rows=None, fit=None, **options):
    """Weights, history, results and predictions after a fit."""
    x, y = data() if rows is None else rows
    model = classifier(device, *arguments, **options)
    history = model.fit(
        x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0, validation_data=(x, y), **(fit or {})
    ).history
    results = model.evaluate(x, y, verbose=0)
    return model.get_weights(), history, np.atleast_1d(results), model.predict(x, verbose=0)


@pytest.mark.parametrize(
    "optimizer", ["sgd", "adam", "nadam", "rmsprop", "lamb", "adagrad", "ftrl", "lion", "muon", "adafactor"]
)
def test_a_fit_follows_the_trajectory_of_the_cpu(optimizer):
    on_both(lambda device: trained(device, optimizer))


def test_runs_have_the_same_bits_in_both_orders_of_threads():
    weights = []
    for order in TARGETS:
        with threads_in(order):
            weights.append(trained("cuda")[0])
    for mine, other in zip(*weights, strict=True):
        assert np.array_equal(mine, other)


OPTIMIZERS = {
    "clipping by the global norm": lambda: keras.optimizers.Adam(global_clipnorm=0.5),
    "clipping by norms": lambda: keras.optimizers.Adam(clipnorm=0.1),
    "clipping by value": lambda: keras.optimizers.SGD(0.1, clipvalue=0.01),
    "weight decay": lambda: keras.optimizers.AdamW(weight_decay=0.01),
    "running means of the weights": lambda: keras.optimizers.Adam(use_ema=True, ema_overwrite_frequency=5),
    "accumulation": lambda: keras.optimizers.Adam(gradient_accumulation_steps=3),
    "scaling of the loss": lambda: keras.optimizers.SGD(0.01, momentum=0.9, loss_scale_factor=8.0),
    "a schedule": lambda: keras.optimizers.SGD(keras.schedules.ExponentialDecay(0.1, 10, 0.5)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_optimizers_may_do(name):
    on_both(lambda device: trained(device, OPTIMIZERS[name]()))


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_weights_of_samples_and_classes(name):
    value = np.random.default_rng(1).random(50) if name == "sample_weight" else {0: 2.0, 2: 0.5}
    on_both(lambda device: trained(device, weighted_metrics=["accuracy"], fit={name: value}))


def test_bytes_are_rescaled_on_the_device():
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 256, (50, 20), np.uint8), rng.integers(0, 3, 50)
    layers = lambda: [keras.layers.Rescaling(1 / 255), keras.layers.Dense(16, activation="relu")]  # noqa: E731
    on_both(lambda device: trained(device, "adam", layers, rows=rows))


def test_penalties_constraints_and_normalization():
    def layers():
        return [
            keras.layers.Dense(32, activation="gelu", kernel_regularizer=keras.regularizers.L2(1e-3)),
            keras.layers.LayerNormalization(),
            keras.layers.Dense(
                9, kernel_constraint=keras.constraints.MaxNorm(1.0), activity_regularizer="l1"
            ),
            keras.layers.GaussianNoise(0.1),
        ]

    on_both(lambda device: trained(device, "sgd", layers))


def test_kernels_that_the_forward_pass_changes():
    layers = lambda: [keras.layers.SpectralNormalization(keras.layers.Dense(8))]  # noqa: E731
    on_both(lambda device: trained(device, "sgd", layers))


def test_frozen_layers_and_masks():
    def run(device):
        model = classifier("cpu")
        model.layers[0].trainable = False
        mask = np.random.default_rng(0).random((33, 17)) < 0.5
        model.layers[3].weights[0].mask = mask
        model.compile("adam", "sparse_categorical_crossentropy", device=device)
        model.fit(*data(), epochs=3, batch_size=BATCH, verbose=0)
        assert not model.layers[3].get_weights()[0][~mask].any()
        return model.get_weights()

    on_both(run)


def several(device):
    """Two inputs, two outputs, a shared layer."""
    keras.utils.set_random_seed(3)
    a, b = keras.Input((20,), name="a"), keras.Input((4,), name="b")
    shared = keras.layers.Dense(8, activation="tanh")
    x = keras.layers.Concatenate()([shared(a), shared(a), b])
    outputs = {
        "class": keras.layers.Dense(3, activation="softmax", name="class")(x),
        "value": keras.layers.Dense(1, name="value")(x),
    }
    model = keras.Model({"a": a, "b": b}, outputs)
    losses = {"class": "sparse_categorical_crossentropy", "value": "mse"}
    model.compile("adam", losses, {"class": 1.0, "value": 0.3}, {"value": ["mae"]}, device=device)
    return model


def test_several_inputs_and_outputs():
    x, y = data()
    features = {"a": x, "b": x[:, :4] * 2.0}
    targets = {"class": y, "value": x[:, :1]}

    def run(device):
        model = several(device)
        history = model.fit(features, targets, epochs=5, batch_size=BATCH, verbose=0).history
        return model.get_weights(), history, model.predict(features, verbose=0)

    on_both(run)


def test_a_loss_and_metrics_that_are_formulas_or_streamed():
    def loss(true, predicted):
        return keras.ops.mean(keras.ops.square(true - predicted) ** 1.5, axis=-1)

    x, _ = data()
    y = (x[:, :3] > 0).astype(np.float32)
    metrics = [keras.metrics.AUC(), keras.metrics.MeanAbsoluteError()]
    on_both(lambda device: trained(device, rows=(x, y), loss=loss, metrics=metrics))


def test_masks_of_dropout_are_those_of_the_cpu():
    """The gradient of weights behind it is 0 where the only row has dropped their input."""

    def kept(device):
        model = classifier(device, layers=lambda: [keras.layers.Dropout(0.5)])
        x, y = data(rows=30)
        return [model.compute_gradients(x[i : i + 1], y[i : i + 1])[0].any(1) for i in range(30)]

    found, wanted = kept("cuda"), kept("cpu")
    np.testing.assert_array_equal(found, wanted)
    assert 0.3 < np.mean(wanted) < 0.7


def test_constants_of_programs():
    def layers():
        return [
            keras.layers.Reshape((5, 4)),
            keras.layers.Dense(
                6, activation="relu", kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.1)
            ),
            keras.layers.Flatten(),
        ]

    on_both(lambda device: trained(device, "sgd", layers))


def test_augmentation():
    rng = np.random.default_rng(2)
    rows = rng.random((50, 20), np.float32), rng.integers(0, 3, 50)

    def layers():
        return [
            keras.layers.Reshape((5, 4, 1)),
            keras.layers.RandomFlip(),
            keras.layers.RandomBrightness(0.2, value_range=(0.0, 1.0)),
            keras.layers.Flatten(),
        ]

    on_both(lambda device: trained(device, "sgd", layers, rows=rows))


def test_classes_at_every_place_of_a_row():
    x, y = np.random.default_rng(0).random((50, 4, 5), np.float32), np.arange(200).reshape(50, 4) % 3

    def run(device):
        keras.utils.set_random_seed(5)
        model = keras.Sequential([keras.Input((4, 5)), keras.layers.Dense(3, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], device=device)
        return model.fit(x, y, epochs=3, batch_size=BATCH, verbose=0).history, model.get_weights()

    on_both(run)
