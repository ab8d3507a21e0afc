"""Argument checks of the Python layer, and the one form of its messages.

Every message reads `fit(): argument 'epochs': must be at least 1, got 0`: who was called, which argument, what
is wrong with which value. TypeError: the wrong kind of thing; ValueError: the right kind with a wrong value.
"""

import math
import numbers
from collections.abc import Iterable
from typing import Any, SupportsFloat

_LONGEST = 80


def show(value: object) -> str:
    """Returns `repr(value)`, shortened to one line that fits a message."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a broken __repr__ must not hide the error that is being reported
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def bad_value(function: str, argument: str, message: str) -> ValueError:
    """Returns (does not raise) the ValueError for `argument` of `function`."""
    return ValueError(f"{function}(): argument '{argument}': {message}")


def bad_type(function: str, argument: str, message: str) -> TypeError:
    """Returns (does not raise) the TypeError for `argument` of `function`."""
    return TypeError(f"{function}(): argument '{argument}': {message}")


def renamed(error: Exception, function: str, argument: str) -> Exception:
    """Returns (does not raise) the same error about `argument` of `function`, which handed the value on."""
    reason = str(error).partition("': ")[2] or str(error)
    return type(error)(f"{function}(): argument '{argument}': {reason}")


def integer(
    function: str, argument: str, value: object, low: int | None = None, high: int | None = None
) -> int:
    """Returns `value` as an int in [low, high]. NumPy integers are integers; bool and 2.0 are not."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise bad_type(function, argument, f"must be an integer, got {show(value)} ({type(value).__name__})")
    result = int(value)
    if low is not None and result < low:
        raise bad_value(function, argument, f"must be at least {low}, got {result}")
    if high is not None and result > high:
        raise bad_value(function, argument, f"must be at most {high}, got {result}")
    return result


def positive_int(function: str, argument: str, value: object) -> int:
    """Returns `value` as an int of at least 1."""
    return integer(function, argument, value, low=1)


def is_number(value: object) -> bool:
    """Whether `value` is a real number: Python's or NumPy's, also a 0-d array, but not a bool."""
    if getattr(value, "shape", None) == () and getattr(getattr(value, "dtype", None), "kind", None) in (
        "i", "u", "f",
    ):  # fmt: skip
        return True
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def number(
    function: str,
    argument: str,
    value: object,
    low: float | None = None,
    high: float | None = None,
    include_low: bool = True,
    include_high: bool = True,
) -> float:
    """Returns `value` as a finite float between `low` and `high`, each bound included unless said otherwise."""
    if not is_number(value):
        raise bad_type(function, argument, f"must be a number, got {show(value)} ({type(value).__name__})")
    assert isinstance(value, SupportsFloat)
    result = float(value)
    below = low is not None and (result < low or (result == low and not include_low))
    above = high is not None and (result > high or (result == high and not include_high))
    if not math.isfinite(result) or below or above:
        interval = _interval(low, high, include_low, include_high)
        raise bad_value(function, argument, f"must be {interval}, got {show(value)}")
    return result


def _interval(low: float | None, high: float | None, include_low: bool, include_high: bool) -> str:
    if low is not None and high is not None:
        return f"in {'[' if include_low else '('}{low:g}, {high:g}{']' if include_high else ')'}"
    if low is not None:
        return f"finite and {'at least' if include_low else 'greater than'} {low:g}"
    if high is not None:
        return f"finite and {'at most' if include_high else 'less than'} {high:g}"
    return "finite"


def boolean(function: str, argument: str, value: object) -> bool:
    """Returns `value` if it is True or False (NumPy's too)."""
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b":
        return bool(value)
    raise bad_type(function, argument, f"must be True or False, got {show(value)} ({type(value).__name__})")


def text(function: str, argument: str, value: object) -> str:
    """Returns `value` if it is a string that is not empty."""
    if not isinstance(value, str):
        raise bad_type(function, argument, f"must be a string, got {show(value)} ({type(value).__name__})")
    if not value:
        raise bad_value(function, argument, "must not be empty")
    return value


def optional_name(function: str, value: object, default: str) -> str:
    """Returns the `name` argument of a constructor, `default` for None."""
    return default if value is None else text(function, "name", value)


def suggestion(value: object, allowed: Iterable[str]) -> str:
    """Returns "; did you mean 'adam'?" where one of `allowed` is near to `value`, else ""."""
    import difflib  # only where something went wrong already

    known = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(str(value).lower(), known, n=1)
    return f"; did you mean '{known[near[0]]}'?" if near else ""


def choice(function: str, argument: str, value: object, allowed: Iterable[str]) -> str:
    """Returns `value` if it is one of `allowed`; the error lists them and names the nearest."""
    names = list(allowed)
    if not isinstance(value, str):
        raise bad_type(function, argument, f"must be a string, got {show(value)} ({type(value).__name__})")
    if value not in names:
        listed = ", ".join(f"'{name}'" for name in names)
        raise bad_value(function, argument, f"{show(value)} is not one of {listed}{suggestion(value, names)}")
    return value


def no_more_arguments(function: str, left: dict[str, Any], allowed: Iterable[str]) -> None:
    """Raises the TypeError for the first of the keyword arguments that nobody took."""
    for name in left:
        raise bad_type(function, name, f"there is no such argument{suggestion(name, allowed)}")


def unsupported(function: str, argument: str, value: object, default: object) -> None:
    """Raises for an argument of Keras that this version has only at its default."""
    if value is not default and value != default:
        raise bad_value(function, argument, f"{show(value)} is not supported, only {default!r}")
