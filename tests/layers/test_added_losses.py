"""Layers that add to the loss in `call`: values, gradients, models without another loss, bad arguments."""

import numpy as np
import pytest

import densor
from densor import layers, ops
from tests.models.build import FEATURES, data, regressor


class Energy(layers.Layer):
    """Hands its input on and adds half its mean square, and its absolute sum times 0.01."""

    def call(self, inputs):
        self.add_loss(0.5 * ops.mean(ops.square(inputs)))
        self.add_loss([0.01 * ops.abs(inputs)])
        return inputs


def energy(x):
    return 0.5 * np.square(x, dtype=np.float64).mean(), 0.01 * np.abs(x, dtype=np.float64).sum()


def model(**options):
    densor.utils.set_random_seed(3)
    dense = layers.Dense(
        4, kernel_regularizer=densor.regularizers.L2(0.1), activity_regularizer="l1", **options
    )
    return densor.Sequential([densor.Input((FEATURES,)), dense, Energy(), layers.Dense(1)])


def test_values_of_the_last_call():
    x = data()[0]
    layer = Energy()
    assert layer.losses == []
    layer(x)
    np.testing.assert_allclose(layer.losses, energy(x), rtol=1e-6)
    layer(x[:3])
    np.testing.assert_allclose(layer.losses, energy(x[:3]), rtol=1e-6)


def test_losses_of_a_model_are_those_of_its_layers_and_then_the_weights():
    x = data()[0]
    net = model()
    net(x)
    kernel, bias = net.get_weights()[:2]
    hidden = x @ kernel + bias
    wanted = [0.01 * np.abs(hidden).sum() / len(x), *energy(hidden), 0.1 * np.square(kernel).sum()]
    np.testing.assert_allclose(net.losses, wanted, rtol=1e-5)


def test_the_loss_of_a_model_contains_them():
    x, y = data()
    net = model()
    net.compile("sgd", "mse")
    found = net.evaluate(x, y, batch_size=len(x), verbose=0)
    net(x)
    assert found == pytest.approx(np.square(net.predict(x)[:, 0] - y).mean() + sum(net.losses), rel=1e-5)
    halves = [net.evaluate(part, y[:35], verbose=0, batch_size=35) for part in (x[:35],)]
    assert net.fit(x[:35], y[:35], verbose=0, batch_size=35).history["loss"] == pytest.approx(
        halves, rel=1e-6
    )


def test_gradients_by_differences():
    x, y = data()
    net = model()
    net.compile("sgd", "mse")
    gradients = net.compute_gradients(x, y)
    start, step = net.get_weights(), 1e-3
    for index, gradient in enumerate(gradients):
        direction = np.random.default_rng(index).standard_normal(gradient.shape).astype(np.float32)
        ends = []
        for sign in (1, -1):
            net.set_weights([w + sign * step * direction if i == index else w for i, w in enumerate(start)])
            ends.append(net.evaluate(x, y, batch_size=len(x), verbose=0))
        slope = (ends[0] - ends[1]) / (2 * step)
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=2e-3, abs=2e-3)


class Autoencoder(densor.Model):
    """Its only loss is what `call` adds."""

    def __init__(self):
        super().__init__()
        self.code, self.back = layers.Dense(2), layers.Dense(FEATURES)

    def call(self, inputs):
        outputs = self.back(self.code(inputs))
        self.add_loss(ops.mean(ops.square(outputs - inputs)))
        return outputs


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_model_without_another_loss_trains(shuffle):
    densor.utils.set_random_seed(1)
    x = data()[0]
    net = Autoencoder()
    net.compile(densor.optimizers.Adam(0.01))
    history = net.fit(x, epochs=40, verbose=0, shuffle=shuffle, validation_data=(x, None)).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert history["val_loss"][-1] == net.evaluate(x, verbose=0)
    assert net.evaluate(x, batch_size=len(x), verbose=0) == pytest.approx(
        np.square(net.predict(x) - x).mean(), rel=1e-5
    )
    assert net.train_on_batch(x) == pytest.approx(net.history.history["val_loss"][-1], rel=1e-5)


def test_clipped_and_scaled_losses_train_alike():
    """The scale of the loss reaches these terms, too."""
    x, y = data()
    weights = []
    for scale in (None, 1024.0):
        net = model()
        net.compile(densor.optimizers.SGD(0.1, loss_scale_factor=scale), "mse")
        net.fit(x, y, epochs=2, verbose=0, shuffle=False)
        weights.append(net.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_term_that_is_not_finite_stops_training_before_the_weights_change():
    class Broken(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(ops.log(inputs - 1e9)))
            return inputs

    net = densor.Sequential([densor.Input((FEATURES,)), layers.Dense(2), Broken()])
    net.compile("sgd", "mse")
    before = net.get_weights()
    with pytest.raises(RuntimeError, match="not finite in epoch 1, batch 0"):
        net.fit(
            data()[0],
            np.zeros((70, 2)),
            verbose=0,
            callbacks=[densor.callbacks.TerminateOnNaN(raise_error=True)],
        )
    for a, b in zip(before, net.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_arguments():
    class Wrong(layers.Layer):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def call(self, inputs):
            self.add_loss(self.value)
            return inputs

    for value in (1.0, "mse", None, lambda: 0.0, np.ones(3)):
        with pytest.raises(TypeError, match=r"add_loss\(\): argument 'loss': must be a symbolic tensor"):
            Wrong(value)(np.ones((2, 2)))
    with pytest.raises(TypeError, match="penalize weights with a regularizer"):
        Wrong(densor.Variable([1.0]))(np.ones((2, 2)))
    with pytest.raises(RuntimeError, match=r"add_loss\(\).*only call\(\)"):
        layers.Dense(1).add_loss(densor.Input((2,)))


def test_without_any_loss_fit_says_so():
    x, y = data()
    for net in (
        densor.Sequential([densor.Input((FEATURES,)), layers.Dense(1)]),
        densor.Sequential([layers.Dense(1)]),
    ):
        net.compile("sgd")
        with pytest.raises(RuntimeError, match=r"fit\(\): the model has no loss"):
            net.fit(x, y, verbose=0)


def test_saved_models_keep_what_their_layers_add(tmp_path):
    x, y = data()
    net = model()
    net.compile(densor.optimizers.SGD(0.1, momentum=0.9), "mse")
    net.fit(x, y, verbose=0)
    net.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model", custom_objects={"Energy": Energy})
    assert loaded.evaluate(x, y, verbose=0) == net.evaluate(x, y, verbose=0)
    assert regressor().losses == []
