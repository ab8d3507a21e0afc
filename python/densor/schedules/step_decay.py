"""Learning rates that change from epoch to epoch and not within."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from densor import _check
from densor.schedules._registry import register
from densor.schedules.formula_schedule import FormulaSchedule
from densor.schedules.learning_rate_schedule import Rates
from densor.schedules.piecewise_constant_decay import numbers


@register
class StepDecay(FormulaSchedule):
    """rate(t) = initial_learning_rate * drop^floor(epoch / epochs_per_drop), epoch = floor(t / steps_per_epoch).

    With steps_per_epoch = 1 the schedule counts epochs itself; such a one goes into `LearningRateScheduler`.

    Args:
        initial_learning_rate: the rate of the first epochs, at least 0.
        epochs_per_drop: the number of epochs between two drops, at least 1.
        drop: what the rate is multiplied by, in (0, 1] (0.5).
        steps_per_epoch: the number of batches in an epoch, at least 1 (1).
        name: only kept ("StepDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> StepDecay(0.1, epochs_per_drop=5, steps_per_epoch=100)(1000)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        epochs_per_drop: int,
        drop: float = 0.5,
        steps_per_epoch: int = 1,
        name: str = "StepDecay",
    ) -> None:
        where = "StepDecay"
        self.initial_learning_rate = _check.number(
            where, "initial_learning_rate", initial_learning_rate, low=0
        )
        self.epochs_per_drop = _check.positive_int(where, "epochs_per_drop", epochs_per_drop)
        self.drop = _check.number(where, "drop", drop, low=0, high=1, include_low=False)
        self.steps_per_epoch = _check.positive_int(where, "steps_per_epoch", steps_per_epoch)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        epoch = np.floor(t / self.steps_per_epoch)
        rates: Rates = self.initial_learning_rate * self.drop ** np.floor(epoch / self.epochs_per_drop)
        return rates

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "epochs_per_drop": self.epochs_per_drop,
            "drop": self.drop,
            "steps_per_epoch": self.steps_per_epoch,
            "name": self.name,
        }


@register
class PiecewiseEpochDecay(FormulaSchedule):
    """A constant rate for each range of epochs: values[0] in the first epochs[0] epochs, and so on.

    "0.1 in epochs 1 to 5, 0.01 in 6 to 10, then 0.001" is `PiecewiseEpochDecay([5, 10], [0.1, 0.01, 0.001], n)`.
    (The boundaries of `PiecewiseConstantDecay` are steps instead, and each still belongs to the rate before it.)

    Args:
        epochs: how many epochs are over when each rate but the last ends, increasing numbers greater than 0.
        values: the rates, each at least 0, one more than there are `epochs`.
        steps_per_epoch: the number of batches in an epoch, at least 1 (1: the schedule counts epochs itself).
        name: only kept ("PiecewiseEpochDecay").

    Raises TypeError or ValueError for an argument outside these.

    >>> PiecewiseEpochDecay([5, 10], [0.1, 0.01, 0.001], steps_per_epoch=100).values(499, 2)
    array([0.1 , 0.01])
    """

    def __init__(
        self,
        epochs: Iterable[float],
        values: Iterable[float],
        steps_per_epoch: int = 1,
        name: str = "PiecewiseEpochDecay",
    ) -> None:
        where = "PiecewiseEpochDecay"
        self.epochs = numbers(where, "epochs", epochs, low=0)
        self.rates = numbers(where, "values", values, low=0)
        if any(after <= before for before, after in zip([0.0, *self.epochs], self.epochs, strict=False)):
            raise _check.bad_value(
                where, "epochs", f"must increase from above 0, got {_check.show(self.epochs)}"
            )
        if len(self.rates) != len(self.epochs) + 1:
            raise _check.bad_value(
                where, "values",
                f"must have one more number than epochs has ({len(self.epochs)}), got {len(self.rates)}",
            )  # fmt: skip
        self.steps_per_epoch = _check.positive_int(where, "steps_per_epoch", steps_per_epoch)
        self.name = _check.optional_name(where, name, where)

    def formula(self, t: Rates) -> Rates:
        epoch = np.floor(t / self.steps_per_epoch)
        return np.array(self.rates, np.float64)[np.searchsorted(self.epochs, epoch, side="right")]

    def get_config(self) -> dict[str, Any]:
        return {
            "epochs": self.epochs,
            "values": self.rates,
            "steps_per_epoch": self.steps_per_epoch,
            "name": self.name,
        }
