"""What `optimizer.learning_rate` takes and returns besides plain numbers and schedules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from densor.schedules import LearningRateSchedule

if TYPE_CHECKING:
    from densor.optimizers.optimizer import Optimizer


class LearningRate(float):
    """A float that also answers to Keras' variable methods: the learning rate at the moment it was read.

    >>> from densor.optimizers import SGD
    >>> optimizer = SGD(0.5)
    >>> optimizer.learning_rate.assign(0.25)
    >>> optimizer.learning_rate.numpy()
    np.float32(0.25)
    """

    _optimizer: Optimizer

    def __new__(cls, value: float, optimizer: Optimizer) -> LearningRate:
        rate = super().__new__(cls, value)
        rate._optimizer = optimizer
        return rate

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)  # a copy is only the number

    def numpy(self) -> np.float32:
        """Returns the rate as a NumPy float32."""
        return np.float32(self)

    def assign(self, value: float) -> None:
        """Sets the optimizer's learning rate, as `optimizer.learning_rate = value` does."""
        self._optimizer.learning_rate = value


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
