"""The reference generator and the native one against Random123's known answers and one another."""

import numpy as np
import pytest

from tests.ops.harness import _core
from tests.reference.philox import KNOWN_ANSWERS, philox4x32


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_known_answers(counter, key, output):
    assert tuple(int(word) for word in philox4x32(counter, key)) == output


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_native_known_answers(counter, key, output):
    assert _core.philox(counter, key) == output


def test_native_equals_reference():
    rng = np.random.default_rng(0)
    for _ in range(100):
        words = [int(word) for word in rng.integers(0, 2**32, 6)]
        counter, key = tuple(words[:4]), tuple(words[4:])
        assert _core.philox(counter, key) == tuple(int(word) for word in philox4x32(counter, key))


@pytest.mark.parametrize(
    ("counter", "key", "error"),
    [
        ((0, 0, 0), (0, 0), ValueError),
        ((0, 0, 0, 0), (0, 2**32), ValueError),
        ((0, 0, 0, -1), (0, 0), ValueError),
        ((0, 0, 0, 0.5), (0, 0), TypeError),
        ([0, 0, 0, 0], (0, 0), TypeError),
    ],
)
def test_native_refuses(counter, key, error):
    with pytest.raises(error, match=r"^philox\(\): argument '(counter|key)'"):
        _core.philox(counter, key)


def test_arrays_equal_scalars():
    rows = np.arange(5)
    together = philox4x32((rows, 1, 2, 3), (4, 5))
    for row in rows:
        np.testing.assert_array_equal(together[:, row], philox4x32((row, 1, 2, 3), (4, 5)))
