"""Sets the batch size at the beginning of each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor import _check
from densor.callbacks._arity import takes_two
from densor.callbacks._report import report
from densor.callbacks.callback import Callback, Logs


class BatchSizeScheduler(Callback):
    """Before each epoch sets the batch size to `schedule(epoch, batch_size)` or `schedule(epoch)`.

    Growing batches instead of falling learning rates reach the same loss with fewer updates. Source: Smith et al.,
    "Don't decay the learning rate, increase the batch size" (2017). Each epoch it adds "batch_size" to the logs.

    Args:
        schedule: a function of the epoch, counted from 0, and, if it takes two arguments, of the current size.
        verbose: 1 prints the size of each epoch (0).

    Raises TypeError where `schedule` returns something else than an integer, ValueError for one below 1.

    >>> callback = BatchSizeScheduler(lambda epoch: 32 * 2 ** (epoch // 10))
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        where = "BatchSizeScheduler"
        if not callable(schedule):
            raise _check.bad_type(where, "schedule", f"must be a function, got {_check.show(schedule)}")
        self.schedule = schedule
        self.verbose = _check.integer(where, "verbose", verbose, low=0, high=2)
        self._takes_size = takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        arguments = (epoch, self.model.batch_size) if self._takes_size else (epoch,)
        size = _check.positive_int("BatchSizeScheduler", "schedule", self.schedule(*arguments))
        self.model.batch_size = size
        if self.verbose:
            report(f"Epoch {epoch + 1}: BatchSizeScheduler setting batch size to {size}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["batch_size"] = self.model.batch_size
