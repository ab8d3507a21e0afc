"""No rows: every op does nothing, or refuses in the usual words; it never touches memory."""

import re

import numpy as np
import pytest

from tests.ops.harness import TARGETS, Guarded, _core, _each, on_target, place
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


# What ops read on the host, wherever the others are.
TABLES = {"code", "constants", "segments", "decayed", "l1", "l2"}


def run(name, arguments, target):
    """Runs the op where the target is; the arguments hold what it has written."""
    placed = {key: value if key in TABLES else place(value, 0) for key, value in arguments.items()}
    try:
        with on_target(target):
            getattr(_core, name)(*(_each(Guarded.bound, value) for value in placed.values())).run()
    finally:
        with on_target(target):
            arguments.update({key: _each(Guarded.fetch, value) for key, value in placed.items()})


def refusal(name, arguments, target):
    """The message of the op's ValueError, None where it runs."""
    try:
        run(name, arguments, target)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", BATCHED)
def test_no_rows(name, target):
    arguments = {key: without_rows(value) for key, value in good_calls()[name].items()}
    refused = refusal(name, arguments, target)
    if refused is not None:
        assert re.match(rf"^{name}\(\): argument '\w+'", refused), refused
        return
    for array in sums(arguments):
        assert not array.any(), "a sum over no rows is zero"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "name", ["random_uniform", "random_normal", "random_truncated_normal", "permutation"]
)
def test_fills_of_nothing(name, target):
    arguments = good_calls()[name]
    arguments["out"] = arguments["out"][:0].copy()
    run(name, arguments, target)


@pytest.mark.parametrize("target", TARGETS)
def test_accumulate_nothing_adds_nothing(target):
    arguments = {"totals": np.array([1.5, 3.0]), "values": np.empty(0, np.float32), "weight": None}
    run("accumulate", arguments, target)
    np.testing.assert_array_equal(arguments["totals"], [1.5, 3.0])
