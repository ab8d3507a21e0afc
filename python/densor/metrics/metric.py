"""The base of all metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from densor import _check
from densor.graph import Variable
from densor.initializers import get as get_initializer
from densor.layers._naming import snake_case, unique_name

__all__ = ["Metric", "State"]

Self = TypeVar("Self", bound="Metric")


class State(Variable, np.lib.mixins.NDArrayOperatorsMixin):
    """A variable of a metric: what it has gathered. Behaves as an array in arithmetic."""

    def assign(self, value: Any) -> None:
        """Overwrite the values; a number stands for all of them."""
        self.array[...] = np.asarray(value, dtype=np.float32)

    def assign_add(self, value: Any) -> None:
        """Add to the values."""
        self.assign(self.array + np.asarray(value, np.float32))

    def assign_sub(self, value: Any) -> None:
        """Subtract from the values."""
        self.assign(self.array - np.asarray(value, np.float32))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        arrays = [item.array if isinstance(item, State) else item for item in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getitem__(self, key: Any) -> Any:
        return self.array[key]

    def __float__(self) -> float:
        return float(self.array)


class Metric:
    """A figure gathered over batches: `update_state` adds a batch, `result` is the figure so far.

    A subclass makes its variables with `add_variable`, changes them in `update_state(y_true, y_pred,
    sample_weight=None)`, which gets float32 arrays, and computes a number or array from them in `result`. In training
    it is called for every batch with the predictions, after the native epoch.

    Args:
        name: the key in History and logs; by default the class in snake case, with a running number.
        dtype: None or "float32".

    >>> class Largest(Metric):
    ...     def __init__(self, name="largest", dtype=None):
    ...         super().__init__(name=name, dtype=dtype)
    ...         self.found = self.add_variable((), "zeros", name="found")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.found.assign(max(self.found.numpy(), y_pred.max()))
    ...     def result(self):
    ...         return self.found
    >>> import numpy as np
    >>> float(Largest()(None, np.array([1.0, 5.0])))
    5.0
    """

    stem: str = ""
    """Name of the native operation that computes the metric in training; "" where there is none."""

    direction: str | None = None
    """Whether better is "up" or "down"; None where that is not known."""

    dtype = "float32"
    """What the figures are kept as."""

    additive: bool = False
    """Whether one call of `update_state` with the rows of several batches is as good as one for each of them."""

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        where = type(self).__name__
        self.name = unique_name(snake_case(where)) if name is None else _check.text(where, "name", name)
        _check.unsupported(where, "dtype", "float32" if dtype is None else dtype, "float32")

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> State:
        """A variable that `reset_state` sets to zero.

        Args:
            shape: its shape. initializer: anything `initializers.get` takes. name: only kept.
            dtype, aggregation: accepted for Keras' sake.
        """
        fill = get_initializer("zeros" if initializer is None else initializer)
        assert fill is not None
        state = State(fill(tuple(shape)), name or "variable", trainable=False)
        self.variables.append(state)
        return state

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> State:
        """The same as `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[State]:
        """The variables made by `add_variable`."""
        found: list[State] = self.__dict__.setdefault("_variables", [])
        return found

    def update_state(self, *arguments: Any, **options: Any) -> None:
        """Adds one batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state()")

    def row_values(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        """The figures whose mean the metric is, (rows,), of symbolic tensors; for metrics that are such a mean."""
        raise NotImplementedError(f"{type(self).__name__} is not a mean of figures of the rows")

    def result(self) -> Any:
        """Returns the figure of all batches since the last `reset_state`."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def reset_state(self) -> None:
        """Forgets all batches: sets the variables to zero."""
        for variable in self.variables:
            variable.assign(0.0)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
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
