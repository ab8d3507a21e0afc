"""A function of one's own as a regularizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor.regularizers.regularizer import Regularizer


class FunctionRegularizer(Regularizer):
    """Calls `function(x)`, which returns the penalty, one number, by functions of `densor.ops`."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, x: Any) -> Any:
        return self.function(x)
