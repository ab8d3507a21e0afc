"""A function of one's own as a constraint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor.constraints.constraint import Constraint


class FunctionConstraint(Constraint):
    """Calls `function(w)`, which returns the constrained weights, by functions of `densor.ops`."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, w: Any) -> Any:
        return self.function(w)
