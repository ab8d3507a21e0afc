"""The code of the notebooks that the decks copy from, with nothing but the import line changed.

Géron, "Hands-On Machine Learning", notebook 11, and the teaching notebooks that the third deck points to: the second
table of parity. The decks themselves are in `test_lectures.py`.
"""

# fmt: off
import numpy as np
import pandas as pd
import pytest

import densor as tf
from densor import keras
from tests.lectures import trained

K = keras.backend


def small(*hidden):
    return keras.models.Sequential([
        keras.layers.Flatten(input_shape=[28, 28]),
        *hidden,
        keras.layers.Dense(10, activation="softmax")
    ])


def test_variance_scaling():
    he_avg_init = tf.keras.initializers.VarianceScaling(scale=2., mode="fan_avg",
                                                        distribution="uniform")
    dense = tf.keras.layers.Dense(50, activation="sigmoid",
                                  kernel_initializer=he_avg_init)
    dense.build((None, 150))
    kernel = dense.kernel.numpy()
    limit = np.sqrt(3 * 2 / 100)
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.03)


@pytest.mark.parametrize("activation", ["selu", "elu", "gelu", "mish", "softplus", "tanh", "sigmoid"])
def test_activations_by_name(activation, images):
    model = small(keras.layers.Dense(50, activation=activation, kernel_initializer="lecun_normal"))
    losses = trained(model, *images, epochs=5).history["loss"]
    assert losses[-1] < 0.97 * losses[0]


def test_prelu(images):
    model = small(keras.layers.Dense(50, kernel_initializer="he_normal"), keras.layers.PReLU())
    trained(model, *images, epochs=2)
    assert model.layers[2].alpha.shape == (50,)
    assert np.abs(model.layers[2].alpha.numpy()).max() > 0, "the slopes are trained"


def test_seeds_and_sessions(images):
    weights = []
    for _ in range(2):
        keras.backend.clear_session()
        tf.random.set_seed(42)
        np.random.seed(42)  # noqa: NPY002 - as the notebooks have it
        model = small(keras.layers.Dense(20, activation="relu"))
        trained(model, *images, epochs=2)
        weights.append([model.layers[1].name, *(w.tobytes() for w in model.get_weights())])
    assert weights[0] == weights[1]
    assert weights[0][0] == "dense"


def test_values_of_the_backend():
    optimizer = keras.optimizers.SGD(learning_rate=0.1)
    K.set_value(optimizer.learning_rate, K.get_value(optimizer.learning_rate) * 0.5)
    assert K.get_value(optimizer.learning_rate) == np.float32(0.05)


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3)], ids=["fashion_mnist", "cifar10"])
def test_integer_images_and_labels_as_columns(shape):
    """As `datasets` give them: uint8, class numbers (N,) and (N, 1)."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, (60, 1)).astype(np.uint8)
    x = rng.integers(0, 256, (60, *shape), dtype=np.uint8)
    losses = []
    for labels in (y, y[:, 0]):
        tf.random.set_seed(0)
        model = keras.Sequential([keras.layers.Flatten(input_shape=shape), keras.layers.Rescaling(1 / 255),
                                  keras.layers.Dense(10, activation="softmax")])
        losses.append(trained(model, x, labels, 2, keras.optimizers.SGD(0.01)).history["loss"])
    assert losses[0] == losses[1]
    assert callable(keras.datasets.fashion_mnist.load_data)
    assert callable(keras.datasets.cifar10.load_data)


def test_names_of_batch_normalization():
    model = small(keras.layers.BatchNormalization())
    assert [(var.name, var.trainable) for var in model.layers[1].variables] == [
        ("gamma", True), ("beta", True), ("moving_mean", False), ("moving_variance", False)
    ]


def test_schedules_of_the_optimizer(images):
    n_steps = 20
    for lr_schedule, fifth in (
        (tf.keras.optimizers.schedules.InverseTimeDecay(
            initial_learning_rate=0.01, decay_steps=10_000, decay_rate=1.0, staircase=False), 0.01 / 1.0005),
        (tf.keras.optimizers.schedules.ExponentialDecay(
            initial_learning_rate=0.01, decay_steps=n_steps, decay_rate=0.1, staircase=False), 0.01 * 0.1 ** 0.25),
        (tf.keras.optimizers.schedules.PiecewiseConstantDecay(
            boundaries=[4, 15], values=[0.01, 0.005, 0.001]), 0.005),
    ):
        optimizer = tf.keras.optimizers.SGD(learning_rate=lr_schedule)
        trained(small(), *images, 1, optimizer)
        assert float(lr_schedule(5)) == pytest.approx(fifth)
        assert float(optimizer.learning_rate) == pytest.approx(float(lr_schedule(7)))


def test_exponential_learning_rate(images):
    """Raises the rate at every batch and records the loss of the batch, from the running mean in the logs."""
    class ExponentialLearningRate(tf.keras.callbacks.Callback):
        def __init__(self, factor):
            self.factor = factor
            self.rates = []
            self.losses = []

        def on_epoch_begin(self, epoch, logs=None):
            self.sum_of_epoch_losses = 0

        def on_batch_end(self, batch, logs=None):
            mean_epoch_loss = logs["loss"]  # the epoch's mean loss so far
            new_sum_of_epoch_losses = mean_epoch_loss * (batch + 1)
            batch_loss = new_sum_of_epoch_losses - self.sum_of_epoch_losses
            self.sum_of_epoch_losses = new_sum_of_epoch_losses
            self.rates.append(self.model.optimizer.learning_rate.numpy())
            self.losses.append(batch_loss)
            self.model.optimizer.learning_rate = self.model.optimizer.learning_rate * self.factor

    x, y = images
    model = small()
    model.compile(loss="sparse_categorical_crossentropy", optimizer=tf.keras.optimizers.SGD(learning_rate=1e-3))
    x, y = x[:192], y[:192]  # whole batches, of which the running mean is the mean
    weights = model.get_weights()
    exp_lr = ExponentialLearningRate(factor=1.1)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[exp_lr], shuffle=False)
    np.testing.assert_allclose(exp_lr.rates, 1e-3 * 1.1 ** np.arange(6), rtol=1e-5)
    model.set_weights(weights)
    assert exp_lr.losses[0] == pytest.approx(model.evaluate(x[:32], y[:32], verbose=0), rel=1e-5)


def test_one_cycle_scheduler(images):
    """Sets the rate before every batch, without calling `super().__init__()`."""
    class OneCycleScheduler(tf.keras.callbacks.Callback):
        def __init__(self, iterations, max_lr=1e-3, start_lr=None,
                     last_iterations=None, last_lr=None):
            self.iterations = iterations
            self.max_lr = max_lr
            self.start_lr = start_lr or max_lr / 10
            self.last_iterations = last_iterations or iterations // 10 + 1
            self.half_iteration = (iterations - self.last_iterations) // 2
            self.last_lr = last_lr or self.start_lr / 1000
            self.iteration = 0

        def _interpolate(self, iter1, iter2, lr1, lr2):
            return (lr2 - lr1) * (self.iteration - iter1) / (iter2 - iter1) + lr1

        def on_batch_begin(self, batch, logs):
            if self.iteration < self.half_iteration:
                lr = self._interpolate(0, self.half_iteration, self.start_lr,
                                       self.max_lr)
            elif self.iteration < 2 * self.half_iteration:
                lr = self._interpolate(self.half_iteration, 2 * self.half_iteration,
                                       self.max_lr, self.start_lr)
            else:
                lr = self._interpolate(2 * self.half_iteration, self.iterations,
                                       self.start_lr, self.last_lr)
            self.iteration += 1
            self.model.optimizer.learning_rate = lr

    iterations = 7 * 5
    models = []
    for schedule in (False, True):
        tf.random.set_seed(3)
        model = small(keras.layers.Dense(30, activation="relu"))
        rate = tf.keras.optimizers.schedules.OneCycle(0.5, iterations) if schedule else 0.1
        onecycle = [] if schedule else [OneCycleScheduler(iterations, max_lr=0.5)]
        trained(model, *images, 5, tf.keras.optimizers.SGD(rate), callbacks=onecycle)
        models.append(model)
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_rate_in_the_history(images):
    class ExponentialDecay(tf.keras.callbacks.Callback):
        def __init__(self, n_steps=40_000):
            self.n_steps = n_steps

        def on_batch_begin(self, batch, logs=None):
            lr = self.model.optimizer.learning_rate.numpy()
            new_learning_rate = lr * 0.1 ** (1 / self.n_steps)
            self.model.optimizer.learning_rate = new_learning_rate

        def on_epoch_end(self, epoch, logs=None):
            logs = logs or {}
            logs["lr"] = self.model.optimizer.learning_rate.numpy()

    history = trained(small(), *images, 3, tf.keras.optimizers.SGD(0.01), callbacks=[ExponentialDecay(14)])
    np.testing.assert_allclose(history.history["lr"], 0.01 * 0.1 ** np.array([0.5, 1, 1.5]), rtol=1e-5)


def test_learning_rate_scheduler(images):
    def exponential_decay_fn(epoch, lr):
        return lr * 0.1 ** (1 / 20)

    def exponential_decay(lr0, s):
        def exponential_decay_fn(epoch):
            return np.float64(lr0 * 0.1 ** (epoch / s))
        return exponential_decay_fn

    for function, first in ((exponential_decay(lr0=0.01, s=20), 0.01), (exponential_decay_fn, 0.01 * 0.1 ** 0.05)):
        lr_scheduler = tf.keras.callbacks.LearningRateScheduler(function)
        history = trained(small(), *images, 4, tf.keras.optimizers.SGD(0.01), callbacks=[lr_scheduler])
        rates = history.history["learning_rate"]
        np.testing.assert_allclose(rates, first * 0.1 ** (np.arange(4) / 20), rtol=1e-5)


def test_alpha_dropout_and_monte_carlo(images):
    class MCAlphaDropout(tf.keras.layers.AlphaDropout):
        def call(self, inputs):
            return super().call(inputs, training=True)

    x, y = images
    model = small(tf.keras.layers.AlphaDropout(rate=0.1),
                  tf.keras.layers.Dense(30, activation="selu", kernel_initializer="lecun_normal"),
                  tf.keras.layers.AlphaDropout(rate=0.1))
    trained(model, (x - x.mean()) / x.std(), y, epochs=2)
    mc_model = tf.keras.Sequential([
        MCAlphaDropout(layer.rate) if isinstance(layer, tf.keras.layers.AlphaDropout) else layer
        for layer in model.layers
    ])
    mc_model.set_weights(model.get_weights())
    passes = np.stack([mc_model.predict(x[:20]) for sample in range(20)])
    assert passes.std(axis=0).max() > 1e-3
    np.testing.assert_array_equal(model.predict(x[:20]), model.predict(x[:20]))


def test_max_norm(images):
    dense = tf.keras.layers.Dense(100, activation="relu", kernel_initializer="he_normal",
                                  kernel_constraint=tf.keras.constraints.max_norm(1.))
    model = small(dense)
    trained(model, *images, 3, tf.keras.optimizers.SGD(1.0))
    norms = np.linalg.norm(dense.kernel.numpy(), axis=0)
    assert 0.9 < norms.max() <= 1 + 1e-5


def test_callbacks_of_the_books(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = images
    checkpoint_cb = keras.callbacks.ModelCheckpoint("my_model.keras", save_best_only=True)
    early_stopping_cb = keras.callbacks.EarlyStopping(patience=20, restore_best_weights=True)
    lr_scheduler = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=5)
    log = keras.callbacks.CSVLogger("log.csv")
    tensorboard_cb = keras.callbacks.TensorBoard("my_logs/run_1")
    callbacks = [checkpoint_cb, early_stopping_cb, lr_scheduler, log, tensorboard_cb]
    history = trained(small(), x, y, epochs=6, validation_split=0.2, callbacks=callbacks)
    best = keras.models.load_model("my_model.keras")
    losses = history.history["val_loss"]
    assert best.evaluate(x[160:], y[160:], verbose=0)[0] == pytest.approx(min(losses), rel=1e-5)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 7
    assert {path.name for path in (tmp_path / "my_logs/run_1").iterdir()} == {"train", "validation"}
    frame = pd.DataFrame(history.history)
    assert set(frame) == {"accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"}
    assert len(frame.plot().lines) == 5


def test_old_names_of_the_optimizer(images):
    with pytest.warns(DeprecationWarning, match="decay"):
        optimizer = keras.optimizers.SGD(learning_rate=0.01, decay=1e-4)
    trained(small(), *images, 2, optimizer)
    assert float(optimizer.learning_rate) == pytest.approx(0.01)  # decay divides it at each step
    with pytest.warns(DeprecationWarning, match="lr"):
        optimizer = keras.optimizers.SGD(lr=1e-3)
    assert float(optimizer.learning_rate) == pytest.approx(1e-3)


def test_weights_in_an_h5_file(images, tmp_path, monkeypatch):
    """Keras 3 wants `.weights.h5`."""
    monkeypatch.chdir(tmp_path)
    x, y = images
    model_checkpoint_cb = keras.callbacks.ModelCheckpoint(filepath="model.h5",
                                                          save_best_only=True,
                                                          save_weights_only=True)
    model = small(keras.layers.Dense(30, activation="relu"))
    history = trained(model, x, y, 3, validation_data=(x, y), callbacks=[model_checkpoint_cb])
    other = small(keras.layers.Dense(30, activation="relu"))
    other.load_weights("model.h5")
    other.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
    assert other.evaluate(x, y, verbose=0) == pytest.approx(min(history.history["val_loss"]), rel=1e-5)


def test_batched_data(images):
    """An iterable of batches, as `tf.data` gives them, trains like the array of its rows."""
    x, y = images

    class Batches:
        def __iter__(self):
            for start in range(0, len(x), 40):
                yield x[start : start + 40], y[start : start + 40]

        def __len__(self):
            return 5

    weights = []
    for data, options in (((x, y), {"batch_size": 40, "shuffle": False}), ((Batches(),), {})):
        tf.random.set_seed(2)
        model = small(keras.layers.Dense(20, activation="relu"))
        model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
        history = model.fit(*data, epochs=2, verbose=0, **options)
        assert len(pd.DataFrame(history.history)) == 2
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
