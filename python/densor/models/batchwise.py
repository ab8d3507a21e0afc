"""Training and evaluation on batches that Python hands over one by one, and with steps of the model's own."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densor.callbacks import CallbackList
from densor.graph.structure import Batch, mapped
from densor.models.compiled import Compiled
from densor.models.data import Data
from densor.models.fitting import Epochs, Logs, Plan
from densor.models.loop import Loop
from densor.models.source import Order
from densor.models.stream import Stream

if TYPE_CHECKING:
    from densor.models.stepper import Stepper
    from densor.models.trainer import Trainer

__all__ = ["Batchwise", "Checks", "StreamedEvaluation", "arrays_in", "epoch_order"]


@dataclass(frozen=True)
class Checks:
    """How the batches of a stream are checked: for which function, with which class weights."""

    function: str
    class_weight: Any = None
    finite: bool = True

    def __call__(self, model: Stepper, batch: Batch, number: int | None = None) -> Data:
        """The checked batch; errors name its number."""
        try:
            return model._checked(
                self.function, batch.x, batch.y, batch.sample_weight, self.class_weight, self.finite
            )
        except (TypeError, ValueError) as error:
            if number is None:
                raise
            raise type(error)(str(error).replace("': ", f"': batch {number}: ", 1)) from None


class Batchwise(Epochs):
    """Trains on the batches of a stream, each a native call or a `train_step` of the model's own."""

    def __init__(
        self,
        model: Trainer,
        compiled: Compiled,
        stream: Stream,
        plan: Plan,
        callbacks: CallbackList,
        checks: Checks,
    ) -> None:
        super().__init__(model, compiled, plan, callbacks)
        self.stream, self.batches = stream, stream.batches
        self.own = model._own("train_step")
        self._checks = checks
        self._loop: Loop | None = None
        self._results: Logs = {}

    def ready(self) -> bool:
        """Whether there is a batch."""
        return self.stream.ready()

    def begin(self) -> None:
        """An epoch begins, with sums at zero."""
        super().begin()
        self.batches = self.stream.batches
        self.model.reset_metrics()
        if self._loop is not None:
            self._loop.reset()

    def train(self) -> None:
        """The batches of an epoch."""
        with closing(self.stream.epoch()) as batches:
            for batch in batches:
                number = self.stream.number
                self.callbacks.on_train_batch_begin(number)
                if self.own:
                    self._results = self.model._own_step("train_step", batch)
                    for guard in self.callbacks.guards:
                        guard.on_train_batch_end(number, self._results)
                else:
                    self.step(batch)
                self.progress[0] = number + 1
                if self.callbacks.needs_batches:
                    self.callbacks.on_train_batch_end(number, self.means())
                if self.model.stop_training:
                    break
        self.display.batches = self.stream.number + 1  # of a generator, only now

    def step(self, batch: Batch) -> None:
        """One native step."""
        data = self._checks(self.model, batch, self.stream.number)
        self._loop = _continued(self.compiled.train_loop(data, bool(self.callbacks.guards)), self._loop)
        self.data, self.progress[0] = data, self.stream.number
        self.run_natively(self._loop, data, data.rows, np.zeros(1, np.uint64), 1)

    def means(self) -> Logs:
        """The means over the rows of the epoch; with a step of the model's own, what the last one returned."""
        return dict(self._results) if self.own else self.running()

    def running(self) -> Logs:
        """The means over the rows that native steps have seen."""
        return {} if self._loop is None else self.compiled.logs(self._loop)

    def close(self) -> None:
        """Training is over, or was stopped."""
        super().close()
        self.stream.close()


class StreamedEvaluation:
    """Loss and metrics over the batches of a stream, each a native call or a `test_step` of the model's own."""

    def __init__(
        self,
        model: Trainer,
        compiled: Compiled,
        stream: Stream,
        callbacks: CallbackList | None,
        checks: Checks,
    ) -> None:
        self.model, self.compiled, self.stream = model, compiled, stream
        self.callbacks = callbacks or CallbackList()
        self.rows = 0
        self._checks = checks
        self._loop: Loop | None = None

    def run(self) -> Logs:
        """The means over all rows by name, in alphabetical order; empty if there were none."""
        own, results = self.model._own("test_step"), Logs()
        if not self.stream.ready():
            return results
        self.model.reset_metrics()
        self.callbacks.on_test_begin()
        before, self.model._evaluation = self.model._evaluation, self
        try:
            with closing(self.stream.epoch()) as batches:
                for batch in batches:
                    number = self.stream.number
                    self.callbacks.on_test_batch_begin(number)
                    results = self.model._own_step("test_step", batch) if own else self.step(batch)
                    self.callbacks.on_test_batch_end(number, results)
        finally:
            self.model._evaluation = before
            self.stream.close()
        self.callbacks.on_test_end(results)
        return results

    def step(self, batch: Batch) -> Logs:
        """One batch natively; the means so far."""
        data = self._checks(self.model, batch, self.stream.number)
        loop = self.compiled.test_loop(data)
        with self.compiled.testing:
            if self._loop is None:
                loop.reset()
            self._loop = _continued(loop, self._loop)
            loop.run(data, data.rows)
            self.rows += data.rows
            return self.compiled.logs(loop)


def _continued(loop: Loop, before: Loop | None) -> Loop:
    """`loop` with the sums of the one that ran before, which may be another: weights may come and go."""
    if before is None:
        loop.reset()
    elif loop is not before:
        loop.go_on_from(before)
    return loop


def epoch_order(model: Trainer, block: Any) -> Order:
    """The order of things in the epoch that has begun."""

    def order(count: int) -> NDArray[np.int64]:
        numbers = np.empty(count, np.int64)
        replace(model._clock, epochs=model._clock.epochs - 1).shuffle(numbers, block())
        return numbers

    return order


def arrays_in(part: Any) -> Any:
    """A part of a batch as NumPy arrays."""
    return mapped(lambda array: None if array is None else np.asarray(array), part)
