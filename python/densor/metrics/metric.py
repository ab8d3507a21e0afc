"""The base of all metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from densor import _check

Self = TypeVar("Self", bound="Metric")


class Metric:
    """A figure gathered over batches: `update_state` adds a batch, `result` is the figure so far.

    Args:
        name: the key in History and logs.
        dtype: None or "float32".
    """

    stem: str = ""
    """Name of the native operation that computes the metric in training; "" where there is none."""

    direction: str | None = None
    """Whether better is "up" or "down"; None where that is not known."""

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        where = type(self).__name__
        self.name = _check.optional_name(where, name, where)
        _check.unsupported(where, "dtype", "float32" if dtype is None else dtype, "float32")

    def update_state(self, *arguments: Any, **options: Any) -> None:
        """Adds one batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state()")

    def row_values(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        """The figures whose mean the metric is, (rows,), of symbolic tensors; for metrics that are such a mean."""
        raise NotImplementedError(f"{type(self).__name__} is not a mean of figures of the rows")

    def result(self) -> float:
        """Returns the figure of all batches since the last `reset_state`."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def reset_state(self) -> None:
        """Forgets all batches."""
        raise NotImplementedError(f"{type(self).__name__} must define reset_state()")

    def __call__(self, *arguments: Any, **options: Any) -> float:
        """Adds one batch and returns the figure so far."""
        self.update_state(*arguments, **options)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        return {"name": self.name}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """Makes the metric that `get_config` described."""
        return cls(**config)
