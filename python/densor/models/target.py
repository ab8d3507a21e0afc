"""What the targets of a compiled model must look like: the checks of `y` that a loss and an output imply."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densor._array import real_array
from densor._check import bad_value
from densor.models.data import as_weights, check_finite, check_range, class_weights, feedable

__all__ = ["Target"]

Array = NDArray[Any]
_LARGEST_LABEL = 2**31 - 1  # native labels are int32


class Target(NamedTuple):
    """The targets that fit one loss on outputs of shape `(rows, *output)`.

    kind: "labels" (class numbers), "one_hot" (a distribution over the classes) or "values".
    bounded: values are probabilities, in [0, 1].
    """

    kind: str
    bounded: bool
    output: tuple[int, ...]

    @property
    def columns(self) -> int:
        """The number of output values per row."""
        return math.prod(self.output)

    def check(self, function: str, value: Any, rows: int, finite: bool) -> Array:
        """`value` as an array `(rows, columns)` that a feed can read.

        Raises:
            TypeError: not real numbers.
            ValueError: the wrong shape, a label that is no class, or (with `finite`) NaN or an infinity.
        """
        y = real_array(function, "y", value)
        if y.ndim < 1 or y.shape[0] != rows:
            raise bad_value(function, "y", f"expected {rows} rows as in 'x', got shape {y.shape}")
        if self.kind == "labels":
            return self._labels(function, y)
        y = self._shaped(function, y)
        check_range(function, "y", y)
        if finite:
            check_finite(function, "y", y)
        if self.bounded:
            _check_probabilities(function, y)
        return feedable(y)

    def weights(
        self, function: str, sample_weight: Any, class_weight: Any, y: Array
    ) -> NDArray[np.float32] | None:
        """The float32 weight of every row, or None if the caller gave neither kind of weight."""
        if class_weight is None:
            return None if sample_weight is None else as_weights(function, sample_weight, len(y))
        if sample_weight is not None:
            raise bad_value(function, "class_weight", "give either class_weight or sample_weight, not both")
        if self.kind == "values" and not (self.bounded and self.columns == 1):
            raise bad_value(function, "class_weight", "the targets of this loss are not classes")
        return class_weights(function, class_weight, y, max(self.columns, 2))

    def _labels(self, function: str, y: Array) -> Array:
        classes = self.columns
        if y.ndim == 2 and y.shape[1] == 1:
            y = y.reshape(-1)
        if y.ndim != 1:
            hint = (
                "; one-hot targets need loss='categorical_crossentropy'" if y.shape[1:] == self.output else ""
            )
            raise bad_value(
                function, "y", f"expected class numbers of shape ({len(y)},), got shape {y.shape}{hint}"
            )
        if y.dtype.kind == "b" and classes > 2:
            raise bad_value(function, "y", f"bool values cannot name {classes} classes")
        if len(y) == 0:
            return y.reshape(0, 1)
        if y.dtype.kind == "f":
            # NaN fails both comparisons.
            whole = (y == np.floor(y)) & (np.abs(y) <= _LARGEST_LABEL)
            if not whole.all():
                row = int((~whole).argmax())
                raise bad_value(
                    function, "y", f"value {y[row]} at row {row} is not a class number in [0, {classes})"
                )
            y = y.astype(np.int32)
        if int(y.min()) < 0 or int(y.max()) >= classes:
            row = int(((y < 0) | (y >= classes)).argmax())
            raise bad_value(function, "y", f"value {y[row]} at row {row} is outside [0, {classes})")
        return feedable(y.reshape(-1, 1))

    def _shaped(self, function: str, y: Array) -> Array:
        rows = len(y)
        if self.kind == "one_hot":
            if y.shape != (rows, *self.output):
                numbers = y.ndim == 1 or y.shape[1:] == (1,)
                hint = "; class numbers need loss='sparse_categorical_crossentropy'" if numbers else ""
                raise bad_value(function, "y", f"expected shape {(rows, *self.output)}, got {y.shape}{hint}")
            return y
        if y.shape == (rows, *self.output):
            return y.reshape(rows, -1) if y.ndim > 2 else y
        column = y.reshape(-1, 1) if y.ndim == 1 else y
        if column.shape == (rows, 1) and (self.columns == 1 or not self.bounded):
            return column
        raise bad_value(function, "y", f"expected shape {(rows, *self.output)}, got {y.shape}")


def _check_probabilities(function: str, y: Array) -> None:
    if y.size == 0 or (float(np.fmin.reduce(y, axis=None)) >= 0 and float(np.fmax.reduce(y, axis=None)) <= 1):
        return
    bad = (y < 0) | (y > 1)
    if bad.any():
        row = int(bad.argmax()) // (y.size // len(y))
        raise bad_value(function, "y", f"value {y[bad][0]} at row {row} is not a probability in [0, 1]")
