"""What `optimizer.learning_rate` and `optimizer.iterations` return, and take besides plain numbers and schedules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from densor.schedules import LearningRateSchedule

if TYPE_CHECKING:
    from densor.optimizers.optimizer import Optimizer


class Reading:
    """A number of an optimizer at the moment it was read, which answers to the methods of Keras' variables."""

    dtype = "float32"
    shape: tuple[int, ...] = ()
    ndim = 0

    _setting: str
    _optimizer: Optimizer

    def numpy(self) -> Any:
        """Returns the number as a NumPy scalar of `dtype`."""
        return np.dtype(self.dtype).type(self)

    @property
    def value(self) -> Any:
        """The number as a NumPy scalar."""
        return self.numpy()

    def assign(self, value: Any) -> None:
        """Sets the number, as `optimizer.learning_rate = value` does."""
        setattr(self._optimizer, self._setting, value)

    def assign_add(self, value: Any) -> None:
        """Adds to the number that the optimizer has now."""
        self.assign(getattr(self._optimizer, self._setting) + value)

    def assign_sub(self, value: Any) -> None:
        """Subtracts from the number that the optimizer has now."""
        self.assign(getattr(self._optimizer, self._setting) - value)


class LearningRate(Reading, float):
    """A float that also answers to Keras' variable methods: the learning rate at the moment it was read.

    >>> from densor.optimizers import SGD
    >>> optimizer = SGD(0.5)
    >>> optimizer.learning_rate.assign(0.25)
    >>> optimizer.learning_rate.numpy()
    np.float32(0.25)
    """

    _setting = "learning_rate"

    def __new__(cls, value: float, optimizer: Optimizer) -> LearningRate:
        rate = super().__new__(cls, value)
        rate._optimizer = optimizer
        return rate

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)  # a copy is only the number


class Iterations(Reading, int):
    """An int that also answers to Keras' variable methods: the number of steps at the moment it was read.

    >>> from densor.optimizers import SGD
    >>> optimizer = SGD(0.5)
    >>> optimizer.iterations.assign_add(3)
    >>> optimizer.iterations, optimizer.iterations.numpy()
    (3, np.int32(3))
    """

    dtype = "int32"
    _setting = "iterations"

    def __new__(cls, value: int, optimizer: Optimizer) -> Iterations:
        count = super().__new__(cls, value)
        count._optimizer = optimizer
        return count

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        return int, (int(self),)


class CalledRate(LearningRateSchedule):
    """A schedule made from a function of the step, or of nothing, that returns the rate.

    >>> CalledRate(lambda: 0.5).values(7, 1)
    array([0.5])
    """

    def __init__(self, function: Any) -> None:
        self.function: Callable[..., Any] = function
        self._takes_step = _takes_step(function)

    def __call__(self, step: Any) -> Any:
        return self.function(step) if self._takes_step else self.function()

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(
            "a learning rate that is a function cannot be saved; subclass schedules.LearningRateSchedule instead"
        )


def _takes_step(function: Callable[..., Any]) -> bool:
    """Whether the function must be called with the step."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return True
    return False
