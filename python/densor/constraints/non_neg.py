"""The constraint to values that are not negative."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import ops
from densor.constraints.constraint import Constraint
from densor.graph import Lowering, Variable
from densor.graph.lowering import Reshaped


class NonNeg(Constraint):
    """`max(w, 0)`.

    >>> NonNeg()([1.5, -2.0]).tolist()
    [1.5, 0.0]
    """

    def __call__(self, w: Any) -> NDArray[np.float32]:
        values: NDArray[np.float32] = ops.relu(w)
        return values

    def emit(self, lowering: Lowering, variable: Variable) -> None:
        w = Reshaped(variable, (1, variable.size))
        lowering.emit("activation_forward", y=w, x=w, activation="relu", alpha=0.0)
