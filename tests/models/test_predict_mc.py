"""Monte Carlo dropout: the same samples as single calls would give, in one native loop."""

import numpy as np
import pytest

import densor
from densor import _core, layers
from tests.reference import dropout, monte_carlo

RNG = np.random.default_rng(2)
X = RNG.normal(size=(300, 6)).astype(np.float32)  # more rows than one batch has


def network(*hidden, last=3, activation="softmax"):
    return densor.Sequential(
        [
            densor.Input((6,)),
            layers.Dense(20, activation="relu", kernel_initializer="he_normal"),
            *hidden,
            layers.Dense(last, activation=activation),
        ]
    )


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def relu(z):
    return np.maximum(z, 0)


def samples_of(model, x, count, first=0, rate=0.5, seed=7, activations=(relu, softmax)):
    """The float64 samples of a model of network(Dropout(rate, seed=seed)): batches of 256 rows."""
    kernel, bias, last, end = (w.astype(np.float64) for w in model.get_weights())
    hidden = activations[0](x @ kernel + bias)
    batches = [hidden[i : i + 256] for i in range(0, len(x), 256)]
    found = []
    for sample in range(count):
        rows = [
            dropout.forward(h, dropout.kept(*h.shape, rate, seed, 0, first + b * count + sample), rate)
            for b, h in enumerate(batches)
        ]
        found.append(activations[1](np.concatenate(rows) @ last + end))
    return np.stack(found)


def test_mean_deviation_and_entropy():
    model = network(layers.Dropout(0.5, seed=7))
    first = 0
    for count in (1, 5, 12):
        expected = samples_of(model, X, count, first)
        first += count * 2
        result = model.predict_mc(X, samples=count)
        np.testing.assert_allclose(result.mean, expected.mean(axis=0), atol=2e-6)
        np.testing.assert_allclose(result.std, expected.std(axis=0), atol=2e-6)
        np.testing.assert_allclose(result.entropy, monte_carlo.entropy(expected.mean(axis=0)), atol=2e-5)
        for array, shape in zip(result, ((300, 3), (300, 3), (300,)), strict=True):
            assert array.dtype == np.float32
            assert array.shape == shape


def test_the_mean_nears_the_prediction_without_dropout():
    """Linear behind the dropout, where the mean of inverted dropout is exact: 5 deviations of it at most."""
    model = network(layers.Dropout(0.1), activation=None)
    result = model.predict_mc(X, samples=400)
    assert (np.abs(result.mean - model.predict(X)) < 5 * result.std / np.sqrt(400) + 1e-5).all()


def test_batch_normalization_stays_in_inference():
    model = network(layers.BatchNormalization(), layers.Dropout(0.3), layers.BatchNormalization())
    before = model.get_weights()
    one, two = model.predict_mc(X, 50), model.predict_mc(X[:7], 50)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    assert one.std.max() > 0.01
    np.testing.assert_allclose(one.mean[:7], two.mean, atol=0.2)


@pytest.mark.parametrize("layer", [layers.Dropout, layers.AlphaDropout, layers.GaussianDropout])
def test_every_kind_of_dropout_samples(layer):
    assert network(layer(0.3)).predict_mc(X, 10).std.max() > 0.01


def test_a_class_of_the_user_samples():
    class MCDropout(layers.Dropout):
        def call(self, inputs, training=None):
            return super().call(inputs, training=True)

    class Derived(layers.Dropout):
        pass

    for kind in (MCDropout, Derived):
        assert network(kind(0.3)).predict_mc(X, 10).std.max() > 0.01


def test_what_depends_on_no_dropout_has_no_deviation():
    inputs = densor.Input((6,))
    dropped = layers.Dropout(0.5)(layers.Dense(4)(inputs))
    model = densor.Model(inputs, layers.Concatenate()([layers.Dense(2)(inputs), dropped]))
    mean, std, entropy = model.predict_mc(X, 20)
    assert not std[:, :2].any()
    assert std[:, 2:].any()
    np.testing.assert_allclose(mean[:, :2], model.predict(X)[:, :2], rtol=1e-6)
    assert entropy is None, "linear outputs are no probabilities"


def test_entropy_of_sigmoids():
    model = network(layers.Dropout(0.5), last=2, activation="sigmoid")
    mean, _, entropy = model.predict_mc(X, 30)
    np.testing.assert_allclose(entropy, monte_carlo.entropy(mean, independent=True), atol=1e-5)


def test_outputs_of_higher_rank():
    model = densor.Sequential(
        [densor.Input((4, 6)), layers.Dropout(0.5), layers.Dense(3, activation="softmax")]
    )
    mean, std, entropy = model.predict_mc(RNG.normal(size=(9, 4, 6)), 8)
    assert mean.shape == std.shape == (9, 4, 3)
    assert entropy.shape == (9, 4)
    np.testing.assert_allclose(entropy, monte_carlo.entropy(mean), atol=1e-5)


def test_no_rows():
    result = network(layers.Dropout(0.5)).predict_mc(X[:0], 3)
    assert [array.shape for array in result] == [(0, 3), (0, 3), (0,)]


def test_rows_do_not_influence_one_another():
    results = [network_with_seed().predict_mc(x, 4).mean for x in (X[:200], X[:10])]
    np.testing.assert_array_equal(results[0][:10], results[1])


def network_with_seed():
    densor.utils.set_random_seed(3)
    return network(layers.Dropout(0.5))


def test_bits_do_not_depend_on_threads():
    threads, found = _core.num_threads(), []
    try:
        for count in (1, 2, 3):
            _core.set_num_threads(count)
            found.append(network_with_seed().predict_mc(X, 6))
    finally:
        _core.set_num_threads(threads)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_new_weights_are_seen():
    model = network(layers.Dropout(0.5))
    model.predict_mc(X, 3)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_allclose(model.predict_mc(X, 3).mean, 1 / 3, rtol=1e-6)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, np.zeros(300, int), epochs=3, verbose=0)
    assert model.predict_mc(X, 3).mean[:, 0].min() > 1 / 3, "training has moved the weights to an arena"


def test_a_model_without_dropout_is_refused():
    for model in (network(), network(layers.GaussianNoise(0.5)), network(layers.Dropout(0.0))):
        with pytest.raises(ValueError, match=r"predict_mc\(\): the model has no dropout"):
            model.predict_mc(X)


@pytest.mark.parametrize("samples", [0, -1, 2.5, "10", True, None])
def test_wrong_samples(samples):
    with pytest.raises((TypeError, ValueError), match=r"predict_mc\(\): argument 'samples'"):
        network(layers.Dropout(0.5)).predict_mc(X, samples)


def test_expressions_of_the_user_around_dropout():
    """Code written in densor.ops runs as one instruction, before the noise and behind it."""
    from densor import ops

    inputs = densor.Input((6,))
    x = layers.Dense(8, activation=lambda z: z * ops.sigmoid(z))(inputs)
    x = layers.Dropout(0.5, seed=7)(x)
    model = densor.Model(inputs, layers.Dense(3, activation=lambda z: ops.tanh(z) * 0.5)(x))
    mean, std, entropy = model.predict_mc(X, 20)
    expected = samples_of(
        model, X, 20, activations=(lambda z: z / (1 + np.exp(-z)), lambda z: 0.5 * np.tanh(z))
    )
    np.testing.assert_allclose(mean, expected.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(std, expected.std(axis=0), rtol=1e-4, atol=1e-6)
    assert entropy is None


def test_sums_over_the_samples_survive_every_layer_between():
    """Temporaries of the repeated part are larger than the sums, and more than can live side by side."""
    densor.utils.set_random_seed(1)
    model = densor.Sequential(
        [densor.Input((784,)), densor.layers.Dropout(0.2), densor.layers.Dense(100, activation="relu"),
         densor.layers.Dropout(0.2), densor.layers.Dense(10, activation="softmax")]
    )  # fmt: skip
    mean = model.predict_mc(np.ones((16, 784)), samples=50).mean
    np.testing.assert_allclose(mean.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("default", [None, False])
def test_models_that_pass_the_mode_on(default):
    """`self.dropout(x, training=training)` says nothing about sampling; `training=False` does."""

    class Own(densor.Model):
        def __init__(self, kept):
            super().__init__()
            self.kept = kept
            self.first, self.last = layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")
            self.dropout, self.normalization = layers.Dropout(0.5), layers.BatchNormalization()

        def call(self, inputs, training=default):
            x = self.normalization(self.first(inputs), training=training)
            x = self.dropout(x, training=training if self.kept else False)
            return self.last(x)

    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    model = Own(True)
    model(x)
    before = [w.copy() for w in model.get_weights()]
    assert model.predict_mc(x, samples=20).std.max() > 0.01
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    still = Own(False)
    still(x)
    with pytest.raises(ValueError, match="no dropout"):
        still.predict_mc(x)
