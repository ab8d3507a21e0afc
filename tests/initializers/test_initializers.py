"""Initializers: moments and limits against their definitions, seeds, names and wrong arguments."""

import json
import math

import numpy as np
import pytest

import densor.random
from densor import initializers, layers, utils
from densor.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from densor.initializers.variance_scaling import fans

SHAPE = (400, 600)
CUT = 0.87962566103423978  # the standard deviation that is left of a normal distribution cut at 2


@pytest.fixture(autouse=True)
def _keep_state():
    state = densor.random.get_state()
    densor.random.set_seed(1)
    yield
    densor.random.set_state(state)


def test_constants():
    assert Zeros()((2, 3)).tolist() == [[0.0] * 3] * 2
    assert Ones()((2,)).tolist() == [1.0, 1.0]
    assert Constant(0.25)((2,)).tolist() == [0.25, 0.25]
    assert Zeros()(3).shape == (3,)
    assert Zeros()(()).shape == ()


def test_constant_arrays_broadcast():
    assert Constant([1, 2])((3, 2)).tolist() == [[1.0, 2.0]] * 3
    assert Constant(np.eye(2))((2, 2)).tolist() == np.eye(2).tolist()
    for shape in ((3,), (2, 3), ()):
        with pytest.raises(
            ValueError, match=r"^Constant\(\): argument 'shape': values of shape \(2,\) do not"
        ):
            Constant([1, 2])(shape)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 4), (4, 2, 1), (1, 1), (300, 100)])
@pytest.mark.parametrize("gain", [1.0, 0.5, -2.0])
def test_orthogonal(shape, gain):
    matrix = np.float64(Orthogonal(gain, seed=1)(shape)).reshape(-1, shape[-1])
    product = matrix @ matrix.T if len(matrix) < shape[-1] else matrix.T @ matrix
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-6)


def test_orthogonal_matrices_are_uniformly_distributed():
    """Over 2000 orthogonal 3 x 3 matrices every element has mean 0 and variance 1/3, and half of them reflect."""
    draws = np.float64([Orthogonal(seed=seed)((3, 3)) for seed in range(2000)])
    assert np.abs(draws.mean(axis=0)).max() < 4 * math.sqrt(1 / 3 / 2000)
    np.testing.assert_allclose(draws.var(axis=0), 1 / 3, atol=4 * 0.3 / math.sqrt(2000))
    assert abs((np.linalg.det(draws) > 0).mean() - 0.5) < 4 * 0.5 / math.sqrt(2000)


def test_identity():
    assert Identity()((2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert Identity(0.5)((3, 2)).tolist() == [[0.5, 0.0], [0.0, 0.5], [0.0, 0.0]]


@pytest.mark.parametrize("initializer", [Orthogonal(seed=1), Identity()])
def test_matrices_may_be_empty_but_must_be_matrices(initializer):
    assert initializer((0, 3)).shape == (0, 3)
    for shape in ((), (3,), 3):
        with pytest.raises(
            ValueError, match=rf"^{type(initializer).__name__}\(\): argument 'shape': must have"
        ):
            initializer(shape)
    with pytest.raises(ValueError, match=r"^Identity\(\): argument 'shape': must have two axes"):
        Identity()((2, 3, 4))


# initializer, standard deviation, largest magnitude that it reaches and never passes (None: unbounded)
DRAWS = {
    "random_normal": (RandomNormal(stddev=0.3), 0.3, None),
    "truncated_normal": (TruncatedNormal(stddev=0.3), 0.3 * CUT, 0.6),
    "random_uniform": (RandomUniform(-0.2, 0.2), 0.2 / math.sqrt(3), 0.2),
    "variance_scaling": (VarianceScaling(), math.sqrt(1 / 400), 2 * math.sqrt(1 / 400) / CUT),
    "fan_out_uniform": (
        VarianceScaling(3.0, "fan_out", "uniform"),
        math.sqrt(3 / 600),
        math.sqrt(9 / 600),
    ),
    "untruncated": (VarianceScaling(2.0, "fan_avg", "untruncated_normal"), math.sqrt(2 / 500), None),
    "glorot_normal": (GlorotNormal(), math.sqrt(2 / 1000), 2 * math.sqrt(2 / 1000) / CUT),
    "glorot_uniform": (GlorotUniform(), math.sqrt(2 / 1000), math.sqrt(6 / 1000)),
    "he_normal": (HeNormal(), math.sqrt(2 / 400), 2 * math.sqrt(2 / 400) / CUT),
    "he_uniform": (HeUniform(), math.sqrt(2 / 400), math.sqrt(6 / 400)),
    "lecun_normal": (LecunNormal(), math.sqrt(1 / 400), 2 * math.sqrt(1 / 400) / CUT),
    "lecun_uniform": (LecunUniform(), math.sqrt(1 / 400), math.sqrt(3 / 400)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_moments_and_limits(name):
    """240,000 draws: the mean and the standard deviation are within four of their standard errors."""
    initializer, stddev, limit = DRAWS[name]
    values = initializer(SHAPE)
    assert values.shape == SHAPE
    assert values.dtype == np.float32
    assert abs(values.mean(dtype=np.float64)) < 4 * stddev / math.sqrt(values.size)
    assert values.std(dtype=np.float64) == pytest.approx(stddev, rel=4 * math.sqrt(0.5 / values.size) * 1.5)
    if limit is None:
        assert np.abs(values).max() > 4 * stddev
    else:
        assert limit * 0.99 < np.abs(values).max() <= limit * (1 + 1e-6)


def test_means_and_bounds_are_where_they_are_told():
    assert RandomNormal(mean=3.0, stddev=0.01)(SHAPE).mean() == pytest.approx(3.0, abs=1e-3)
    assert TruncatedNormal(mean=-2.0, stddev=0.01)(SHAPE).mean() == pytest.approx(-2.0, abs=1e-3)
    values = RandomUniform(1.0, 2.0)(SHAPE)
    assert 1.0 <= values.min() < values.max() < 2.0


def test_no_spread_is_the_mean():
    assert RandomNormal(mean=0.5, stddev=0.0)((3,)).tolist() == [0.5] * 3
    assert RandomUniform(0.5, 0.5)((3,)).tolist() == [0.5] * 3


@pytest.mark.parametrize("name", DRAWS)
def test_seeds(name):
    """A seed repeats; none draws anew at each call, and anew in the same way from the same global seed."""
    cls = type(DRAWS[name][0])
    seeded = cls(seed=7)
    np.testing.assert_array_equal(seeded((5, 3)), cls(seed=7)((5, 3)))
    np.testing.assert_array_equal(seeded((5, 3)), seeded((5, 3)))
    assert not np.array_equal(seeded((5, 3)), cls(seed=8)((5, 3)))
    fresh = cls()
    densor.random.set_seed(3)
    first, second = fresh((5, 3)), fresh((5, 3))
    assert not np.array_equal(first, second)
    densor.random.set_seed(3)
    np.testing.assert_array_equal(cls()((5, 3)), first)


def test_a_seed_leaves_the_global_one_alone():
    state = densor.random.get_state()
    HeNormal(seed=3)((4, 4))
    assert densor.random.get_state() == state


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), (1, 1)), ((7,), (7, 7)), ((3, 5), (3, 5)), ((3, 3, 4, 8), (36, 72)), ((2, 3, 5), (6, 10))],
)
def test_fans(shape, expected):
    assert fans(shape) == expected


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (1,), (1, 1), (7, 3, 2), 4])
def test_awkward_shapes(name, shape):
    values = DRAWS[name][0](shape)
    assert values.shape == (shape if isinstance(shape, tuple) else (shape,))
    assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("shape", "error"), [((2, -1), ValueError), ((2.0,), TypeError), ("ab", TypeError), (None, TypeError)]
)
def test_wrong_shapes(shape, error):
    with pytest.raises(error, match=r"^Zeros\(\): argument 'shape': "):
        Zeros()(shape)


def test_only_float32():
    assert HeNormal()((2, 2), dtype="float32").dtype == np.float32
    assert HeNormal()((2, 2), dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match=r"^HeNormal\(\): argument 'dtype': 'float64' is not supported"):
        HeNormal()((2, 2), dtype="float64")


@pytest.mark.parametrize(
    ("cls", "arguments", "name", "error"),
    [
        (Constant, {"value": float("nan")}, "value", ValueError),
        (Constant, {"value": "a"}, "value", TypeError),
        (Constant, {"value": [1.0, float("inf")]}, "value", ValueError),
        (Orthogonal, {"gain": float("nan")}, "gain", ValueError),
        (Orthogonal, {"seed": "a"}, "seed", TypeError),
        (Identity, {"gain": "a"}, "gain", TypeError),
        (RandomNormal, {"stddev": -1.0}, "stddev", ValueError),
        (RandomNormal, {"mean": float("inf")}, "mean", ValueError),
        (TruncatedNormal, {"stddev": float("nan")}, "stddev", ValueError),
        (TruncatedNormal, {"mean": "a"}, "mean", TypeError),
        (RandomUniform, {"minval": 1.0, "maxval": -1.0}, "maxval", ValueError),
        (RandomUniform, {"minval": None}, "minval", TypeError),
        (VarianceScaling, {"scale": 0.0}, "scale", ValueError),
        (VarianceScaling, {"mode": "fan"}, "mode", ValueError),
        (VarianceScaling, {"mode": 3}, "mode", TypeError),
        (VarianceScaling, {"distribution": "gauss"}, "distribution", ValueError),
        (GlorotUniform, {"seed": 1.5}, "seed", TypeError),
        (HeNormal, {"seed": "a"}, "seed", TypeError),
        (RandomNormal, {"seed": True}, "seed", TypeError),
    ],
)
def test_wrong_constructor_arguments(cls, arguments, name, error):
    with pytest.raises(error, match=rf"^{cls.__name__}\(\): argument '{name}': "):
        cls(**arguments)


@pytest.mark.parametrize(
    "initializer",
    [
        Zeros(),
        Ones(),
        Constant(0.5),
        Constant([0.5, 1.0]),
        HeUniform(seed=3),
        Orthogonal(2.0, seed=3),
        Identity(3),
        *(case[0] for case in DRAWS.values()),
    ],
)
def test_round_trip(initializer):
    config = json.loads(json.dumps(initializers.serialize(initializer)))
    twin = initializers.deserialize(config)
    assert type(twin) is type(initializer)
    assert twin.get_config() == initializer.get_config()


def test_a_clone_has_the_arguments_and_draws_the_same():
    initializer = initializers.VarianceScaling(2.0, "fan_avg", "uniform", seed=3)
    clone = initializer.clone()
    assert type(clone) is initializers.VarianceScaling
    assert clone is not initializer
    assert clone.get_config() == initializer.get_config()
    np.testing.assert_array_equal(clone((4, 3)), initializer((4, 3)))


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("zeros", Zeros), ("ones", Ones), ("constant", Constant), ("normal", RandomNormal),
        ("random_uniform", RandomUniform), ("truncated_normal", TruncatedNormal), ("he_normal", HeNormal),
        ("glorot_uniform", GlorotUniform), ("GlorotUniform", GlorotUniform), ("lecun_normal", LecunNormal),
        ("variance_scaling", VarianceScaling), ("orthogonal", Orthogonal), ("OrthogonalInitializer", Orthogonal),
        ("identity", Identity), ("IdentityInitializer", Identity), ("zero", Zeros), ("one", Ones),
    ],
)  # fmt: skip
def test_names(name, cls):
    assert type(initializers.get(name)) is cls


def test_instances_classes_and_functions():
    instance = HeNormal(seed=1)
    assert initializers.get(instance) is instance
    assert type(initializers.get(HeNormal)) is HeNormal
    assert initializers.get(None) is None

    def mine(shape, dtype=None):
        return np.ones(shape, dtype)

    assert initializers.get(mine) is mine


def test_lower_case_classes():
    """`initializers.he_normal()` is as good as `initializers.HeNormal()`."""
    for name in ("constant", "zeros", "ones", "he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "identity",
                 "lecun_normal", "lecun_uniform", "orthogonal", "random_normal", "random_uniform", "truncated_normal",
                 "variance_scaling"):  # fmt: skip
        assert type(initializers.get(name)) is getattr(initializers, name)


def test_functions_initialize_weights():
    """A function of the user's gets shape and dtype, and what it returns is checked before it becomes a weight."""

    def ramp(shape, dtype=None):
        assert dtype == "float32"
        return np.arange(6).reshape(shape)

    def wrong(shape, dtype=None):
        return np.zeros(3)

    layer = layers.Dense(3, kernel_initializer=ramp)
    layer.build_for((None, 2))
    assert layer.kernel.numpy().tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(
        ValueError, match=r"^add_weight\(\): argument 'initializer': wrong returned shape \(3,\) for"
    ):
        layers.Dense(3, kernel_initializer=wrong).build_for((None, 2))


@pytest.mark.parametrize("name", ["he", "xavier_uniform", "glorot"])
def test_unknown_names(name):
    with pytest.raises(
        ValueError, match=rf"^initializers.get\(\): argument 'identifier': '{name}' is not a known"
    ):
        initializers.get(name)


def test_get_refuses_the_rest():
    for wrong in (3, [HeNormal()], int):
        with pytest.raises(TypeError, match=r"^initializers.get\(\): argument 'identifier': "):
            initializers.get(wrong)


def test_subclasses_fill():
    class Ramp(Initializer):
        def fill(self, out):
            out.reshape(-1)[:] = np.arange(out.size)

    assert Ramp()((2, 2)).tolist() == [[0.0, 1.0], [2.0, 3.0]]
    with pytest.raises(NotImplementedError, match="Initializer must define fill"):
        Initializer()((2,))


def test_functions_have_names_in_configs():
    def thirds(shape, dtype=None):
        return np.full(shape, 1 / 3)

    layer = layers.Dense(2, kernel_initializer=thirds)
    config = json.loads(json.dumps(layer.get_config()))
    assert config["kernel_initializer"] == initializers.serialize(thirds) == "thirds"
    with pytest.raises(ValueError, match="'thirds' is not a known initializer"):
        layers.Dense.from_config(config)
    with utils.custom_object_scope({"thirds": thirds}):
        assert layers.Dense.from_config(config).kernel_initializer is thirds
    with pytest.raises(
        ValueError, match=r"initializers.serialize\(\): argument 'initializer': .*cannot be named"
    ):
        layers.Dense(2, bias_initializer=lambda shape, dtype=None: np.ones(shape)).get_config()
