"""A loss made of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from densor._check import bad_type, show
from densor._registry import function_from, function_name
from densor.graph import Tensor
from densor.losses.loss import Loss
from densor.ops.reshape import reshape_rows


class LossFunctionWrapper(Loss):
    """The loss that a function `fn(y_true, y_pred, **options)` computes for every sample.

    Args:
        fn: written in `densor.ops` or in operators; it returns the loss of every row, (rows,) or (rows, ...), or
            one number for the batch.
        reduction, name, dtype: see `Loss`; the name is by default that of the function.
        options: further arguments of `fn`.

    >>> from densor import ops
    >>> LossFunctionWrapper(lambda y, p: ops.mean(ops.abs(y - p), axis=-1))([[0.0, 1.0]], [[1.0, 3.0]])
    1.5
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
        **options: Any,
    ) -> None:
        if isinstance(fn, str):
            fn = function_from("LossFunctionWrapper", "fn", fn)
        if not callable(fn):
            raise bad_type("LossFunctionWrapper", "fn", f"must be callable, got {show(fn)}")
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), reduction, dtype)
        self.fn = fn
        self.options = options

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(*same_rank(y_true, y_pred), **self.options)

    def get_config(self) -> dict[str, Any]:
        name = function_name("losses.serialize", "loss", self.fn, ())
        return {**super().get_config(), "fn": name, **self.options}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LossFunctionWrapper:
        return cls(**config)


def same_rank(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Targets without a last axis beside predictions of one column get one, as in Keras."""
    if len(y_true.shape) == len(y_pred.shape) - 1 and y_pred.shape[-1] == 1:
        shape = (*y_true.shape[1:], 1)
        y_true = reshape_rows(y_true, shape) if isinstance(y_true, Tensor) else y_true.reshape(-1, *shape)
    return y_true, y_pred
