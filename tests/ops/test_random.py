"""Random fills and permutations: moments, distributions, independence, the same numbers everywhere."""

import math

import numpy as np
import pytest

from tests.ops.harness import TARGETS, Guarded, _core, check, on_every_target, same_bits
from tests.reference import random as reference

N = 200_003
SEED = 2026


def draw(name, a, b, n=N, seed=SEED, stream=0):
    out = np.empty(n, np.float32)
    getattr(_core, name)(out, a, b, seed, stream).run()
    return out


def normal_distribution(z):
    return 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2)))


def truncated_distribution(z):
    low, high = normal_distribution(np.array([-2.0, 2.0]))
    return (normal_distribution(np.clip(z, -2, 2)) - low) / (high - low)


DISTRIBUTIONS = {
    "random_uniform": (-0.5, 1.5, lambda x: (x + 0.5) / 2.0),
    "random_normal": (0.25, 2.0, lambda x: normal_distribution((x - 0.25) / 2.0)),
    "random_truncated_normal": (0.25, 2.0, lambda x: truncated_distribution((x - 0.25) / 2.0)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("size", [1, 15, 64, 65, 3001])
def test_numbers_are_those_of_the_definition(name, size):
    a, b, _ = DISTRIBUTIONS[name]
    expected = getattr(reference, name.removeprefix("random_"))(size, a, b, SEED << 20, 3)
    check(
        "random",
        lambda o, i: getattr(_core, name)(o.out, a, b, SEED << 20, 3),
        {},
        {"out": (size,)},
        {"out": expected},
    )


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_kolmogorov_smirnov(name):
    """The largest gap between empirical and true distribution; 1.95 / sqrt(n) is exceeded with p = 0.001."""
    a, b, distribution = DISTRIBUTIONS[name]
    x = np.sort(draw(name, a, b).astype(np.float64))
    true = distribution(x)
    gap = max(np.max(np.arange(1, N + 1) / N - true), np.max(true - np.arange(N) / N))
    assert gap < 1.95 / math.sqrt(N)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_other_seeds_and_streams_are_independent(name):
    a, b, _ = DISTRIBUTIONS[name]
    first = draw(name, a, b)
    others = [
        draw(name, a, b, seed=SEED + 1),
        draw(name, a, b, stream=1),
        draw(name, a, b, seed=SEED + (1 << 32)),
    ]
    for other in others:
        assert abs(np.corrcoef(first, other)[0, 1]) < 4 / math.sqrt(N)
    for lag in (1, 2, 3, 4, 64):
        assert abs(np.corrcoef(first[lag:], first[:-lag])[0, 1]) < 4.5 / math.sqrt(N)
    assert same_bits(first, draw(name, a, b))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("size", [1, 3, 4, 5, 31, 33, 1000])
def test_a_shorter_fill_is_a_prefix_and_threads_do_not_matter(name, size):
    a, b, _ = DISTRIBUTIONS[name]
    build = lambda o, i: getattr(_core, name)(o.out, a, b, SEED, 3)  # noqa: E731
    results = on_every_target(build, {}, {"out": (size,)})
    longer = draw(name, a, b, n=5000, stream=3)
    own = _core.cpu_target()  # of the longer one; a device draws the numbers of the CPU
    active = results[own if own in TARGETS else TARGETS[0]]["out"]
    np.testing.assert_array_equal(active, longer[:size])


def test_ranges():
    uniform = draw("random_uniform", 2.0, 3.0)
    assert uniform.min() >= 2.0
    assert uniform.max() < 3.0
    narrow = draw("random_uniform", 1.0, 1.0 + 2**-22)  # two floats: rounding must not reach the end
    assert set(np.unique(narrow)) <= {np.float32(1), np.float32(1 + 2**-23)}
    assert (draw("random_uniform", 0.7, 0.7) == np.float32(0.7)).all()
    truncated = draw("random_truncated_normal", 0.0, 1.0)
    assert np.abs(truncated).max() <= 2.0
    assert np.abs(draw("random_normal", 0.0, 1.0)).max() > 3.5


@pytest.mark.parametrize("n", [0, 1, 2, 3, 31, 33, 1000, 60000])
def test_permutation_is_one(n):
    buffer = Guarded((n,), np.int64, 0)
    _core.permutation(buffer.array, SEED, 0).run()
    buffer.assert_untouched("permutation")
    np.testing.assert_array_equal(np.sort(buffer.array), np.arange(n))


@pytest.mark.parametrize("n", [1, 2, 17, 64, 1000])
def test_permutation_is_that_of_the_definition(n):
    results = on_every_target(
        lambda o, i: _core.permutation(o.out, SEED << 20, 5), {}, {"out": ((n,), np.int64)}
    )
    for target, result in results.items():
        np.testing.assert_array_equal(result["out"], reference.permutation(n, SEED << 20, 5), err_msg=target)


def test_permutations_are_uniform():
    """chi-square over the 24 orders of 4 elements; 49.7 is exceeded with p = 0.001 at 23 degrees of freedom."""
    draws, counts = 12_000, {}
    out = np.empty(4, np.int64)
    for seed in range(draws):
        _core.permutation(out, seed, 0).run()
        counts[tuple(out)] = counts.get(tuple(out), 0) + 1
    expected = draws / 24
    assert len(counts) == 24
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 49.7


def test_permutation_of_other_seed_and_stream_differs():
    base, other_seed, other_stream, again = (np.empty(500, np.int64) for _ in range(4))
    _core.permutation(base, 1, 0).run()
    _core.permutation(other_seed, 2, 0).run()
    _core.permutation(other_stream, 1, 1).run()
    _core.permutation(again, 1, 0).run()
    assert (base == other_seed).mean() < 0.05
    assert (base == other_stream).mean() < 0.05
    np.testing.assert_array_equal(base, again)
