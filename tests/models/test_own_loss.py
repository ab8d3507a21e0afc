"""Models whose class defines `compute_loss` or `compute_metrics`, and these methods of every model."""

import numpy as np
import pytest

import densor
from densor import layers, metrics, ops
from tests.models.build import FEATURES, classifier, data, same_weights


def net(kind=densor.Sequential, **options):
    densor.utils.set_random_seed(3)
    hidden = layers.Dense(5, activation="tanh", kernel_regularizer=densor.regularizers.L2(0.01))
    model = kind([densor.Input((FEATURES,)), hidden, layers.Dense(1)])
    model.compile(densor.optimizers.SGD(0.05), **options)
    return model


class Asked(densor.Sequential):
    """The compiled loss, asked for."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight, training)


class Written(densor.Sequential):
    """Mean squared error, without penalties."""

    def compute_loss(self, x, y, y_pred, sample_weight=None):
        losses = ops.square(y - y_pred)
        return ops.mean(losses if sample_weight is None else losses * ops.reshape(sample_weight, (-1, 1)))


class Modes(densor.Sequential):
    """Reads its features and the mode."""

    def compute_loss(self, x, y, y_pred, sample_weight, training=True):
        return ops.mean(ops.abs(x)) * (2.0 if training else 3.0) + ops.mean(ops.square(y - y_pred))


def train(model, weights=None):
    x, y = data()
    options = {"sample_weight": weights, "shuffle": False, "verbose": 0}
    history = model.fit(x, y, batch_size=16, epochs=3, **options).history
    return [np.array([*history.values()]), np.array(model.evaluate(x, y, verbose=0))]


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_base_class_computes_the_compiled_loss_with_penalties(loss, weighted):
    weights = np.linspace(0, 2, 70) if weighted else None
    plain, asked = (net(kind, loss=loss, metrics=["mae"]) for kind in (densor.Sequential, Asked))
    for a, b in zip(train(plain, weights), train(asked, weights), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    for a, b in zip(plain.get_weights(), asked.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_labels_and_several_outputs():
    x, y = data()

    class Asking(densor.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(3, activation="softmax"), layers.Dense(1)

        def call(self, inputs):
            return {"a": self.a(inputs), "b": self.b(inputs)}

    class Own(Asking):
        def compute_loss(self, x, y, y_pred, sample_weight, training=True):
            return super().compute_loss(x, y, y_pred, sample_weight)

    found = []
    for kind in (Asking, Own):
        densor.utils.set_random_seed(3)
        model = kind()
        losses = {"a": "sparse_categorical_crossentropy", "b": "mse"}
        model.compile("sgd", losses, loss_weights={"a": 1.0, "b": 0.5}, metrics={"a": ["accuracy"]})
        model.fit(x, {"a": y, "b": y}, epochs=2, verbose=0)
        found.append((model.history.history["loss"], model.get_weights()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert set(model.history.history) == {"loss", "a_accuracy"}


def test_a_loss_of_ones_own_has_no_penalties_and_needs_no_compiled_loss():
    densor.utils.set_random_seed(3)
    bare = densor.Sequential([densor.Input((FEATURES,)), layers.Dense(5, activation="tanh"), layers.Dense(1)])
    bare.compile(densor.optimizers.SGD(0.05), "mse")
    for weights in (None, np.linspace(0, 2, 70)):
        own = net(Written)
        bare.set_weights(own.get_weights())
        bare.compile(densor.optimizers.SGD(0.05), "mse")
        for a, b in zip(train(bare, weights), train(own, weights), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)


def test_features_and_mode_are_seen():
    x, y = data()
    model = net(Modes)
    error = np.square(model.predict(x)[:, 0] - y).mean()
    found = model.evaluate(x, y, batch_size=70, verbose=0)
    assert found == pytest.approx(3 * np.abs(x).mean() + error, rel=1e-5)
    assert model.train_on_batch(x, y) == pytest.approx(2 * np.abs(x).mean() + error, rel=1e-5)


def test_gradients_are_those_of_the_own_loss():
    x, y = data()
    own, plain = net(Written), net(loss="mse")
    plain.layers[0].kernel.regularizer = None
    for a, b in zip(own.compute_gradients(x, y), plain.compute_gradients(x, y), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_on_arrays():
    x, y = data()
    model = net(loss="mse")
    pred = model.predict(x)
    wanted = np.square(pred[:, 0] - y, dtype=np.float64).mean() + sum(model.losses)
    assert model.compute_loss(x, y, pred) == pytest.approx(wanted, rel=1e-6)
    weights = np.linspace(0, 2, 70)
    wanted = (weights * np.square(pred[:, 0] - y, dtype=np.float64)).mean() + sum(model.losses)
    assert model.compute_loss(x, y, pred, weights) == pytest.approx(wanted, rel=1e-6)
    with pytest.raises(RuntimeError, match=r"compute_loss\(\): the model is not compiled"):
        densor.Sequential([layers.Dense(1)]).compute_loss(x, y, pred)


def test_what_is_no_tensor_is_refused():
    class Wrong(densor.Sequential):
        def compute_loss(self, x, y, y_pred, sample_weight):
            return 1.0

    model = net(Wrong)
    before = model.get_weights()
    with pytest.raises(
        TypeError, match=r"compute_loss\(\): argument 'return value': must be a symbolic tensor"
    ):
        model.fit(*data(), verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


class Counted(densor.Sequential):
    """A mean absolute error of its own beside the compiled results."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.error = metrics.MeanAbsoluteError(name="mine")
        self.seen = []

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.seen.append(
            (x.shape, y.shape, y_pred.shape, None if sample_weight is None else sample_weight.shape)
        )
        self.error.update_state(y, y_pred)
        return {**super().compute_metrics(x, y, y_pred, sample_weight), "mine": self.error.result()}


def test_own_metrics_see_every_batch_and_end_in_the_logs():
    x, y = data()
    plain, own = net(loss="mse", metrics=["mae"]), net(Counted, loss="mse", metrics=["mae"])
    for model in (plain, own):
        model.fit(x, y, batch_size=32, epochs=2, verbose=0, validation_data=(x, y, np.ones(70)))
    shapes = [((n, FEATURES), (n, 1), (n, 1), None) for n in (32, 32, 6)]
    weighted = [((n, FEATURES), (n, 1), (n, 1), (n,)) for n in (32, 32, 6)]
    assert own.seen == (shapes + weighted) * 2
    assert same_weights(plain, own)
    history = own.history.history
    assert history["mine"] == pytest.approx(history["mae"], rel=1e-6)
    assert history["val_mine"] == pytest.approx(history["val_mae"], rel=1e-6)
    assert {k: v for k, v in history.items() if "mine" not in k} == plain.history.history
    assert own.evaluate(x, y, return_dict=True, verbose=0)["mine"] == pytest.approx(history["val_mine"][-1])
    assert own.error in own.metrics
    assert own.get_metrics_result() == {k: history[f"val_{k}"][-1] for k in ("loss", "mae")}


def test_what_own_metrics_return_is_checked():
    class Wrong(densor.Sequential):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return 1.0

    with pytest.raises(TypeError, match=r"compute_metrics\(\): argument 'return value': must be a dict"):
        net(Wrong, loss="mse").evaluate(*data(), verbose=0)


def test_results_of_the_last_run():
    model = classifier()
    assert model.get_metrics_result() == {}
    x, y = data()
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert model.get_metrics_result() == {"loss": loss, "accuracy": accuracy}
    assert model.compute_metrics(x, y, model.predict(x)) == {"loss": loss, "accuracy": accuracy}
