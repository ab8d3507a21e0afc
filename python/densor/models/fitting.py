"""One call of `fit`: epochs, their order of rows, callbacks, validation."""

from __future__ import annotations

from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densor.callbacks import CallbackList
from densor.graph.twins import settle
from densor.models.compiled import Compiled
from densor.models.data import Data
from densor.models.loop import Loop, rows_at_once
from densor.models.progress import Display, Silence

if TYPE_CHECKING:
    from densor.models.trainer import Trainer

__all__ = ["Epochs", "Evaluation", "Fitting", "Logs", "Plan"]

Logs = dict[str, Any]


@dataclass
class Plan:
    """The checked options of one call of `fit`. `validation` makes an evaluation with callbacks."""

    batch_size: int
    epochs: int = 1
    initial_epoch: int = 0
    shuffle: bool | str = True
    asked_to_shuffle: bool = False
    validation: Callable[[CallbackList], Any] | None = None
    validation_batch_size: int = 32
    validation_steps: int | None = None
    validation_freq: int | Container[int] = 1

    def validates(self, epoch: int) -> bool:
        """Whether validation follows the epoch (counted from 0)."""
        if self.validation is None:
            return False
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq


class _Refused(Exception):
    """A guarded loop did not take a batch: its loss, or its gradient, is not finite."""


class Epochs:
    """One call of `fit`: the epochs, the callbacks around them, validation. Subclasses train the epochs.

    data: what `probe` may look at; None if there is nothing yet.
    """

    display: Display = Silence()
    batches: int | None = None
    data: Data | None = None

    def __init__(
        self, model: Trainer, compiled: Compiled, plan: Plan, callbacks: CallbackList | None = None
    ) -> None:
        self.model, self.compiled, self.plan = model, compiled, plan
        self.callbacks = callbacks or CallbackList()
        self.progress = np.zeros(1, np.uint64)
        self.logs: Logs = {}

    def ready(self) -> bool:
        """Whether there are data for another epoch."""
        return True

    def begin(self) -> None:
        """An epoch begins, with sums at zero."""
        self.progress[0] = 0
        self.model._clock.epochs += 1

    def train(self) -> None:
        """The batches of an epoch."""
        raise NotImplementedError

    def means(self) -> Logs:
        """The means of the running epoch."""
        raise NotImplementedError

    def suspects(self) -> Data | None:
        """The rows of the batch that comes next, or was refused."""
        return self.data

    def close(self) -> None:
        """Training is over, or was stopped."""
        self.display.close()

    def run(self) -> None:
        """All epochs, with the callbacks around them; `on_train_end` comes last whatever happened."""
        self.model._fitting = self
        first = self.compiled.optimizer.iterations
        try:
            self.callbacks.on_train_begin()
            for epoch in range(self.plan.initial_epoch, self.plan.epochs):
                if not self.ready():
                    break
                self._epoch(epoch)
                if self.model.stop_training:
                    break
        except BaseException:
            self._finish(first)
            with suppress(BaseException):  # the first error is the one to report
                self.callbacks.on_train_end(self.logs)
            raise
        finally:
            settle()
            self.close()
            self.model._fitting = None
        self._finish(first)
        self.callbacks.on_train_end(self.logs)

    def _finish(self, first: int) -> None:
        """Training is over: the weights become their running mean, where the optimizer keeps one."""
        if self.compiled.optimizer.iterations != first:
            self.compiled.optimizer.finalize_variable_values()

    def _epoch(self, epoch: int) -> None:
        self.callbacks.on_epoch_begin(epoch)
        self.begin()
        self.display.batches = self.batches
        self.display.epoch_begin(epoch, self._done, self.means)
        try:
            self.train()
        except _Refused as refused:
            self._tell_guards(epoch, str(refused))
        logs = self.means()
        if self.plan.validates(epoch):
            assert self.plan.validation is not None
            results = self.plan.validation(self.callbacks).run()
            logs |= {f"val_{name}": value for name, value in results.items()}
        self.logs = logs = dict(sorted(logs.items()))
        self.callbacks.on_epoch_end(epoch, logs)
        self.display.epoch_end(epoch, logs)

    def _tell_guards(self, epoch: int, what: str) -> None:
        """Report the batch at which the native loop stopped: its number, and where its values cease to be finite."""
        from densor.models.probe import first_nonfinite

        batch, rows = self._done(), self.suspects()
        assert rows is not None
        layer = first_nonfinite(self.model, self.compiled, rows)
        where = (
            "the outputs of all layers are finite"
            if layer is None
            else f"the first outputs that are not finite: {layer!r}"
        )
        problem = (
            f"the {what} is not finite in epoch {epoch + 1}, batch {batch}; {where}; "
            "the weights are those before this batch"
        )
        loss = self.means()["loss"]
        for callback in self.callbacks.guards:
            callback.on_nonfinite(
                batch, problem, f"Invalid {what}" + ("" if np.isfinite(loss) else f" ({loss})")
            )

    def _done(self) -> int:
        return int(self.progress[0])

    def run_natively(
        self,
        loop: Loop,
        data: Data,
        batch_size: int,
        progress: NDArray[np.uint64],
        batches: int,
        **place: Any,
    ) -> None:
        """Train some batches; whatever stops the loop, the counters then say how far it came."""
        clock, optimizer, arena = self.model._clock, self.compiled.optimizer, self.compiled.arena
        assert arena is not None
        arena.refresh()
        hyper = optimizer.coefficients(optimizer.iterations, batches)
        progress[0] = 0
        self.model._stepping = True
        try:
            loop.run(
                data, batch_size, batches=batches, hyper=hyper, step=clock.batches, progress=progress,
                settled=self.model._fitting is not self, **place
            )  # fmt: skip
        except RuntimeError as error:
            if "refuse_nonfinite" not in str(error):  # of a guarded loop
                raise
            raise _Refused("loss" if "totals" in str(error) else "gradient") from None
        finally:
            self.model._stepping = False
            optimizer.iterations += int(progress[0])
            clock.batches += int(progress[0])


class Fitting(Epochs):
    """Trains on arrays. The native loop does a whole epoch in one call, unless a callback has batch hooks."""

    data: Data
    batches: int

    def __init__(
        self,
        model: Trainer,
        compiled: Compiled,
        data: Data,
        plan: Plan,
        callbacks: CallbackList | None = None,
    ) -> None:
        super().__init__(model, compiled, plan, callbacks)
        self.data = data
        self._count_batches()
        self.loop: Loop = compiled.train_loop(data, bool(self.callbacks.guards))
        self.order = np.empty(data.rows, np.int64) if plan.shuffle else None

    def _count_batches(self) -> None:
        self.batch_size = min(self.plan.batch_size, self.data.rows)
        self.batches = -(-self.data.rows // self.batch_size)

    def close(self) -> None:
        """Training is over, or was stopped."""
        super().close()
        self.data.leave_device()

    def begin(self) -> None:
        """An epoch begins: batches of the size that holds now, rows in an order of its own."""
        self._count_batches()
        self.loop.reset()
        if self.order is not None:
            self.model._clock.shuffle(self.order, self.batch_size if self.plan.shuffle == "batch" else 1)
        super().begin()

    def step(self, batch: int = 0) -> Logs:
        """One batch, without callbacks; its loss and metrics."""
        self.loop.reset()
        self._run(batch, 1, self.progress)
        return self.means()

    def means(self) -> Logs:
        """The means over the rows seen since `begin`."""
        return self.compiled.logs(self.loop)

    def suspects(self) -> Data:
        """The rows of the batch that comes next, or was refused."""
        first = self._done() * self.batch_size
        order = np.arange(self.data.rows) if self.order is None else self.order
        return self.data.take(order[first : first + self.batch_size])

    def train(self) -> None:
        """One native call, or one for each batch; one batch where `on_epoch_begin` asked to stop, as in Keras."""
        if not (self.callbacks.needs_batches or self.loop.stepwise or self.compiled.optimizer.stepwise):
            self._run(0, 1 if self.model.stop_training else self.batches, self.progress)
            return
        one = np.zeros(1, np.uint64)
        for batch in range(self.batches):
            self.callbacks.on_train_batch_begin(batch)
            self._run(batch, 1, one)
            self.progress[0] = batch + 1
            self.callbacks.on_train_batch_end(batch, self.means())
            if self.model.stop_training:
                break

    def _run(self, first: int, batches: int, progress: NDArray[np.uint64]) -> None:
        self.run_natively(
            self.loop, self.data, self.batch_size, progress, batches, first=first, order=self.order
        )


class Evaluation:
    """Loss and metrics over a data set, with the test hooks of callbacks around it.

    Rows do not influence one another in inference, so only callbacks, sums over batches and losses that look at
    whole batches can tell small batches from large ones.
    """

    def __init__(
        self, compiled: Compiled, data: Data, batch_size: int, callbacks: CallbackList | None
    ) -> None:
        self.compiled, self.data, self.rows = compiled, data, data.rows
        self.callbacks = callbacks or CallbackList()
        self.loop = compiled.test_loop(data)
        self.stepwise = self.callbacks.needs_test_batches or self.loop.stepwise
        self.cut = min(batch_size, data.rows)
        as_given = self.stepwise or self.loop.couples_rows
        self.batch_size = min(
            batch_size if as_given else max(batch_size, rows_at_once(compiled.device)), data.rows
        )

    def run(self) -> Logs:
        """The means over all rows by name, in alphabetical order."""
        with self.compiled.testing:
            self.loop.reset()
            self.callbacks.on_test_begin()
            if self.stepwise:
                self._batches()
            else:
                self.loop.run(self.data, self.batch_size, cut=self.cut)
            logs = self.compiled.logs(self.loop)
            self.callbacks.on_test_end(logs)
            return logs

    def _batches(self) -> None:
        for batch in range(-(-self.data.rows // self.batch_size)):
            self.callbacks.on_test_batch_begin(batch)
            self.loop.run(self.data, self.batch_size, first=batch, batches=1)
            self.callbacks.on_test_batch_end(batch, self.compiled.logs(self.loop))
