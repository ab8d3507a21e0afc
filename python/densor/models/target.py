"""What the targets of a compiled model must look like: the checks of `y` that a loss and an output imply."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._array import real_array
from densor._check import bad_type, bad_value, suggestion
from densor.models.data import as_weights, check_finite, check_range, class_weights, feedable
from densor.models.device_rows import DeviceRows, device_rows
from densor.models.endings import Ending

__all__ = ["Target", "Targets"]

Array = NDArray[Any]
_LARGEST_GROUP = 2**24  # formulas read targets as float32


class Target(NamedTuple):
    """The targets that fit one loss on outputs of shape `(rows, *output)`.

    kind: "labels" (class numbers), "one_hot" (a distribution over the classes), "values" (of the output's shape, or
    one for all its columns), "groups" (whole numbers, equal for rows of one class) or "any".
    bounded: values are probabilities, in [0, 1].
    native: a native operation computes the loss.
    ignored: a label beside the classes.
    axis: that of the classes, where targets are labels.
    """

    kind: str
    bounded: bool
    output: tuple[int, ...]
    native: bool = True
    ignored: int | None = None
    axis: int = -1

    @property
    def columns(self) -> int:
        """The number of output values per row."""
        return math.prod(self.output)

    @property
    def classes(self) -> int:
        """The number of classes, where targets are labels."""
        return (1, *self.output)[self.axis] if self.output else 1

    @property
    def places(self) -> tuple[int, ...]:
        """The shape of the labels of a row: that of the output without the axis of the classes."""
        place = self.axis % (len(self.output) + 1)
        return tuple(size for axis, size in enumerate(self.output, 1) if axis != place)

    def rows(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a row of targets that were checked and have this shape in memory."""
        if self.kind == "labels" and len(self.output) > 1:
            return (*self.places, 1)
        return self.output if shape == (self.columns,) else shape

    def check(self, function: str, value: Any, rows: int, finite: bool) -> Array:
        """`value` as an array `(rows, columns)` that a feed can read.

        Raises:
            TypeError: not real numbers.
            ValueError: the wrong shape, a label that is no class, or (with `finite`) NaN or an infinity.
        """
        there = device_rows(function, "y", value)
        if there is not None and self._reads(there, rows):
            return self._labels_there(function, there)
        y = real_array(function, "y", value if there is None else there.numpy())
        if y.ndim < 1 or y.shape[0] != rows:
            raise bad_value(function, "y", f"expected {rows} rows as in 'x', got shape {y.shape}")
        if self.kind == "labels":
            return self._labels(function, y)
        if self.kind == "groups":
            return _groups(function, y)
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
        if isinstance(y, DeviceRows):
            y = y.numpy()
        if class_weight is None:
            return None if sample_weight is None else as_weights(function, sample_weight, len(y))
        if sample_weight is not None:
            raise bad_value(function, "class_weight", "give either class_weight or sample_weight, not both")
        if self.kind in ("values", "any") and not (self.bounded and self.columns == 1):
            raise bad_value(function, "class_weight", "the targets of this loss are not classes")
        return class_weights(function, class_weight, y, max(self.columns, 2))

    def _reads(self, there: DeviceRows, rows: int) -> bool:
        """Whether labels in device memory can stay there: whole numbers, one for each row."""
        plain = self.kind == "labels" and not self.places and there.dtype.kind in "iub"
        return plain and there.shape in ((rows,), (rows, 1))

    def _labels_there(self, function: str, rows: DeviceRows) -> Array:
        self._check_kind(function, rows.dtype)
        column = rows.reshape(-1, 1)
        wrong, first = column.label_range(self.classes, self.ignored)
        if wrong:
            raise self._no_label(function, column.values(slice(first, first + 1)), 0, first)
        return column  # type: ignore[return-value]

    def _check_kind(self, function: str, dtype: np.dtype[Any]) -> None:
        if dtype.kind == "b" and self.classes > 2:
            raise bad_value(function, "y", f"bool values cannot name {self.classes} classes")

    def _labels(self, function: str, y: Array) -> Array:
        classes, wanted = self.classes, (len(y), *self.places)
        kept = [
            1 if axis == self.axis % (len(self.output) + 1) else size
            for axis, size in enumerate(self.output, 1)
        ]
        if y.shape in ((*wanted, 1), (len(y), *kept)):
            y = y.reshape(wanted)
        if y.shape != wanted:
            hint = (
                "; one-hot targets need loss='categorical_crossentropy'" if y.shape[1:] == self.output else ""
            )
            raise bad_value(
                function, "y", f"expected class numbers of shape {wanted}, got shape {y.shape}{hint}"
            )
        self._check_kind(function, y.dtype)
        y = feedable(y.reshape(len(y), -1))
        wrong, first = _core.label_range(y, classes, self.ignored)
        if wrong:
            raise self._no_label(function, y, first)
        return feedable(y.astype(np.int32)) if y.dtype.kind == "f" else y

    def _no_label(self, function: str, y: Array, first: int, above: int = 0) -> ValueError:
        """The error for one of these rows, of which `above` lie before."""
        row, value = above + first // y.shape[1], y.reshape(-1)[first]
        whole = y.dtype.kind != "f" or value == np.floor(value)  # NaN is not
        what = "is outside" if whole else "is not a class number in"
        return bad_value(function, "y", f"value {value} at row {row} {what} [0, {self.classes})")

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
        if self.kind == "any":
            return y.reshape(-1, 1) if y.ndim == 1 else y
        column = y.reshape(-1, 1) if y.ndim == 1 else y
        if column.shape == (rows, 1) and (self.columns == 1 or not self.bounded):
            return column
        raise bad_value(function, "y", f"expected shape {(rows, *self.output)}, got {y.shape}")


class Targets:
    """The targets of all outputs of a model."""

    def __init__(self, endings: Sequence[Ending], targets: Sequence[Target]) -> None:
        self.endings = endings
        self.targets = targets
        self.names = [ending.name for ending in endings]

    def check(self, function: str, value: Any, rows: int, finite: bool) -> tuple[Array, ...]:
        """The checked targets of every output; of one where nothing is computed, no columns.

        Args:
            function: the caller, for messages.
            value: the targets of the only output, a list with one entry for each output, or a dict by name.
            rows: how many there must be. finite: whether NaN and infinities are refused.

        Raises:
            TypeError, ValueError: as `Target.check`; also for another number of outputs, or an unknown name.
        """
        if value is None and all(ending.optional for ending in self.endings):
            value = [None] * len(self.endings)
        parts = self._parts(function, "y", value)
        found = []
        for ending, target, part in zip(self.endings, self.targets, parts, strict=True):
            if ending.idle or (part is None and ending.optional):
                found.append(np.zeros((rows, 0), np.float32))
                continue
            if part is None:
                raise bad_type(function, "y", f"targets are needed{self._of(ending)}, got None")
            found.append(self._named(ending, target.check, function, part, rows, finite))
        return tuple(found)

    def weights(
        self, function: str, sample_weight: Any, class_weight: Any, y: Sequence[Array]
    ) -> tuple[NDArray[np.float32] | None, ...]:
        """The weights of the rows for every output; an array that is not in a list or dict is for all outputs.

        Raises:
            TypeError, ValueError: as `Target.weights`; also for a class_weight with several outputs.
        """
        if class_weight is not None and len(self.targets) > 1:
            raise bad_value(function, "class_weight", f"the model has several outputs, {self.names}; give "
                            "sample_weight for them instead")  # fmt: skip
        if len(self.targets) > 1 and not isinstance(sample_weight, list | tuple | Mapping):
            parts = [sample_weight] * len(self.targets)
        else:
            parts = self._parts(function, "sample_weight", sample_weight, complete=False)
        return tuple(
            None if ending.idle else self._named(ending, target.weights, function, part, class_weight, array)
            for ending, target, part, array in zip(self.endings, self.targets, parts, y, strict=True)
        )

    def _parts(self, function: str, argument: str, value: Any, complete: bool = True) -> list[Any]:
        if isinstance(value, Mapping):
            for name in value:
                if name not in self.names:
                    near = suggestion(name, self.names)
                    raise bad_value(
                        function, argument, f"there is no output {name!r}{near}; there are {self.names}"
                    )
            for ending in self.endings:
                if complete and not ending.optional and ending.name not in value:
                    raise bad_value(function, argument, f"output {ending.name!r} is missing")
            return [value.get(name) for name in self.names]
        if len(self.targets) == 1:
            lone = isinstance(value, list | tuple) and len(value) == 1
            lone = lone and (value[0] is None or getattr(value[0], "ndim", 0) > 0)
            return [value[0] if lone else value]
        if not isinstance(value, list | tuple):
            kind = type(value).__name__
            raise bad_type(
                function, argument, f"must be a list or dict for the outputs {self.names}, got {kind}"
            )
        if len(value) != len(self.targets):
            raise bad_value(
                function, argument, f"expected one for each of the outputs {self.names}, got {len(value)}"
            )
        return list(value)

    def _of(self, ending: Ending) -> str:
        return f" for output {ending.name!r}" if len(self.targets) > 1 else ""

    def _named(self, ending: Ending, check: Any, *arguments: Any) -> Any:
        """What `check` returns; its errors name the output where there are several."""
        try:
            return check(*arguments)
        except (TypeError, ValueError) as error:
            if len(self.targets) == 1:
                raise
            raise type(error)(str(error).replace("': ", f"': output {ending.name!r}: ", 1)) from None


def _groups(function: str, y: Array) -> Array:
    """Whole numbers (rows, 1) that float32 tells apart."""
    if y.shape not in ((len(y),), (len(y), 1)):
        raise bad_value(function, "y", f"expected a class number for each row, got shape {y.shape}")
    y = y.reshape(-1, 1)
    # NaN fails the comparisons.
    whole = (y == np.floor(y)) & (y >= -_LARGEST_GROUP) & (y <= _LARGEST_GROUP)
    if not whole.all():
        row = int((~whole).argmax())
        raise bad_value(function, "y", f"value {y[row, 0]} at row {row} is no whole number up to 2^24")
    return feedable(y)


def _check_probabilities(function: str, y: Array) -> None:
    if y.size == 0 or (float(np.fmin.reduce(y, axis=None)) >= 0 and float(np.fmax.reduce(y, axis=None)) <= 1):
        return
    bad = (y < 0) | (y > 1)
    if bad.any():
        row = int(bad.argmax()) // (y.size // len(y))
        raise bad_value(function, "y", f"value {y[bad][0]} at row {row} is not a probability in [0, 1]")
