"""The code of the lecture decks, with nothing but the import line changed.

Each test is a slide, in the order of the table of parity: its number is in the name. What a slide leaves out (data,
a few epochs, the check of the result) is added; what it prints is kept, so the lines look like the slides and not
like this house. Rows 18 to 29 are in `test_lectures_training.py`, the notebooks that the decks copy from in
`test_lectures_notebooks.py`.
"""

# fmt: off

import numpy as np
import pytest

import densor as tf
from tests.lectures import trained


def test_01_mini_batch_gradient_descent(images):
    """The loop of the slide, its gradients from `compute_gradients`: the weights of SGD without momentum."""
    x, y = images
    models = []
    for _ in range(2):
        tf.random.set_seed(1)
        models.append(tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=[28, 28]), tf.keras.layers.Dense(10)]))
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        models[-1].compile(tf.keras.optimizers.SGD(learning_rate=0.1), loss)
    by_hand, model = models
    num_epochs, alpha, batch = 4, 0.1, 50
    for _t in range(1, num_epochs):  # one epoch less than it says
        for start in range(0, len(x), batch):
            dw = by_hand.compute_gradients(x[start : start + batch], y[start : start + batch])
            w = [w - alpha * g for w, g in zip(by_hand.get_weights(), dw, strict=True)]
            by_hand.set_weights(w)
    history = model.fit(x, y, batch_size=batch, epochs=num_epochs - 1, shuffle=False, verbose=0)
    for a, b in zip(by_hand.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert history.history["loss"][2] < history.history["loss"][0]


def test_02_adam_by_hand():
    """The loop of the slide in NumPy, epsilon outside the root as it is printed: `epsilon_mode="paper"`."""
    learning_rate, beta1, beta2 = 1e-4, 0.9, 0.999
    x = target = np.linspace(-1, 1, 5)
    model = tf.keras.Sequential([tf.keras.Input((5,)), tf.keras.layers.Dense(1, use_bias=False)])
    optimizer = tf.keras.optimizers.Adam(learning_rate, beta1, beta2, epsilon=1e-7, epsilon_mode="paper")
    model.compile(optimizer, "mse")
    model.set_weights([x[:, None]])

    def compute_gradient(x):
        return 2 * (x @ target - 3.0) * target

    first_moment = 0
    second_moment = 0
    for t in range(1, 31):
        dx = compute_gradient(x)
        first_moment = beta1 * first_moment + (1 - beta1) * dx
        second_moment = beta2 * second_moment + (1 - beta2) * dx * dx
        first_unbias = first_moment / (1 - beta1**t)
        second_unbias = second_moment / (1 - beta2**t)
        x = x - learning_rate * first_unbias / (np.sqrt(second_unbias) + 1e-7)
    model.fit(target[None], np.array([3.0]), epochs=30, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], x, atol=1e-6)
    assert tf.keras.optimizers.Adam().epsilon == 1e-7


def test_03_reduce_the_rate_on_plateaus(images):
    """Performance scheduling: "divide the learning rate by 10 when the validation error plateaus"."""
    x, y = images
    model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(10, activation="softmax")])
    plateau = tf.keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=1, min_delta=100)
    history = trained(model, x, y, 4, tf.keras.optimizers.SGD(0.1), callbacks=[plateau], validation_split=0.2)
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.1, 0.01, 0.001], rtol=1e-6)


@pytest.mark.parametrize("name", ["he_normal", "he_uniform"])
def test_04_he_initialization(name):
    dense = tf.keras.layers.Dense(50, activation="relu",
        kernel_initializer=name) # or "he_uniform"

    dense.build((None, 800))
    assert dense.kernel.shape == (800, 50)
    assert dense.kernel.numpy().std() == pytest.approx(np.sqrt(2 / 800), rel=0.03)
    assert (dense(np.ones((3, 800))) >= 0).all()


def test_05_leaky_relu_as_activation():
    leaky_relu = tf.keras.layers.LeakyReLU(alpha=0.2) # defaults to alpha=0.3
    dense = tf.keras.layers.Dense(50, activation=leaky_relu,
                                 kernel_initializer="he_normal")

    x = np.random.default_rng(0).standard_normal((20, 30))
    y = dense(x)
    z = x @ dense.kernel.numpy()
    np.testing.assert_allclose(y, np.maximum(0.2 * z, z), atol=1e-5)
    assert tf.keras.layers.LeakyReLU().negative_slope == pytest.approx(0.3)


def test_06_leaky_relu_as_a_layer(images):
    model = tf.keras.models.Sequential([
        tf.keras.layers.Flatten(input_shape=[28, 28]),
        tf.keras.layers.Dense(50, kernel_initializer="he_normal"), # no activation
        tf.keras.layers.LeakyReLU(alpha=0.2), # activation as a separate layer
        tf.keras.layers.Dense(10, activation="softmax"),
    ])
    assert model.count_params() == 785 * 50 + 51 * 10
    assert trained(model, *images, epochs=15).history["accuracy"][-1] > 0.8


def test_07_swish():
    dense = tf.keras.layers.Dense(4, activation="swish")
    x = np.random.default_rng(0).standard_normal((6, 5))
    y = dense(x)
    z = x @ dense.kernel.numpy()
    np.testing.assert_allclose(y, z / (1 + np.exp(-z)), atol=1e-5)
    np.testing.assert_array_equal(tf.keras.activations.silu(z), tf.keras.activations.swish(z))


def test_07_swish_with_beta():
    """The generalization of the slide, which Keras lacks: z * sigmoid(beta * z)."""
    z = np.linspace(-4, 4, 9)[None]
    swish = tf.keras.layers.Swish(beta=2.0)
    np.testing.assert_allclose(swish(z), z / (1 + np.exp(-2 * z)), atol=1e-6)


def batch_normalized():
    return tf.keras.Sequential([
        tf.keras.layers.Flatten(input_shape=[28, 28]),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.Dense(300, activation="relu",
                             kernel_initializer="he_normal"),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.Dense(100, activation="relu",
                             kernel_initializer="he_normal"),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.Dense(10, activation="softmax")
    ])


def test_08_batch_normalization_after_the_activation(images):
    model = batch_normalized()
    assert model.built
    assert model.input_shape == (None, 28, 28)
    assert [model.layers[i].count_params() for i in (1, 3, 5)] == [3136, 1200, 400]
    assert trained(model, *images, epochs=5).history["accuracy"][-1] > 0.8


def test_09_the_summary(capsys):
    model = batch_normalized()
    model.summary()
    text = capsys.readouterr().out
    assert "batch_normalization" in text
    assert "(None, 784)" in text
    assert "3,136" in text
    for words, count in (("Total", "271,346"), ("Trainable", "268,978"), ("Non-trainable", "2,368")):
        (line,) = [line for line in text.splitlines() if line.strip().startswith(f"{words} params:")]
        assert count in line
    assert model.count_params() == 271_346
    assert sum(v.size for v in model.trainable_weights) == 268_978
    assert sum(v.size for v in model.non_trainable_weights) == 2_368


def test_10_batch_normalization_before_the_activation(images):
    model = tf.keras.Sequential([
        tf.keras.layers.Flatten(input_shape=[28, 28]),
        tf.keras.layers.Dense(300, kernel_initializer="he_normal",
            use_bias=False),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.Activation("relu"),
        tf.keras.layers.Dense(100, kernel_initializer="he_normal",
            use_bias=False),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.Activation("relu"),
        tf.keras.layers.Dense(10, activation="softmax")
    ])
    assert model.count_params() == 267_810
    assert trained(model, *images, epochs=5).history["accuracy"][-1] > 0.8


def test_11_a_mean_for_each_pixel_or_column(images):
    """A list of axes is what Keras 3 refuses; momentum weighs the old value."""
    x = np.float32(images[0])
    pixels = tf.keras.layers.BatchNormalization(axis=[1, 2], momentum=0.9)
    y = np.asarray(pixels(x, training=True))
    np.testing.assert_allclose(y.mean(axis=0), np.zeros((28, 28)), atol=1e-4)
    assert [v.shape for v in pixels.variables] == [(1, 28, 28)] * 4
    np.testing.assert_allclose(pixels.moving_mean.numpy()[0], 0.1 * x.mean(axis=0), atol=1e-5)
    columns = tf.keras.layers.BatchNormalization()
    columns(x)
    assert [v.shape for v in columns.variables] == [(28,)] * 4, "width means and variances"


def test_12_gradient_clipping():
    """The gradient [0.9, 100] of the slides, by a loss whose gradient it is."""
    for options, step in (
        ({"clipvalue": 1.0}, [0.9, 1.0]),
        ({"clipnorm": 1.0}, [0.00899964, 0.9999595]),
    ):
        optimizer = tf.keras.optimizers.SGD(1.0, **options)
        model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1, use_bias=False)])
        model.compile(optimizer, "mse")
        model.set_weights([np.zeros((2, 1))])
        model.fit(np.array([[0.9, 100.0]]), np.array([-0.5]), verbose=0)
        np.testing.assert_allclose(-model.get_weights()[0][:, 0], step, rtol=1e-6)
    with pytest.raises(ValueError, match="at most one clipping"):
        tf.keras.optimizers.SGD(clipvalue=1.0, clipnorm=1.0)


@pytest.fixture
def model_a(images, tmp_path, monkeypatch):
    """`my_model_A` of the slides, in the working folder; returned as it was saved."""
    monkeypatch.chdir(tmp_path)
    model = tf.keras.Sequential([
        tf.keras.layers.Flatten(input_shape=[28, 28]),
        tf.keras.layers.Dense(30, activation="relu", kernel_initializer="he_normal"),
        tf.keras.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    trained(model, *images)
    model.save("my_model_A")
    return model


def test_13_load_model_of_a_name_without_extension(model_a, images):
    saved = model_a
    model_A = tf.keras.models.load_model("my_model_A")
    np.testing.assert_array_equal(model_A.predict(images[0]), saved.predict(images[0]))


@pytest.mark.usefixtures("model_a")
def test_14_shared_layers_and_a_new_head(images):
    model_A = tf.keras.models.load_model("my_model_A")
    # Remove output layer
    model_B_on_A = tf.keras.Sequential(model_A.layers[:-1])
    # Add new output layer
    model_B_on_A.add(tf.keras.layers.Dense(1, activation="sigmoid"))

    assert model_B_on_A.layers[:-1] == model_A.layers[:-1], "the same objects"
    assert model_B_on_A.predict(images[0][:3]).shape == (3, 1)
    before = model_A.get_weights()
    model_B_on_A.compile("sgd", "binary_crossentropy")
    model_B_on_A.fit(images[0], images[1] > 4, verbose=0)
    assert not np.array_equal(model_A.get_weights()[0], before[0]), "model_A will also be affected"


@pytest.mark.usefixtures("model_a")
def test_15_a_clone_has_weights_of_its_own(images):
    model_A = tf.keras.models.load_model("my_model_A")
    model_A_clone = tf.keras.models.clone_model(model_A)
    assert not np.array_equal(model_A_clone.get_weights()[0], model_A.get_weights()[0]), "fresh weights"
    model_A_clone.set_weights(model_A.get_weights())
    model_B_on_A = tf.keras.Sequential(model_A_clone.layers[:-1])
    model_B_on_A.add(tf.keras.layers.Dense(1, activation="sigmoid"))

    assert [layer.name for layer in model_A_clone.layers] == [layer.name for layer in model_A.layers]
    before = model_A.get_weights()
    model_B_on_A.compile("sgd", "binary_crossentropy")
    model_B_on_A.fit(images[0], images[1] > 4, verbose=0)
    for a, b in zip(before, model_A.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("model_a")
def test_16_and_17_freeze_train_unfreeze(images):
    X_train_B, X_valid_B = images[0][:150], images[0][150:]
    y_train_B, y_valid_B = images[1][:150] > 4, images[1][150:] > 4
    model_A = tf.keras.models.load_model("my_model_A")
    model_B_on_A = tf.keras.Sequential(model_A.layers[:-1])
    model_B_on_A.add(tf.keras.layers.Dense(1, activation="sigmoid"))
    reused = [w.copy() for w in model_A.get_weights()[:2]]

    for layer in model_B_on_A.layers[:-1]:
        layer.trainable = False

    optimizer = tf.keras.optimizers.SGD(learning_rate=0.001)
    model_B_on_A.compile(loss="binary_crossentropy", optimizer=optimizer,
                          metrics=["accuracy"])
    history = model_B_on_A.fit(X_train_B, y_train_B, epochs=4, verbose=0,
                                validation_data=(X_valid_B, y_valid_B))

    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert [len(values) for values in history.history.values()] == [4] * 4
    for now, then in zip(model_B_on_A.get_weights(), reused, strict=False):
        np.testing.assert_array_equal(now, then)
    head = model_B_on_A.get_weights()[2]

    for layer in model_B_on_A.layers[:-1]:
        layer.trainable = True

    optimizer = tf.keras.optimizers.SGD(learning_rate=0.001)
    model_B_on_A.compile(loss="binary_crossentropy", optimizer=optimizer,
                          metrics=["accuracy"])
    np.testing.assert_array_equal(model_B_on_A.get_weights()[2], head)  # recompiling keeps the weights
    assert optimizer.iterations == 0
    history = model_B_on_A.fit(X_train_B, y_train_B, epochs=16, verbose=0,
                               validation_data=(X_valid_B, y_valid_B))
    assert len(history.history["val_loss"]) == 16
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert not np.array_equal(model_B_on_A.get_weights()[0], reused[0])
