"""One call of `fit`: epochs, their order of rows, callbacks, validation."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.callbacks import CallbackList
from densor.models.compiled import Compiled
from densor.models.data import Data
from densor.models.loop import ROWS_AT_ONCE, Loop
from densor.models.progress import Display, Silence

if TYPE_CHECKING:
    from densor.models.trainer import Trainer

__all__ = ["Evaluation", "Fitting", "Plan"]

Logs = dict[str, float]


@dataclass
class Plan:
    """The checked options of one call of `fit`."""

    batch_size: int
    epochs: int = 1
    initial_epoch: int = 0
    shuffle: bool | str = True
    validation: Data | None = None
    validation_batch_size: int = 32
    validation_freq: int | Container[int] = 1

    def validates(self, epoch: int) -> bool:
        """Whether validation follows the epoch (counted from 0)."""
        if self.validation is None:
            return False
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq


class Fitting:
    """Trains a model by a plan. The native loop does a whole epoch in one call, unless a callback has batch hooks."""

    display: Display = Silence()

    def __init__(
        self,
        model: Trainer,
        compiled: Compiled,
        data: Data,
        plan: Plan,
        callbacks: CallbackList | None = None,
    ) -> None:
        self.model, self.compiled, self.data, self.plan = model, compiled, data, plan
        self.callbacks = callbacks or CallbackList()
        self._count_batches()
        self.loop: Loop = compiled.train_loop(data)
        self.order = np.empty(data.rows, np.int64) if plan.shuffle else None
        self.progress = np.zeros(1, np.uint64)
        self._stepped = False

    def _count_batches(self) -> None:
        self.batch_size = min(self.plan.batch_size, self.data.rows)
        self.batches = -(-self.data.rows // self.batch_size)

    def run(self) -> None:
        """All epochs, with the callbacks around them; `on_train_end` comes last whatever happened."""
        self.logs: Logs = {}
        self.model._fitting = self
        try:
            self.callbacks.on_train_begin()
            for epoch in range(self.plan.initial_epoch, self.plan.epochs):
                self._epoch(epoch)
                if self.model.stop_training:
                    break
        except BaseException:
            self._finish()
            with suppress(BaseException):  # the first error is the one to report
                self.callbacks.on_train_end(self.logs)
            raise
        finally:
            self.display.close()
            self.model._fitting = None
        self._finish()
        self.callbacks.on_train_end(self.logs)

    def _finish(self) -> None:
        """Training is over: the weights become their running mean, where the optimizer keeps one."""
        if self._stepped:
            self.compiled.optimizer.finalize_variable_values()

    def begin(self) -> None:
        """An epoch begins: batches of the size that holds now, rows in an order of its own."""
        self._count_batches()
        self.progress[0] = 0
        self._shuffle()
        self.model._clock.epochs += 1

    def step(self, batch: int = 0) -> Logs:
        """One batch, without callbacks; its loss and metrics."""
        self.loop.reset()
        self._run(batch, 1, self.progress)
        return self._logs()

    def _epoch(self, epoch: int) -> None:
        self.callbacks.on_epoch_begin(epoch)
        self.loop.reset()
        self.begin()
        self.display.batches = self.batches
        self.display.epoch_begin(epoch, self._done, self._logs)
        self._train()
        self.logs = logs = self._logs()
        if self.plan.validates(epoch):
            plan = self.plan
            assert plan.validation is not None
            evaluation = Evaluation(
                self.compiled, plan.validation, plan.validation_batch_size, self.callbacks
            )
            logs |= {f"val_{name}": value for name, value in evaluation.run().items()}
        self.callbacks.on_epoch_end(epoch, logs)
        self.display.epoch_end(epoch, logs)

    def _done(self) -> int:
        return int(self.progress[0])

    def _logs(self) -> Logs:
        return self.compiled.logs(self.loop)

    def _shuffle(self) -> None:
        if self.order is None:
            return
        clock, size = self.model._clock, self.batch_size
        assert clock.seed is not None  # compile() drew it
        if self.plan.shuffle != "batch":
            _core.permutation(self.order, clock.seed, clock.epochs).run()
            return
        # Whole batches change places; a short last batch stays last.
        blocks = np.empty(self.data.rows // size, np.int64)
        _core.permutation(blocks, clock.seed, clock.epochs).run()
        whole = len(blocks) * size
        self.order[:whole] = (blocks[:, None] * size + np.arange(size)).reshape(-1)
        self.order[whole:] = np.arange(whole, self.data.rows)

    def _train(self) -> None:
        if not (self.callbacks.needs_batches or self.loop.stepwise or self.compiled.optimizer.stepwise):
            self._run(0, self.batches, self.progress)
            return
        one = np.zeros(1, np.uint64)
        for batch in range(self.batches):
            self.callbacks.on_train_batch_begin(batch)
            self._run(batch, 1, one)
            self.progress[0] = batch + 1
            self.callbacks.on_train_batch_end(batch, self._logs())
            if self.model.stop_training:
                break

    def _run(self, first: int, batches: int, progress: NDArray[np.uint64]) -> None:
        """Train some batches; whatever stops the loop, the counters then say how far it came."""
        clock, optimizer = self.model._clock, self.compiled.optimizer
        arena = self.compiled.arena
        assert arena is not None
        arena.refresh()
        hyper = optimizer.coefficients(optimizer.iterations, batches)
        progress[0] = 0
        self.model._stepping = True
        try:
            self.loop.run(
                self.data, self.batch_size, first=first, batches=batches, order=self.order, hyper=hyper,
                step=clock.batches, progress=progress,
            )  # fmt: skip
        finally:
            self.model._stepping = False
            self._stepped |= bool(progress[0])
            optimizer.iterations += int(progress[0])
            clock.batches += int(progress[0])


class Evaluation:
    """Loss and metrics over a data set, with the test hooks of callbacks around it.

    Rows do not influence one another in inference, so only callbacks, sums over batches and losses that look at
    whole batches can tell small batches from large ones.
    """

    def __init__(
        self, compiled: Compiled, data: Data, batch_size: int, callbacks: CallbackList | None
    ) -> None:
        self.compiled, self.data = compiled, data
        self.callbacks = callbacks or CallbackList()
        self.loop = compiled.test_loop(data)
        self.stepwise = self.callbacks.needs_test_batches or self.loop.stepwise
        as_given = self.stepwise or self.loop.couples_rows
        self.batch_size = min(batch_size if as_given else max(batch_size, ROWS_AT_ONCE), data.rows)

    def run(self) -> Logs:
        """The means over all rows by name, in alphabetical order."""
        with self.compiled.testing:
            self.loop.reset()
            self.callbacks.on_test_begin()
            if self.stepwise:
                self._batches()
            else:
                self.loop.run(self.data, self.batch_size)
            logs = self.compiled.logs(self.loop)
            self.callbacks.on_test_end(logs)
            return logs

    def _batches(self) -> None:
        for batch in range(-(-self.data.rows // self.batch_size)):
            self.callbacks.on_test_batch_begin(batch)
            self.loop.run(self.data, self.batch_size, first=batch, batches=1)
            self.callbacks.on_test_batch_end(batch, self.compiled.logs(self.loop))
