"""What the compiler asks of a constraint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from densor.graph.lowering import Lowering
    from densor.graph.variable import Variable

__all__ = ["ConstraintLike"]


class ConstraintLike(Protocol):
    """What the compiler asks of a constraint."""

    def emit(self, lowering: Lowering, variable: Variable, /) -> None:
        """Emit the instructions that bring the variable's values back after an update."""
        ...
