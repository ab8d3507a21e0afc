"""No rows: every op does nothing, or refuses in the usual words; it never touches memory."""

import re

import numpy as np
import pytest

from tests.ops.harness import _core
from tests.ops.native_calls import ROWS, good_calls

CALLS = good_calls()
# Ops that go over rows of a batch; the others have no rows.
BATCHED = [
    name
    for name, arguments in CALLS.items()
    if any(isinstance(value, np.ndarray) and value.shape[0] == ROWS for value in arguments.values())
    and not name.startswith("random")
]


def without_rows(value):
    if isinstance(value, list):
        return [without_rows(item) for item in value]
    if isinstance(value, np.ndarray) and value.shape[0] == ROWS:
        return value[:0].copy()
    return value


def sums(arguments):
    """Outputs that are sums over the rows."""
    return [arguments[key] for key in ("dw", "dbias", "dgamma", "dbeta") if key in arguments]


def refusal(name, arguments):
    """The message of the op's ValueError, None where it runs."""
    try:
        getattr(_core, name)(*arguments.values()).run()
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", BATCHED)
def test_no_rows(name):
    arguments = {key: without_rows(value) for key, value in good_calls()[name].items()}
    refused = refusal(name, arguments)
    if refused is not None:
        assert re.match(rf"^{name}\(\): argument '\w+'", refused), refused
        return
    for array in sums(arguments):
        assert not array.any(), "a sum over no rows is zero"


@pytest.mark.parametrize(
    "name", ["random_uniform", "random_normal", "random_truncated_normal", "permutation"]
)
def test_fills_of_nothing(name):
    arguments = good_calls()[name]
    arguments["out"] = arguments["out"][:0].copy()
    getattr(_core, name)(*arguments.values()).run()


def test_accumulate_nothing_adds_nothing():
    totals = np.array([1.5, 3.0])
    _core.accumulate(totals, np.empty(0, np.float32), None).run()
    np.testing.assert_array_equal(totals, [1.5, 3.0])
