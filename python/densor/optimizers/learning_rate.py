"""What `optimizer.learning_rate` returns: a float that also answers to Keras' variable methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from densor.optimizers.optimizer import Optimizer


class LearningRate(float):
    """The learning rate at the moment it was read.

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
