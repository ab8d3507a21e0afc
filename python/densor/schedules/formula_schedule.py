"""The base of the schedules that are one formula over an array of steps."""

from abc import abstractmethod

import numpy as np

from densor import _check
from densor.schedules.learning_rate_schedule import LearningRateSchedule, Rates, Steps


class FormulaSchedule(LearningRateSchedule):
    """A schedule that evaluates its formula in float64 for all steps of an epoch at once."""

    name: str

    @abstractmethod
    def formula(self, t: Rates) -> Rates:
        """Returns the rates of the steps `t`, both float64 and of one shape."""

    def __call__(self, step: Steps) -> float | Rates:
        """Returns the learning rate of `step`: a float for a number, a float64 array for an array."""
        t = np.asarray(step)
        if t.dtype.kind not in "iuf":
            raise _check.bad_type(
                type(self).__name__, "step", f"must be a number or an array of them, got {_check.show(step)}"
            )
        rates = self.formula(np.atleast_1d(t).astype(np.float64))
        return rates if t.ndim else float(rates[0])

    def values(self, first_step: int, steps: int) -> Rates:
        if type(self).__call__ is not FormulaSchedule.__call__:  # a subclass bent the formula, step by step
            return super().values(first_step, steps)
        return self.formula(np.arange(first_step, first_step + steps, dtype=np.float64))
