"""The learning-rate range test: how far the rate may go before the loss climbs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor._check import bad_value, integer, number
from densor.models.fitting import Fitting
from densor.schedules import LearningRateSchedule

__all__ = ["RangeTest", "Sweep"]

_FEWEST = 100


@dataclass(frozen=True)
class RangeTest:
    """What `lr_find` returns.

    Attributes:
        learning_rates: float64 (steps,), the rates tried.
        losses: float64 (steps,), the loss of each batch before its update.
        smoothed: float64 (steps,), their running mean.
        diverged: whether the test stopped because the loss grew or was no longer finite.

    >>> test = RangeTest(np.array([0.1, 1.0, 10.0]), *[np.array([3.0, 1.0, 2.0])] * 2, diverged=True)
    >>> test.max_learning_rate, test.suggestion
    (1.0, 0.1)
    """

    learning_rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    diverged: bool = field(default=False)

    @property
    def max_learning_rate(self) -> float:
        """The rate at which the smoothed loss is smallest: the peak for a cycle."""
        return float(self.learning_rates[int(np.argmin(self.smoothed))])

    @property
    def suggestion(self) -> float:
        """A tenth of `max_learning_rate`, to train with from the first epoch to the last."""
        return self.max_learning_rate / 10.0

    def plot(self, axes: Any = None) -> Any:
        """Draw the losses over the rates, with the suggestion, and return matplotlib's axes.

        Args:
            axes: where to draw; default a new figure.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        if axes is None:
            from matplotlib.figure import Figure

            axes = Figure(figsize=(6, 4), layout="constrained").subplots()
        axes.plot(self.learning_rates, self.losses, alpha=0.3, label="loss of each batch")
        axes.plot(self.learning_rates, self.smoothed, label="smoothed")
        axes.axvline(self.suggestion, linestyle="--", color="gray", label=f"suggestion {self.suggestion:.2g}")
        axes.set_xscale("log")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.legend()
        return axes

    def __repr__(self) -> str:
        end = "diverged" if self.diverged else "did not diverge"
        return (
            f"<RangeTest of {len(self.losses)} steps, {end} at {self.learning_rates[-1]:.3g}; "
            f"suggestion {self.suggestion:.3g}>"
        )


class Sweep:
    """The checked options of a range test."""

    def __init__(
        self, start_lr: object, end_lr: object, steps: object, smoothing: object, divergence: object
    ) -> None:
        where = "lr_find"
        self.start = number(where, "start_lr", start_lr, 0, include_low=False)
        self.end = number(where, "end_lr", end_lr, 0, include_low=False)
        if self.end <= self.start:
            raise bad_value(
                where, "end_lr", f"must be greater than start_lr {self.start:g}, got {self.end:g}"
            )
        self.steps = None if steps is None else integer(where, "steps", steps, 2, 10**7)
        self.smoothing = number(where, "smoothing", smoothing, 0, 1, include_high=False)
        self.divergence = number(where, "divergence", divergence, 1, include_low=False)

    def run(self, fitting: Fitting) -> RangeTest:
        """Train until the rates are used up or the loss has climbed."""
        steps = self.steps or max(_FEWEST, fitting.batches)
        rates = self.start * (self.end / self.start) ** (np.arange(steps) / (steps - 1))
        optimizer = fitting.compiled.optimizer
        optimizer._schedule, optimizer._decay = _Given(rates), 0.0
        losses: list[float] = []
        smoothed: list[float] = []
        mean = 0.0
        for step in range(steps):
            batch = step % fitting.batches
            if batch == 0:
                fitting.begin()
            loss = fitting.step(batch)["loss"]
            if not math.isfinite(loss):
                break
            mean = self.smoothing * mean + (1.0 - self.smoothing) * loss
            losses.append(loss)
            smoothed.append(mean / (1.0 - self.smoothing ** (step + 1)))
            if smoothed[-1] > self.divergence * min(smoothed):
                break
        if not losses:
            raise bad_value("lr_find", "x", "the loss of the first batch is not finite")
        done = len(losses)
        return RangeTest(rates[:done], np.array(losses), np.array(smoothed), diverged=step + 1 < steps)


class _Given(LearningRateSchedule):
    def __init__(self, rates: NDArray[np.float64]) -> None:
        self.rates = rates

    def values(self, first_step: int, steps: int) -> NDArray[np.float64]:
        return self.rates[first_step : first_step + steps]
