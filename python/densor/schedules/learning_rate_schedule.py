"""The base of all learning-rate schedules."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Steps = int | float | npt.NDArray[Any]
Rates = npt.NDArray[np.float64]
Self = TypeVar("Self", bound="LearningRateSchedule")


class LearningRateSchedule:
    """A learning rate as a function of the training step; subclass it and write `__call__(step)`.

    The step counts the batches seen by the optimizer, from 0. A subclass that is to be saved with a model
    also writes `get_config`, the arguments of its constructor.

    >>> class Root(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 / (1 + step) ** 0.5
    >>> Root().values(0, 2)
    array([0.1       , 0.07071068])
    """

    def __call__(self, step: Steps) -> Any:
        """Returns the learning rate of `step` (a number, or an array of them where the subclass can)."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def values(self, first_step: int, steps: int) -> Rates:
        """Returns the rates of steps first_step, ..., first_step + steps - 1, float64 (steps,).

        It calls the schedule once per step with an int, which any subclass understands.
        """
        return np.array([float(self(step)) for step in range(first_step, first_step + steps)], np.float64)

    def momenta(self, first_step: int, steps: int) -> Rates | None:
        """Returns the momentum of each of these steps, float64 (steps,), where the schedule cycles it; else None."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        raise NotImplementedError(f"{type(self).__name__} must define get_config() to be saved")

    @classmethod
    def from_config(cls: type[Self], config: dict[str, Any]) -> Self:
        """Makes the schedule that `get_config` described."""
        return cls(**config)
