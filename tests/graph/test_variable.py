"""Variables: copies in, copies out, and checked assignment."""

import numpy as np
import pytest

from densor.graph import Variable


def test_it_copies_what_it_gets_and_what_it_gives():
    source = np.zeros(2, np.float32)
    variable = Variable(source, "v")
    source[0] = 5
    variable.numpy()[1] = 7
    assert variable.array.tolist() == [0, 0]
    assert variable.dtype == "float32"
    assert np.asarray(variable, np.float64).dtype == np.float64


@pytest.mark.parametrize("value", [[1, 2], np.array([1.0, 2.0]), np.array([1, 2], ">i4"), (np.float16(1), 2)])
def test_assign_converts_real_numbers(value):
    variable = Variable([0.0, 0.0], "v")
    variable.assign(value)
    assert variable.array.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ([1.0], ValueError, r"expected shape \(2,\) for v, got \(1,\)"),
        (1.0, ValueError, r"got \(\)"),
        ([[1.0, 2.0]], ValueError, r"got \(1, 2\)"),
        ([1.0, 1e39], ValueError, "1e\\+39"),
        ([1j, 2j], TypeError, "complex"),
        (["a", "b"], TypeError, "<U1"),
        ([None, None], TypeError, "object"),
        (None, TypeError, "NoneType"),
    ],
)
def test_assign_refuses_and_changes_nothing(value, error, text):
    variable = Variable([3.0, 4.0], "v")
    with pytest.raises(error, match=r"^assign\(\): argument 'value': .*" + text):
        variable.assign(value)
    assert variable.array.tolist() == [3, 4]
