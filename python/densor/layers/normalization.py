"""Standardization of inputs by statistics of the data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import ops
from densor._array import real_array
from densor._check import bad_type, bad_value, boolean
from densor.graph import Tensor, Variable
from densor.layers._axis import checked_axis, sizes_of
from densor.layers._registry import register
from densor.layers.layer import Layer
from densor.ops.reshape import reshape_rows

__all__ = ["Normalization"]

Float64 = NDArray[np.float64]

_ROWS_AT_ONCE = 4096  # converted to float64 together


@register
class Normalization(Layer):
    """`y = (x - mean) / max(sqrt(variance), 1e-7)`, with statistics that `adapt` takes from data, or given ones.

    Args:
        axis: the axis, or axes, whose places have statistics of their own; None: one mean and variance for all.
        mean, variance: numbers or arrays that broadcast to the sizes of `axis`; both, or None for `adapt`.
        invert: `y = mean + x * max(sqrt(variance), 1e-7)` instead.
        name, trainable, dtype, input_shape: as for `Layer`.

    Weights: `mean`, `variance` with the sizes of `axis`, and `count` (); none where the statistics are given. The
    attributes `mean` and `variance` have as many axes as the inputs, once the layer is built.

    Raises:
        TypeError, ValueError: an argument of the wrong kind, only one of mean and variance, a negative variance.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layer = layers.Normalization()
        >>> layer.adapt([[1.0], [3.0]])
        >>> layer([[5.0]]).tolist()
        [[3.0]]
    """

    adapt_mean: Variable
    adapt_variance: Variable
    count: Variable

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        self.axis = [] if axis is None or axis == () or axis == [] else checked_axis(function, axis)
        self.invert = boolean(function, "invert", invert)
        if (mean is None) != (variance is None):
            missing = "mean" if mean is None else "variance"
            raise bad_value(function, missing, "None; give both mean and variance, or none and call adapt()")
        self._given: tuple[Float64, Float64] | None = None
        if mean is not None:
            self._given = (_statistic(function, "mean", mean), _statistic(function, "variance", variance))
            if (self._given[1] < 0).any():
                raise bad_value(function, "variance", f"must not be negative, got {variance!r}")
            if self._given[0].shape != self._given[1].shape:
                raise bad_value(
                    function, "variance", f"has shape {self._given[1].shape}, mean {self._given[0].shape}"
                )

    def build(self, input_shape: Any) -> None:
        function = type(self).__name__
        sizes = sizes_of(function, self.axis, input_shape) if self.axis != [] else {}
        self._axes, shape = tuple(sizes), tuple(sizes.values())
        if self._given is None:
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", trainable=False, name="count")
            return
        try:
            values = [np.broadcast_to(value, shape) for value in self._given]
        except ValueError:
            raise bad_value(
                function,
                "mean",
                f"shape {self._given[0].shape} does not broadcast to {shape}, the sizes of `axis`",
            ) from None
        # Constants, not weights: written around the layer's own book of variables.
        for name, value in zip(("mean", "variance"), values, strict=True):
            object.__setattr__(self, f"adapt_{name}", Variable(value, name, trainable=False))

    @property
    def mean(self) -> NDArray[np.float32]:
        """The means, in a shape that broadcasts against the inputs: (1, columns) for axis -1 of (rows, columns)."""
        return self._broadcast(self.adapt_mean)

    @property
    def variance(self) -> NDArray[np.float32]:
        """The variances, shaped as `mean`."""
        return self._broadcast(self.adapt_variance)

    def _broadcast(self, statistic: Variable) -> NDArray[np.float32]:
        assert isinstance(self.build_shape, tuple)
        sizes = iter(statistic.shape)
        shape = [next(sizes) if axis in self._axes else 1 for axis in range(len(self.build_shape))]
        return statistic.numpy().reshape(shape)

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data; earlier ones are forgotten.

        Args:
            data: an array (rows, ...), or an iterable of such batches.

        Raises:
            RuntimeError: the statistics were given to the constructor.
            TypeError, ValueError: not real numbers, no rows, or another shape than the layer was built for;
                nothing was changed.
        """
        if self._given is not None:
            raise RuntimeError(f"adapt(): layer {self.name!r} has a mean and variance of its own")
        listed = not isinstance(data, np.ndarray) and not hasattr(data, "__array__")
        batches = data if listed and not _is_rows(data) else [data]
        if not isinstance(batches, Iterable):
            raise bad_type("adapt", "data", f"must be an array or batches of them, got {type(data).__name__}")
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for batch in batches:
            array = real_array("adapt", "data", batch)
            if array.ndim == 0 or array.size == 0:
                raise bad_value("adapt", "data", f"expected rows of values, got shape {array.shape}")
            self.build_for((None, *array.shape[1:]))
            assert isinstance(self.build_shape, tuple)
            if array.shape[1:] != self.build_shape[1:]:
                raise bad_value(
                    "adapt",
                    "data",
                    f"rows have shape {array.shape[1:]}, the layer takes {self.build_shape[1:]}",
                )
            for first in range(0, len(array), _ROWS_AT_ONCE):
                part = array[first : first + _ROWS_AT_ONCE]
                count, mean, squares = _merged((count, mean, squares), part, self._axes)
        if count == 0:
            raise bad_value("adapt", "data", "no batches")
        variance = squares / count
        if not np.isfinite(mean).all() or not np.isfinite(variance).all():
            raise bad_value("adapt", "data", "values that are not finite have no mean or variance")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def call(self, inputs: Tensor) -> Any:
        if self._axes:
            return ops.standardize(
                inputs, self.adapt_mean, self.adapt_variance, axis=list(self._axes), invert=self.invert
            )
        # One mean for all values: every value is a row of one column.
        rows = reshape_rows(inputs, (inputs.features, 1))
        rows = ops.standardize(rows, self.adapt_mean, self.adapt_variance, invert=self.invert)
        return reshape_rows(rows, tuple(size for size in inputs.shape[1:] if size is not None))

    def get_config(self) -> dict[str, Any]:
        mean, variance = (None, None) if self._given is None else (value.tolist() for value in self._given)
        axis = None if self.axis == [] else self.axis
        return super().get_config() | {
            "axis": axis,
            "mean": mean,
            "variance": variance,
            "invert": self.invert,
        }


def _statistic(function: str, argument: str, value: Any) -> Float64:
    array = real_array(function, argument, value).astype(np.float64)
    if not np.isfinite(array).all():
        raise bad_value(function, argument, f"must be finite, got {value!r}")
    return array


def _is_rows(data: Any) -> bool:
    """Whether a list is one array of rows, not batches: its items are numbers or lists of them."""
    return isinstance(data, list | tuple) and bool(data) and not hasattr(data[0], "__array__")


def _merged(before: tuple[int, Any, Any], batch: NDArray[Any], axes: tuple[int, ...]) -> tuple[int, Any, Any]:
    """Count, mean and sum of squared deviations with one more batch in them (Chan et al. 1979), in float64."""
    values = batch.astype(np.float64)
    others = tuple(axis for axis in range(values.ndim) if axis not in axes)
    count, mean = (
        values.size // max(1, int(np.prod([values.shape[a] for a in axes]))),
        values.mean(axis=others),
    )
    squares = values.var(axis=others) * count
    seen, old_mean, old_squares = before
    total, delta = seen + count, mean - old_mean
    return (
        total,
        old_mean + delta * (count / total),
        old_squares + squares + delta**2 * (seen * count / total),
    )
