"""The code of the lecture decks, with nothing but the import line changed: optimizers, schedules, overfitting.

Continues `test_lectures.py`: rows 18 to 29 of the table of parity.
"""

# fmt: off
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import densor as tf
from tests.lectures import trained

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "the_chapter.ipynb"


def flat(*hidden):
    return tf.keras.Sequential([
        tf.keras.layers.Flatten(input_shape=[28, 28]),
        *hidden,
        tf.keras.layers.Dense(10, activation="softmax"),
    ])


@pytest.mark.parametrize("name", ["nesterov", "rmsprop", "adam"])
def test_18_optimizers(name, images):
    # Nesterov Accelerated Gradient
    optimizer = tf.keras.optimizers.SGD(learning_rate=0.001, momentum=0.9,
                                       nesterov=True)
    nesterov = optimizer

    # RMSProp
    optimizer = tf.keras.optimizers.RMSprop(learning_rate=0.001, rho=0.9)
    rmsprop = optimizer

    # Adam
    optimizer = tf.keras.optimizers.Adam(learning_rate=0.001, beta_1=0.9,
                                         beta_2=0.999)
    adam = optimizer

    chosen = {"nesterov": nesterov, "rmsprop": rmsprop, "adam": adam}[name]
    losses = trained(flat(), *images, 5, chosen).history["loss"]
    assert losses[-1] < losses[0]
    assert chosen.iterations == 5 * 7
    assert float(chosen.learning_rate) == pytest.approx(0.001)


@pytest.mark.parametrize("name", ["Adagrad", "Adamax", "AdaMax", "Nadam", "AdamW", "RAdam"])
def test_18_the_table_of_optimizers(name, images):
    losses = trained(flat(), *images, 3, getattr(tf.keras.optimizers, name)(0.01)).history["loss"]
    assert losses[-1] < losses[0]


def test_19_l2_regularization():
    layer = tf.keras.layers.Dense(100, activation="relu",
                                 kernel_initializer="he_normal",
                                 kernel_regularizer=tf.keras.regularizers.l2(0.01))

    model = tf.keras.Sequential([tf.keras.Input((7,)), layer])
    kernel = model.get_weights()[0]
    model.compile("sgd", "mse")
    x = np.ones((4, 7))
    assert model.evaluate(x, model.predict(x), verbose=0) == pytest.approx(0.01 * (kernel**2).sum(), rel=1e-5)
    for regularizer, penalty in (
        (tf.keras.regularizers.l1(0.1), 0.1 * np.abs(kernel).sum()),
        (tf.keras.regularizers.l1_l2(0.1, 0.2), 0.1 * np.abs(kernel).sum() + 0.2 * (kernel**2).sum()),
    ):
        assert float(regularizer(kernel)) == pytest.approx(float(penalty), rel=1e-5)


def test_20_partial(images):
    RegularizedDense = partial(tf.keras.layers.Dense,
                               activation="relu",
                               kernel_initializer="he_normal",

                               kernel_regularizer=tf.keras.regularizers.l2(0.01))

    model = tf.keras.Sequential([
        tf.keras.layers.Flatten(input_shape=[28, 28]),
        RegularizedDense(100),
        RegularizedDense(100),
        RegularizedDense(10, activation="softmax")
    ])
    assert [layer.activation.__name__ for layer in model.layers[1:]] == ["relu", "relu", "softmax"]
    kernels = model.get_weights()[::2]
    penalty = 0.01 * sum((np.float64(kernel) ** 2).sum() for kernel in kernels)
    x, y = images
    model.compile("sgd", "sparse_categorical_crossentropy")
    p = model.predict(x)
    cross_entropy = -np.log(p[np.arange(len(y)), y]).mean()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(penalty + cross_entropy, rel=1e-5)
    model.fit(x, y, epochs=3, verbose=0)
    assert sum((np.float64(kernel) ** 2).sum() for kernel in model.get_weights()[::2]) < penalty / 0.01


def with_dropout():
    return tf.keras.Sequential([
        tf.keras.layers.Flatten(input_shape=[28, 28]),
        tf.keras.layers.Dropout(rate=0.2),
        tf.keras.layers.Dense(100, activation="relu",
                             kernel_initializer="he_normal"),
        tf.keras.layers.Dropout(rate=0.2),
        tf.keras.layers.Dense(100, activation="relu",
                             kernel_initializer="he_normal"),
        tf.keras.layers.Dropout(rate=0.2),
        tf.keras.layers.Dense(10, activation="softmax")
    ])


def test_21_dropout(images):
    model = with_dropout()
    assert [layer.rate for layer in model.layers if isinstance(layer, tf.keras.layers.Dropout)] == [0.2] * 3
    assert model.count_params() == 785 * 100 + 101 * 100 + 101 * 10
    history = trained(model, *images, epochs=8)
    assert model.evaluate(*images, verbose=0)[0] < history.history["loss"][-1], "compare without dropout"


def test_22_monte_carlo_dropout(images):
    X_test = images[0][:50]
    model = with_dropout()
    trained(model, *images, epochs=4)

    y_probas = np.stack([model(X_test, training=True)
                         for sample in range(100)])
    y_proba = y_probas.mean(axis=0)

    assert y_probas.shape == (100, 50, 10)
    assert y_proba.shape == (50, 10)
    np.testing.assert_allclose(y_probas.sum(axis=2), 1, atol=1e-5)
    assert y_probas.std(axis=0).max() > 0.01
    found = model.predict_mc(X_test, samples=100)
    np.testing.assert_allclose(found.mean, y_proba, atol=0.1)
    np.testing.assert_allclose(found.std, y_probas.std(axis=0), atol=0.1)


def test_23_and_24_mc_dropout(images):
    class MCDropout(tf.keras.layers.Dropout):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    X_test = images[0][:50]
    model = with_dropout()
    trained(model, *images, epochs=4)

    Dropout = tf.keras.layers.Dropout
    mc_model = tf.keras.Sequential([
        MCDropout(layer.rate) if isinstance(layer, Dropout) else layer
        for layer in model.layers
    ])
    mc_model.set_weights(model.get_weights())

    assert [type(layer).__name__ for layer in mc_model.layers][1::2] == ["MCDropout"] * 3
    assert [w.shape for w in model.get_weights()] == [(784, 100), (100,), (100, 100), (100,), (100, 10), (10,)]
    y_probas = np.stack([mc_model.predict(X_test) for sample in range(100)])
    assert y_probas.std(axis=0).max() > 0.01
    np.testing.assert_allclose(y_probas.mean(axis=0), model.predict_mc(X_test, samples=100).mean, atol=0.1)
    np.testing.assert_array_equal(model.predict(X_test), model.predict(X_test))


def test_25_early_stopping(images):
    early = tf.keras.callbacks.EarlyStopping(
        monitor="val_loss",
        min_delta=0,
        patience=0,
        verbose=0,
        mode="auto",
        baseline=None,
        restore_best_weights=False,
    )
    x, y = images
    model = flat()
    wrong = (x, (y + 1) % 10)  # what is learned makes the loss on these worse, epoch by epoch
    history = trained(model, x, y, 50, "adam", callbacks=[early], validation_data=wrong)
    losses = history.history["val_loss"]
    assert 2 <= len(losses) < 10
    assert losses[-1] >= losses[-2]
    assert losses[:-1] == sorted(losses[:-1], reverse=True)
    assert model.evaluate(*wrong, verbose=0)[0] == pytest.approx(losses[-1], rel=1e-5)  # the last weights, not the best


def test_26_a_model_that_overflows():
    callback = tf.keras.callbacks.EarlyStopping(monitor='loss', patience=3)
    # This callback will stop the training when there is no improvement in
    # the validation loss for three consecutive epochs.
    model = tf.keras.models.Sequential([tf.keras.layers.Dense(10)])
    model.compile(tf.keras.optimizers.SGD(), loss='mse')
    history = model.fit(np.arange(100).reshape(5, 20), np.zeros(5),
                        epochs=10, batch_size=1, callbacks=[callback],
                        verbose=0)
    assert len(history.history['loss']) == 4 # Only 4 epochs are run.

    assert model.layers[0].kernel.shape == (20, 10)
    first, second, *rest = history.history["loss"]
    assert 1e12 < first < second
    assert not np.isfinite(rest).any()


def test_27_schedules(images):
    """Piecewise constant, power and exponential, each by a schedule object; power by the optimizer's own `decay`."""
    schedules = tf.keras.optimizers.schedules
    s, steps = 20, 35
    t = np.arange(steps)
    for schedule, rates in (
        (schedules.PiecewiseConstantDecay([5, 10], [0.1, 0.01, 0.001]),
         np.select([t <= 5, t <= 10], [0.1, 0.01], 0.001)),
        (schedules.PowerDecay(0.1, s, power=2), 0.1 / (1 + t / s) ** 2),
        (schedules.InverseTimeDecay(0.1, s, 1.0), 0.1 / (1 + t / s)),
        (schedules.ExponentialDecay(0.1, s, 0.1), 0.1 * 0.1 ** (t / s)),
        (schedules.ExponentialDecay(0.1, s, 0.1, staircase=True), 0.1 * 0.1 ** (t // s)),
        (schedules.CosineDecay(0.1, steps), 0.05 * (1 + np.cos(np.pi * t / steps))),
        (schedules.LinearDecay(0.1, steps), 0.1 * (1 - t / steps)),
    ):
        np.testing.assert_allclose([float(schedule(step)) for step in t], rates, rtol=1e-5)
        optimizer = tf.keras.optimizers.SGD(learning_rate=schedule)
        losses = trained(flat(), *images, 5, optimizer).history["loss"]
        assert losses[-1] < losses[0]


def test_27_a_schedule_as_a_callback(images):
    def piecewise(epoch):
        if epoch < 5:
            return 0.1
        elif epoch < 10:
            return 0.01
        else:
            return 0.001

    callback = tf.keras.callbacks.LearningRateScheduler(piecewise)
    history = trained(flat(), *images, 12, tf.keras.optimizers.SGD(), callbacks=[callback])
    rates = history.history["learning_rate"]
    np.testing.assert_allclose(rates, [0.1] * 5 + [0.01] * 5 + [0.001] * 2, rtol=1e-6)


def test_27_a_parameter_of_the_optimizer():
    with pytest.warns(DeprecationWarning, match="decay"):
        optimizer = tf.keras.optimizers.SGD(learning_rate=0.1, decay=0.05)
    model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer, "mae")
    model.set_weights([np.zeros((1, 1))])
    model.fit(np.ones((8, 1)), np.full((8, 1), -9.0), batch_size=1, verbose=0)  # the gradient is 1
    assert model.get_weights()[0].item() == pytest.approx(-sum(0.1 / (1 + 0.05 * t) for t in range(8)))


def test_27_one_cycle_after_a_range_test(images):
    """Up to the rate at which training diverges, back to a tenth of it, and then nearly to zero."""
    x, y = images
    model = flat()
    model.compile(tf.keras.optimizers.SGD(), "sparse_categorical_crossentropy")
    found = model.lr_find(x, y)
    steps = 7 * 10
    schedule = tf.keras.optimizers.schedules.OneCycle(found.max_learning_rate, total_steps=steps)
    rates = np.array([float(schedule(step)) for step in range(steps + 1)])
    assert rates[0] == pytest.approx(found.max_learning_rate / 10)
    assert rates.max() == pytest.approx(found.max_learning_rate)
    assert rates[-1] < rates[0] / 500
    assert trained(flat(), x, y, 10, tf.keras.optimizers.SGD(schedule)).history["accuracy"][-1] > 0.9


def test_28_the_names_of_the_third_deck(images):
    early = tf.keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    for options in ({"clipvalue": 1}, {"clipnorm": 1}):
        history = trained(flat(), *images, 3, tf.keras.optimizers.SGD(0.1, **options), callbacks=[early],
                          validation_split=0.2)
        assert history.history["loss"][-1] < history.history["loss"][0]


def test_29_a_notebook_of_our_own():
    """The first deck links to notebooks; ours is the chapter, slide by slide (run by test_notebook.py)."""
    headings = re.findall(r'"## (.+?)(?:\\n)?"', NOTEBOOK.read_text())
    assert len(headings) >= 10
