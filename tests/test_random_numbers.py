"""`densor.random` as Keras' `random`: arrays, and noise in the `call` of a layer."""

import numpy as np
import pytest

import densor
from densor import layers, ops, random

ARRAYS = {
    "normal": lambda seed: random.normal((4000,), mean=1.0, stddev=0.5, seed=seed),
    "uniform": lambda seed: random.uniform((4000,), minval=1.0, maxval=3.0, seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((4000,), stddev=0.5, seed=seed),
    "randint": lambda seed: random.randint((4000,), 3, 9, seed=seed),
    "categorical": lambda seed: random.categorical(np.log([[0.2, 0.8]]), 4000, seed=seed)[0],
    "shuffle": lambda seed: random.shuffle(np.arange(4000), seed=seed),
    "dropout": lambda seed: random.dropout(np.ones((4, 1000)), 0.25, seed=seed).reshape(-1),
}
MOMENTS = {
    "normal": (1.0, 0.5),
    "uniform": (2.0, 3**-0.5),
    "truncated_normal": (0.0, 0.4398),
    "randint": (5.5, (35 / 12) ** 0.5),
    "categorical": (0.8, 0.4),
    "dropout": (1.0, 3**-0.5),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_seeds(name):
    draw = ARRAYS[name]
    np.testing.assert_array_equal(draw(5), draw(5))
    assert (draw(5) != draw(6)).any()
    assert (draw(None) != draw(None)).any()
    random.set_seed(3)
    first = draw(None)
    random.set_seed(3)
    np.testing.assert_array_equal(draw(None), first)
    one, other = random.SeedGenerator(8), random.SeedGenerator(8)
    np.testing.assert_array_equal(draw(one), draw(other))
    assert (draw(one) != draw(random.SeedGenerator(8))).any()


@pytest.mark.parametrize("name", MOMENTS)
def test_moments(name):
    values = np.asarray(ARRAYS[name](1), np.float64)
    mean, deviation = MOMENTS[name]
    assert values.mean() == pytest.approx(mean, abs=4 * deviation / 4000**0.5)
    assert values.std() == pytest.approx(deviation, rel=0.06)


def test_dtypes_and_shapes():
    assert random.normal((2, 3)).dtype == np.float32
    assert random.uniform((2, 3), dtype="float64").shape == (2, 3)
    assert random.randint((2,), 0, 5).dtype == np.int32
    assert random.categorical(np.zeros((3, 2)), 4).shape == (3, 4)
    assert sorted(random.shuffle(np.arange(12).reshape(3, 4), axis=1)[1]) == [4, 5, 6, 7]


def test_a_generator_of_seeds_has_a_configuration():
    generator = random.SeedGenerator(4)
    generator.next()
    assert random.SeedGenerator.from_config(generator.get_config()).next() == random.SeedGenerator(4).next()


class Noise(layers.Layer):
    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    def call(self, inputs, training=None):
        return self.draw(ops.shape(inputs))


@pytest.mark.parametrize(
    ("draw", "mean", "deviation"),
    [
        (lambda shape: random.normal(shape, 1.0, 0.5), 1.0, 0.5),
        (lambda shape: random.normal((shape[0], 3, 2), seed=1), 0.0, 1.0),
        (lambda shape: random.normal((shape[0],)), 0.0, 1.0),
        (lambda shape: random.uniform(shape, -1.0, 1.0), 0.0, 3**-0.5),
        (lambda shape: random.randint(shape, 0, 2), 0.5, 0.5),
    ],
)
def test_a_call_has_other_noise_at_every_step(draw, mean, deviation):
    x = densor.Input((5,))
    model = densor.Model(x, Noise(draw)(x))
    rows = np.zeros((3000, 5), np.float32)
    first, second = model.predict(rows, verbose=0), model.predict(rows, verbose=0)
    assert first.shape == (3000, *model.output_shape[1:])
    assert (first != second).any()
    assert first.mean() == pytest.approx(mean, abs=5 * deviation / first.size**0.5)
    assert first.std() == pytest.approx(deviation, rel=0.1)
    assert len(np.unique(first, axis=0)) > 1


def test_a_variational_autoencoder_of_the_guides():
    class Sampling(layers.Layer):
        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.seed_generator = random.SeedGenerator(1337)

        def call(self, inputs):
            mean, log_var = inputs
            batch, dim = ops.shape(mean)[0], ops.shape(mean)[1]
            epsilon = random.normal(shape=(batch, dim), seed=self.seed_generator)
            self.add_loss(-0.5 * ops.mean(1.0 + log_var - ops.square(mean) - ops.exp(log_var)) * 0.01)
            return mean + ops.exp(0.5 * log_var) * epsilon

    densor.utils.set_random_seed(2)
    x = np.random.default_rng(0).normal(size=(256, 1)) @ np.array([[1.0, -2.0, 0.5, 1.5]])
    start = densor.Input((4,))
    hidden = layers.Dense(16, activation="tanh")(start)
    code = Sampling()([layers.Dense(2)(hidden), layers.Dense(2)(hidden)])
    model = densor.Model(start, layers.Dense(4)(layers.Dense(16, activation="tanh")(code)))
    model.compile(densor.optimizers.Adam(0.01), "mse")
    losses = model.fit(x, x, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]


def test_an_initializer_of_the_programs_own():
    def glorot(shape, dtype=None):
        return random.normal(shape, stddev=(2.0 / sum(shape)) ** 0.5, dtype=dtype)

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(40, kernel_initializer=glorot)

        def call(self, inputs):
            return self.inner(inputs)

    layer = Outer()
    layer(np.ones((2, 60), np.float32))
    assert layer.inner.kernel.numpy().std() == pytest.approx(0.02**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: random.normal((None, 3)),
            ValueError,
            r"begins with the batch, which only a layer's call\(\) has",
        ),
        (lambda: random.normal((2, -1)), ValueError, "'shape'"),
        (lambda: random.normal((2,), stddev=-1.0), ValueError, "'stddev'"),
        (lambda: random.normal((2,), seed="a"), TypeError, r"normal\(\): argument 'seed'"),
        (lambda: random.uniform((2,), 1.0, 0.0), ValueError, "'maxval'"),
        (lambda: random.randint((2,), 3, 3), ValueError, "'maxval'"),
        (lambda: random.categorical([0.0, 1.0], 2), ValueError, r"expected shape \(rows, classes\)"),
        (lambda: random.shuffle([1, 2], axis=1), ValueError, "'axis'"),
        (lambda: random.SeedGenerator(1.5), TypeError, "'seed'"),
        (
            lambda: Noise(lambda shape: random.normal((4, 5)))(densor.Input((5,))),
            ValueError,
            r"must begin with None, the batch .*the same at every step",
        ),
        (
            lambda: Noise(lambda shape: random.truncated_normal(shape))(densor.Input((5,))),
            ValueError,
            r"normal\(\) and uniform\(\)",
        ),
    ],
)
def test_wrong_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()
