"""Sets the learning rate at the beginning of each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor import _check
from densor.callbacks._arity import takes_two
from densor.callbacks._report import report
from densor.callbacks.callback import Callback, Logs


class LearningRateScheduler(Callback):
    """Before each epoch sets the learning rate to `schedule(epoch, learning_rate)` or `schedule(epoch)`.

    Each epoch it adds "learning_rate" to the logs. The optimizer must have been made with a number, not with a
    schedule of its own.

    Args:
        schedule: a function of the epoch, counted from 0, and, if it takes two arguments, of the current rate; a
            schedule of `densor.schedules` then counts epochs and not steps.
        verbose: 1 prints the rate of each epoch (0).

    Raises TypeError where `schedule` returns something else than a number, ValueError for a negative one.

    >>> callback = LearningRateScheduler(lambda epoch: 0.1 * 0.5**epoch)
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        where = "LearningRateScheduler"
        if not callable(schedule):
            raise _check.bad_type(where, "schedule", f"must be a function, got {_check.show(schedule)}")
        self.schedule = schedule
        self.verbose = _check.integer(where, "verbose", verbose, low=0, high=2)
        self._takes_rate = takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        arguments = (epoch, float(optimizer.learning_rate)) if self._takes_rate else (epoch,)
        where = "LearningRateScheduler"
        rate = _check.number(where, "schedule", self.schedule(*arguments), low=0)
        optimizer.learning_rate = rate
        if self.verbose:
            report(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate:.6g}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
