"""How many arguments a scheduler's function wants."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def takes_two(schedule: Callable[..., Any]) -> bool:
    """Whether the function can be called with two arguments."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a builtin that does not tell
        return True
    return True
