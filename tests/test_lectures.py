"""The code of the lecture decks and their kin, with nothing but the import line changed."""

from functools import partial

import numpy as np
import pytest

import densor as tf
from densor import keras
from densor.keras import layers, models, optimizers
from densor.keras.optimizers import SGD, Adam, RMSprop


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 200)
    x = rng.random((200, 28, 28)) * 0.1
    x[np.arange(200), y, y] += 1.0
    return x, y


def small(*hidden, last=10, activation="softmax"):
    return keras.Sequential(
        [layers.Flatten(input_shape=[28, 28]), *hidden, layers.Dense(last, activation=activation)]
    )


def trained(model, x, y, epochs=1, **options):
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model.fit(x, y, epochs=epochs, verbose=0, **options)


@pytest.mark.parametrize("initializer", ["he_normal", "he_uniform", "lecun_normal", "glorot_normal"])
def test_initializers_by_name(initializer, images):
    trained(small(layers.Dense(50, activation="relu", kernel_initializer=initializer)), *images)


def test_variance_scaling(images):
    he_average = keras.initializers.VarianceScaling(scale=2.0, mode="fan_avg", distribution="uniform")
    trained(small(keras.layers.Dense(50, activation="sigmoid", kernel_initializer=he_average)), *images)


def test_leaky_relu_as_activation_and_as_layer(images):
    leaky = layers.LeakyReLU(alpha=0.2)
    trained(small(layers.Dense(50, activation=leaky, kernel_initializer="he_normal")), *images)
    trained(
        models.Sequential(
            [layers.Flatten(), layers.Dense(50), layers.LeakyReLU(alpha=0.2), layers.Dense(10, "softmax")]
        ),
        *images,
    )


@pytest.mark.parametrize(
    "activation", ["swish", "selu", "elu", "tanh", "sigmoid", "gelu", "silu", "softplus"]
)
def test_activations_by_name(activation, images):
    trained(small(layers.Dense(50, activation=activation)), *images)


def test_batch_normalization_before_the_activation():
    model = small(
        layers.BatchNormalization(),
        layers.Dense(300, kernel_initializer="he_normal", use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dense(100, kernel_initializer="he_normal", use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
    )
    assert model.count_params() - model.layers[1].count_params() == 267_810
    names = [(v.name, v.trainable) for v in model.layers[1].variables]
    assert names == [("gamma", True), ("beta", True), ("moving_mean", False), ("moving_variance", False)]


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: SGD(clipvalue=1.0),
        lambda: SGD(clipnorm=1.0),
        lambda: SGD(learning_rate=0.001, momentum=0.9, nesterov=True),
        lambda: RMSprop(learning_rate=0.001, rho=0.9),
        lambda: Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999),
        lambda: optimizers.AdamW(weight_decay=0.01),
        lambda: optimizers.Adamax(),
        lambda: optimizers.Nadam(),
    ],
)
def test_optimizers(optimizer, images):
    x, y = images
    model = small()
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer(), metrics=["accuracy"])
    model.fit(x, y, epochs=2, verbose=0)


def test_transfer_learning(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = images
    model_a = small(layers.Dense(30, activation="relu"))
    trained(model_a, x, y)
    model_a.save("my_model_A")

    model_a = models.load_model("my_model_A")
    model_b_on_a = models.Sequential(model_a.layers[:-1])
    model_b_on_a.add(layers.Dense(1, activation="sigmoid"))
    clone = models.clone_model(model_a)
    clone.set_weights(model_a.get_weights())

    for layer in model_b_on_a.layers[:-1]:
        layer.trainable = False
    model_b_on_a.compile(loss="binary_crossentropy", optimizer=SGD(learning_rate=0.001), metrics=["accuracy"])
    y_b = y > 4
    history = model_b_on_a.fit(x[:150], y_b[:150], epochs=4, verbose=0, validation_data=(x[150:], y_b[150:]))
    for layer in model_b_on_a.layers[:-1]:
        layer.trainable = True
    model_b_on_a.compile(loss="binary_crossentropy", optimizer=SGD(learning_rate=0.001), metrics=["accuracy"])
    history = model_b_on_a.fit(x[:150], y_b[:150], epochs=16, verbose=0, validation_data=(x[150:], y_b[150:]))
    assert len(history.history["val_loss"]) == 16
    assert clone.get_weights()[0].tobytes() != model_a.get_weights()[0].tobytes(), "the clone has its own"


def test_partial(images):
    tanh_dense = partial(layers.Dense, activation="tanh", kernel_initializer="he_normal")
    trained(
        models.Sequential(
            [layers.Flatten(input_shape=[28, 28]), tanh_dense(100), tanh_dense(10, activation="softmax")]
        ),
        *images,
    )


def test_monte_carlo_dropout(images):
    class MCDropout(layers.Dropout):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    x, y = images
    model = small(layers.Dropout(rate=0.2), layers.Dense(50, activation="relu"), layers.Dropout(rate=0.2))
    trained(model, x, y)
    y_probas = np.stack([model(x, training=True) for _ in range(100)])
    assert y_probas.mean(axis=0).shape == (200, 10)
    assert y_probas.std(axis=0).max() > 0.01
    mc_model = models.Sequential(
        [MCDropout(layer.rate) if isinstance(layer, layers.Dropout) else layer for layer in model.layers]
    )
    mc_model.set_weights(model.get_weights())
    np.testing.assert_allclose(
        np.mean([mc_model.predict(x[:5]) for _ in range(100)], axis=0), model.predict(x[:5]), atol=0.1
    )


@pytest.mark.parametrize(
    "schedule",
    [
        keras.optimizers.schedules.InverseTimeDecay(0.01, decay_steps=10_000, decay_rate=1.0),
        keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=20_000, decay_rate=0.1),
        keras.optimizers.schedules.PiecewiseConstantDecay([50, 100], [0.01, 0.005, 0.001]),
    ],
)
def test_schedules(schedule, images):
    x, y = images
    model = small()
    model.compile(loss="sparse_categorical_crossentropy", optimizer=SGD(learning_rate=schedule))
    model.fit(x, y, epochs=2, verbose=0)


def test_exponential_learning_rate_per_batch(images):
    """The learning-rate finder: raises the rate at every batch and records the running mean of the loss."""
    K = keras.backend

    class ExponentialLearningRate(keras.callbacks.Callback):
        def __init__(self, factor):
            self.factor = factor
            self.rates = []
            self.losses = []

        def on_epoch_begin(self, epoch, logs=None):
            self.sum_of_epoch_losses = 0

        def on_batch_end(self, batch, logs=None):
            mean_epoch_loss = logs["loss"]
            new_sum_of_epoch_losses = mean_epoch_loss * (batch + 1)
            batch_loss = new_sum_of_epoch_losses - self.sum_of_epoch_losses
            self.sum_of_epoch_losses = new_sum_of_epoch_losses
            self.rates.append(self.model.optimizer.learning_rate.numpy())
            self.losses.append(batch_loss)
            self.model.optimizer.learning_rate = self.model.optimizer.learning_rate * self.factor

    x, y = images
    model = small()
    model.compile(loss="sparse_categorical_crossentropy", optimizer=SGD(learning_rate=1e-3))
    finder = ExponentialLearningRate(factor=1.1)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[finder])
    np.testing.assert_allclose(finder.rates, 1e-3 * 1.1 ** np.arange(7), rtol=1e-5)
    assert all(np.isfinite(finder.losses))
    K.set_value(model.optimizer.learning_rate, 0.5)
    assert K.get_value(model.optimizer.learning_rate) == 0.5


def test_callbacks_of_the_books(images, tmp_path):
    x, y = images
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "model.safetensors", save_best_only=True)
    early = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    plateau = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = trained(
        small(), x, y, epochs=6, validation_split=0.2, callbacks=[checkpoint, early, plateau, log]
    )
    assert "learning_rate" in history.history
    best = models.load_model(tmp_path / "model.safetensors")
    assert best.evaluate(x[160:], y[160:], verbose=0)[0] == pytest.approx(min(history.history["val_loss"]))
    assert len((tmp_path / "log.csv").read_text().splitlines()) == len(history.epoch) + 1


def test_seeds_and_sessions(images):
    weights = []
    for _ in range(2):
        keras.backend.clear_session()
        tf.random.set_seed(42)
        np.random.seed(42)  # noqa: NPY002 - as the notebooks have it
        model = small(layers.Dense(20, activation="relu"))
        trained(model, *images, epochs=2)
        weights.append([model.layers[1].name, *(w.tobytes() for w in model.get_weights())])
    assert weights[0] == weights[1]
    assert weights[0][0] == "dense"


def test_labels_as_columns(images):
    x, y = images
    assert trained(small(), (x * 255).astype(np.uint8), y[:, None]).history["accuracy"][0] > 0
