"""The argument checks: what passes, what does not, and the form of every message."""

import re

import numpy as np
import pytest

from densor import _check

FORM = re.compile(r"^\w+(\.\w+)*\(\): argument '\w+': ")


def message(error):
    text = str(error.value)
    assert FORM.match(text), text
    return text


@pytest.mark.parametrize("value", [1, 7, np.int8(3), np.uint64(5), np.int64(2)])
def test_positive_int_accepts(value):
    result = _check.positive_int("f", "n", value)
    assert result == value
    assert type(result) is int


@pytest.mark.parametrize("value", [True, np.True_, 2.0, np.float32(2), "2", None, [1], 1j])
def test_positive_int_refuses_other_kinds(value):
    with pytest.raises(TypeError) as error:
        _check.positive_int("f", "n", value)
    assert type(value).__name__ in message(error)


@pytest.mark.parametrize("value", [0, -1, -(2**70)])
def test_positive_int_refuses_small_values(value):
    with pytest.raises(ValueError, match="must be at least 1") as error:
        _check.positive_int("f", "n", value)
    assert str(value) in message(error)


def test_integer_has_an_upper_bound():
    assert _check.integer("f", "n", 5, high=5) == 5
    with pytest.raises(ValueError, match=r"^f\(\): argument 'n': must be at most 5, got 6$"):
        _check.integer("f", "n", 6, high=5)


@pytest.mark.parametrize("value", [0, 0.25, 1, np.float32(0.5), np.int64(1), np.array(0.5), np.float16(1)])
def test_number_accepts(value):
    result = _check.number("f", "x", value, low=0, high=1)
    assert result == float(value)
    assert type(result) is float


@pytest.mark.parametrize("value", [True, np.False_, "0.5", None, 1j, [0.5], np.ones(1), np.array("1")])
def test_number_refuses_other_kinds(value):
    with pytest.raises(TypeError, match="must be a number") as error:
        _check.number("f", "x", value)
    message(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan"), -0.1, 1.1])
def test_number_refuses_wrong_values(value):
    with pytest.raises(ValueError, match=re.escape("must be in [0, 1], got ")) as error:
        _check.number("f", "x", value, low=0, high=1)
    message(error)


@pytest.mark.parametrize(
    ("bounds", "wrong", "text"),
    [
        ({"low": 0, "include_low": False}, 0, "finite and greater than 0"),
        ({"low": 0}, -1, "finite and at least 0"),
        ({"high": 1, "include_high": False}, 1, "finite and less than 1"),
        ({"high": 1}, 2, "finite and at most 1"),
        ({"low": 0, "high": 1, "include_high": False}, 1, "in [0, 1)"),
        ({"low": 0, "high": 1, "include_low": False}, 0, "in (0, 1]"),
        ({}, float("nan"), "must be finite"),
    ],
)
def test_number_names_its_interval(bounds, wrong, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        _check.number("f", "x", wrong, **bounds)


@pytest.mark.parametrize("value", [True, False, np.True_, np.array(False)])
def test_boolean_accepts(value):
    assert _check.boolean("f", "x", value) is bool(value)


@pytest.mark.parametrize("value", [0, 1, "True", None, 1.0])
def test_boolean_refuses(value):
    with pytest.raises(TypeError, match="must be True or False"):
        _check.boolean("f", "x", value)


def test_choice_lists_the_names_and_the_nearest():
    assert _check.choice("f", "mode", "max", ["min", "max"]) == "max"
    with pytest.raises(ValueError, match=r"'maxx' is not one of 'min', 'max'; did you mean 'max'\?") as error:
        _check.choice("f", "mode", "maxx", ["min", "max"])
    message(error)
    with pytest.raises(ValueError, match=r"'min', 'max'$"):
        _check.choice("f", "mode", "q", ["min", "max"])
    with pytest.raises(TypeError, match="must be a string"):
        _check.choice("f", "mode", 3, ["min", "max"])


def test_text_is_not_empty():
    assert _check.text("f", "name", "x") == "x"
    with pytest.raises(ValueError, match="must not be empty"):
        _check.text("f", "name", "")
    with pytest.raises(TypeError, match="must be a string"):
        _check.text("f", "name", b"x")


def test_unknown_arguments_name_the_nearest():
    _check.no_more_arguments("f", {}, ["momentum"])
    with pytest.raises(TypeError, match=r"^f\(\): argument 'momentun': .*did you mean 'momentum'\?$"):
        _check.no_more_arguments("f", {"momentun": 1}, ["momentum"])


def test_unsupported_arguments():
    _check.unsupported("f", "amsgrad", False, False)
    with pytest.raises(ValueError, match=r"^f\(\): argument 'amsgrad': True is not supported, only False$"):
        _check.unsupported("f", "amsgrad", True, False)


def test_long_values_are_shortened():
    text = _check.show(list(range(1000)))
    assert len(text) == 80
    assert text.endswith("...")
    assert "\n" not in _check.show(np.eye(4))


def test_a_broken_repr_does_not_hide_the_error():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    with pytest.raises(TypeError, match="<Broken>"):
        _check.number("f", "x", Broken())
