"""The penalties on absolute values and squares."""

from __future__ import annotations

from typing import Any

from densor import _check, ops
from densor.graph import Lowering
from densor.graph.penalty import Penalized, emit_elementwise
from densor.regularizers.regularizer import Regularizer


class L1L2(Regularizer):
    """`l1 * sum |x| + l2 * sum x^2`; the gradient of |x| at 0 is 0.

    Some texts put a factor 1/2 before the sums: their coefficient is twice the one here.

    Args:
        l1, l2: at least 0 (0.0).

    Source: Tibshirani (1996); Hoerl and Kennard (1970). Zou and Hastie (2005) for both at once.

    >>> L1L2(l1=0.5, l2=0.25)([1.0, -2.0])
    2.75
    """

    l1: float = 0.0
    l2: float = 0.0

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = coefficient(self, "l1", 0.0 if l1 is None else l1)
        self.l2 = coefficient(self, "l2", 0.0 if l2 is None else l2)

    @property
    def elementwise(self) -> tuple[float, float]:
        return self.l1, self.l2

    def __call__(self, x: Any) -> float:
        return ops.penalty(x, self.l1, self.l2)[0]

    def emit(self, lowering: Lowering, place: Penalized) -> None:
        emit_elementwise(lowering, [place], [self.elementwise])

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """`l1 * sum |x|`. Drives small weights to exactly 0 only together with a rule that stops there.

    Args:
        l1: at least 0 (0.01).

    >>> L1(0.5)([1.0, -2.0])
    1.5
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        super().__init__(l1=0.01 if l1 is None else l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(L1L2):
    """`l2 * sum x^2`. With an adaptive optimizer this is no weight decay: use `AdamW` for that.

    Args:
        l2: at least 0 (0.01).

    >>> L2(0.25)([1.0, -2.0])
    1.25
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        super().__init__(l2=0.01 if l2 is None else l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


def coefficient(regularizer: Regularizer, argument: str, value: object) -> float:
    """Returns a coefficient of a penalty: finite and at least 0."""
    return _check.number(type(regularizer).__name__, argument, value, low=0)
