"""A metric made of a function: the mean of what it computes for each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from densor._array import real_array
from densor._check import bad_type, show
from densor._registry import function_from, function_name
from densor.graph import Tensor
from densor.losses.function_loss import same_rank
from densor.metrics.mean_metric import MeanMetric


class MeanMetricWrapper(MeanMetric):
    """The mean over all rows of `fn(y_true, y_pred, **options)`.

    Args:
        fn: returns a figure for every row, (rows,) or (rows, ...), or one for the batch. Written in `densor.ops`, it
            becomes part of the native program; otherwise it is called with float32 arrays for every batch.
        name: the key in History (the function's name). dtype: None or "float32".
        options: further arguments of `fn`.

    >>> from densor import ops
    >>> MeanMetricWrapper(lambda y, p: ops.max(ops.abs(y - p), axis=-1))([[0.0, 0.0]], [[1.0, -3.0]])
    3.0
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: str | None = None, **options: Any
    ) -> None:
        if isinstance(fn, str):
            fn = function_from("MeanMetricWrapper", "fn", fn)
        if not callable(fn):
            raise bad_type("MeanMetricWrapper", "fn", f"must be callable, got {show(fn)}")
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), dtype)
        self.fn = fn
        self.options = options

    def values(self, y_true: Any, y_pred: Any) -> Any:
        if not isinstance(y_pred, Tensor):
            y_true, y_pred = (
                real_array(self.name, name, value).astype(np.float32)
                for name, value in (("y_true", y_true), ("y_pred", y_pred))
            )
        values = self.fn(*same_rank(y_true, y_pred), **self.options)
        return values if isinstance(values, Tensor) else np.atleast_1d(np.asarray(values, np.float64))

    def get_config(self) -> dict[str, Any]:
        name = function_name("metrics.serialize", "metric", self.fn, ())
        return {**super().get_config(), "fn": name, **self.options}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> MeanMetricWrapper:
        return cls(**config)
