"""The loop over a data set: one graph, lowered for the row counts that occur, and the slots it reads through."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph import (
    Arena,
    Feeds,
    Graph,
    Head,
    Twins,
    Variable,
    copied_to_device,
    lower_graph,
    room_on_device,
)
from densor.graph.chains import chains_on
from densor.graph.twins import settle
from densor.models.data import Data
from densor.models.device_rows import DeviceRows
from densor.models.streams import Streams, figure

__all__ = ["ROWS_AT_ONCE", "Loop", "lent", "rows_at_once"]

# Where the number of rows per batch is free: large enough to pay for packing the weights, small enough for the
# activations to stay in the cache.
ROWS_AT_ONCE = 256
_BYTES_AT_ONCE = 1 << 28
_ROWS_ON_DEVICE = 4096  # some for every multiprocessor
_HOME = operator.attrgetter("home")
_MOST_PROGRAMS = 16


class Loop:
    """Runs batches of one graph natively: for predictions, for losses and metrics, or for training.

    Args:
        graph: what to run.
        scatter: write the output rows to `feeds.out`.
        heads: losses and metrics of the outputs, accumulated in `totals`.
        optimizer, arena: train the variables of the arena; without an optimizer, compute their gradients.
        penalized: variables whose regularizers add to the loss.
        update_statistics: move the statistics of batch normalization; default: where there is an optimizer.
        guarded: a batch whose loss or gradient is not finite raises RuntimeError and changes no weight.
        device: "cpu" or "cuda"; the arrays of variables, arena and sums are those of the host all the same.

    Attributes:
        totals: float64 `(rows of the heads, 2)`: the sums over the rows seen, and their number.
        penalties: float64 (2,): first the penalties of the batches seen, each times its rows.
        stepwise: a loss of a batch is a sum, which can only be told batch by batch: `run` must get one at a time.
        couples_rows: a loss or metric of a batch is more than those of its rows: other batches, another value.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        scatter: bool = False,
        heads: Sequence[Head] = (),
        optimizer: Any = None,
        arena: Arena | None = None,
        penalized: Sequence[Variable] = (),
        update_statistics: bool | None = None,
        guarded: bool = False,
        device: str = "cpu",
    ) -> None:
        self.graph = graph
        self.feeds = Feeds(len(graph.inputs), len(graph.outputs))
        self.heads = heads
        self._starts = np.cumsum([0, *(head.rows for head in heads)])
        self.totals: NDArray[np.float64] = np.zeros((int(self._starts[-1]), 2))
        self.penalties: NDArray[np.float64] = np.zeros(2)
        self.streams = Streams(heads)
        self._options: dict[str, Any] = {
            "feeds": self.feeds,
            "totals": self.totals if heads else None,
            "heads": heads,
            "optimizer": optimizer,
            "arena": arena,
            "penalized": penalized,
            "penalties": self.penalties if heads else None,
            "update_statistics": update_statistics,
            "scatter": scatter,
            "guarded": guarded,
            "device": device,
        }
        self.device = device
        self._twins: Twins | None = None  # of the programs, on a device
        self._variables = tuple(dict.fromkeys([*graph.variables, *penalized]))
        self._homes: list[NDArray[np.float32]] = []
        self._moves = -1
        self._arena = arena
        self._mask: Any = None
        self._programs: dict[tuple[Any, ...], _core.Program] = {}
        self._memory: NDArray[np.uint8] | None = None  # of the activations: one program runs at a time
        self._batches = 0
        self._rows = 0  # seen since `reset`
        self._summed = [
            place
            for place, head in enumerate(heads)
            if head.loss is not None and head.loss.reduction == "sum"
        ]
        self.stepwise = bool(self._summed)
        self.couples_rows = any(head.formulas is not None and head.formulas.couple_rows for head in heads)
        self._sums_of_sums = np.zeros(len(heads))

    def reset(self) -> None:
        """Forget the rows seen so far."""
        self.totals.fill(0.0)
        self.penalties.fill(0.0)
        self._rows = 0
        self._sums_of_sums.fill(0.0)
        self.streams.reset()

    def go_on_from(self, other: Loop) -> None:
        """Take over the sums of a loop with the same heads."""
        self.totals[...] = other.totals
        self.penalties[...] = other.penalties
        self._rows = other._rows
        self._sums_of_sums[...] = other._sums_of_sums

    def means(self) -> list[list[Any]]:
        """For each head loss and metrics over the rows seen so far: means over batches, each counted by its rows.

        Weighted metrics are means over the weights; streamed ones what they are, a number or an array.
        """
        found = []
        for place, head in enumerate(self.heads):
            totals = self.totals[self._starts[place] : self._starts[place + 1]]
            means = (totals[:-1, 0] / np.maximum(totals[:-1, 1], 1.0)).tolist()
            if place in self._summed:
                means[0] = float(self._sums_of_sums[place]) / max(float(totals[0, 1]), 1.0)
            if head.weighted and head.weighted_metrics:
                first = 1 + len(head.metrics)
                means[first:] = (totals[first:-1, 0] / (totals[-1, 0] or 1.0)).tolist()
            metrics: list[Any] = [*head.metrics, *head.weighted_metrics]
            for index, metric in enumerate(metrics, 1):
                if metric in head.streamed:
                    means[index] = figure(metric.result())
                elif hasattr(metric, "final"):
                    means[index] = metric.final(means[index])
            found.append(means)
        return found

    def penalty(self) -> float:
        """The mean penalty of weights and activations, over batches, each counted by its rows."""
        rows = float(self.totals[:, 1].max(initial=0.0)) or self._rows
        return float(self.penalties[0]) / max(rows, 1.0)

    def program(self, rows: int, many: bool = False) -> _core.Program:
        """The program for `rows` rows per batch, on the memory where the variables are now.

        many: for runs of several batches; one that is run for a single batch computes what it needs in its steps.
        """
        if self.device == "cpu":
            settle()
        moved = self._moves != Variable.moves
        if moved:
            self._moves = Variable.moves
            moved = not all(map(operator.is_, map(_HOME, self._variables), self._homes))
        if moved or (self._arena is not None and self._arena.mask is not self._mask):
            self._programs.clear()
            self._twins = None
        many = many and _core.cpu_target().startswith("amx")  # elsewhere that is the same program
        program = self._programs.get(self._key(rows, many))
        if program is None:
            program = self._compile(rows, many)
        return program

    def _programs_of(
        self, batches: int, size: int, rest: int
    ) -> tuple[_core.Program, _core.Program | None, bool]:
        """The programs of so many batches, the last one of `rest` rows unless that is 0; see `_last`."""
        if rest == 0 or batches == 1:
            return self.program(rest or size, batches > 1), None, False
        full = self.program(size, batches > 2)
        return full, *self._last(full, rest)

    def _last(self, full: _core.Program, rest: int) -> tuple[_core.Program | None, bool]:
        """The program of a last batch of `rest` rows, None where that of the others masks rows; and whether it does."""
        masked = self.device != "cpu" and full.masks_rows
        return (None, True) if masked else (self.program(rest), False)

    def _compile(self, rows: int, many: bool) -> _core.Program:
        if len(self._programs) >= _MOST_PROGRAMS:
            del self._programs[next(iter(self._programs))]
        options = self._options | {"scatter": self._options["scatter"] or self.streams.active, "many": many}
        lowering = lower_graph(self.graph, rows, **options)
        if self.device != "cpu" and self._twins is None:
            self._twins = self._new_twins()
        program = lowering.bind(self._memory, self._twins)
        self._memory = lowering.memory
        self._homes = [variable.home for variable in self._variables]
        self._mask = None if self._arena is None else self._arena.mask
        self._programs[self._key(rows, many)] = program
        return program

    def _key(self, rows: int, many: bool) -> tuple[Any, ...]:
        """What a program depends on, beside the arrays that it was made for."""
        return rows, many, _core.matmul_precision(), chains_on(self.device)

    def _new_twins(self) -> Twins:
        twins, arena, optimizer = Twins(), self._arena, self._options["optimizer"]
        twins.send(map(_HOME, self._variables), guarded=True)
        if self.heads:
            twins.send([self.totals, self.penalties], fetched=True)
        if arena is not None:
            twins.keep(arena.gradients, filled=True, fetched=optimizer is None)
            if optimizer is not None:
                twins.send(arena.blocks[1:], guarded=True)
                twins.send([] if arena.mask is None else [arena.mask], constant=True)
        return twins

    def run_batch(
        self, arrays: Sequence[NDArray[Any]], outs: Sequence[NDArray[np.float32]], rows: int, step: int
    ) -> None:
        """Write the outputs for one batch of features, by the shortest way."""
        feeds, program = self.feeds, self.program(rows)
        if self._twins is None:
            program.run_batch(rows, step, feeds.predicted, (*arrays, *outs))
            return
        with lent(feeds, arrays, outs, self._twins):
            _core.run(program, None, batches=1, batch_size=rows, step=step)

    def run_rows(
        self, arrays: Sequence[NDArray[Any]], outs: Sequence[NDArray[np.float32]], size: int, step: int
    ) -> int:
        """Write the outputs for all rows of the features, `size` at a time; the number of batches.

        On a device, whose memory may be smaller than the data, `_BYTES_AT_ONCE` of them are there together.
        """
        rows, done = len(arrays[0]), 0
        widest = sum(array.dtype.itemsize * array.size // rows for array in (*arrays, *outs))
        part = rows if self.device == "cpu" else max(_BYTES_AT_ONCE // max(widest, 1) // size, 1) * size
        for first in range(0, rows, part):
            whole, rest = divmod(min(part, rows - first), size)
            full = self.program(size if whole else rest, whole > 1)
            last, masked = self._last(full, rest) if whole and rest else (None, False)
            given, written = ([a[first : first + part] for a in some] for some in (arrays, outs))
            with lent(self.feeds, given, written, self._twins):
                done += _core.run(
                    full, last, batches=whole + (rest > 0), batch_size=size, step=step + done,
                    rows=whole * size + rest if masked else 0,
                )  # fmt: skip
        return done

    def run(
        self,
        data: Data,
        batch_size: int,
        *,
        first: int = 0,
        batches: int | None = None,
        order: NDArray[np.int64] | None = None,
        hyper: NDArray[np.float32] | None = None,
        step: int | None = None,
        progress: NDArray[np.uint64] | None = None,
        cut: int | None = None,
        settled: bool = True,
    ) -> int:
        """Run `batches` batches of `data` from batch `first` on (all that are left by default).

        Args:
            data: checked rows.
            batch_size: rows per batch; the last batch of the data has what is left.
            order: the data's rows in the order in which they are used; None as they lie.
            hyper: the optimizer's coefficients, a row for each batch of this run.
            step: the running number of the first batch, which keys dropout noise; by default this loop counts.
            progress: the number of batches done, written while the loop runs.
            cut: rows per batch for streamed metrics, by default those of the loop.
            settled: on a device, bring back at once what the programs have updated.

        Returns:
            The number of batches done.
        """
        whole, rest = divmod(data.rows, batch_size)
        total = whole + (rest > 0)
        count = total - first if batches is None else batches
        ends_short = rest > 0 and first + count == total
        full, last, masked = self._programs_of(count, batch_size, rest if ends_short else 0)
        firsts = self._starts[self._summed]
        before = self.totals[firsts]
        self._bind(data)
        if self.streams.active:
            columns = [tensor.features for tensor in self.graph.outputs]
            self.streams.bind(self.feeds.outputs, columns, data.rows, self.device)
        try:
            with nullcontext() if self._twins is None else self._twins.run(settled):
                done = _core.run(
                    full, last, batches=count, batch_size=batch_size, order=order, start=first * batch_size,
                    hyper=hyper, step=self._batches if step is None else step, progress=progress,
                    rows=(count - 1) * batch_size + rest if masked else 0,
                )  # fmt: skip
            self._batches += done
            self._rows += max(min((first + done) * batch_size, data.rows) - first * batch_size, 0)
            if self.stepwise:
                self._sums_of_sums[self._summed] += np.prod(self.totals[firsts] - before, axis=1)
        finally:
            for feed in (*self.feeds.inputs, *self.feeds.outputs, *self.feeds.targets, *self.feeds.weights):
                feed.clear()
            if self.device == "cpu":
                settle()
        if self.streams.active:
            stop = min((first + done) * batch_size, data.rows)
            self.streams.add(data, first * batch_size, stop, cut or batch_size, order)
        return done

    def _bind(self, data: Data) -> None:
        x, y, weights = data.on_host if self.device == "cpu" else data.on_device
        for feed, array in zip(self.feeds.inputs, x, strict=True):
            feed.bind(array)
        for head, feed, array in zip(self.heads, self.feeds.targets, y, strict=True):
            if not head.idle:
                feed.bind(array)
        for feed, weight in zip(self.feeds.weights, weights, strict=True):
            if weight is not None:
                feed.bind(weight)


def rows_at_once(device: str) -> int:
    """The rows of a batch where their number changes nothing but the time."""
    return ROWS_AT_ONCE if device == "cpu" else _ROWS_ON_DEVICE


@contextmanager
def lent(
    feeds: Feeds, arrays: Sequence[NDArray[Any]], outs: Sequence[NDArray[np.float32]], twins: Twins | None
) -> Iterator[None]:
    """In a `with` block programs read these features and write these outputs; with twins, by way of copies."""
    given: Sequence[Any] = arrays
    if twins is not None:
        given = [a if isinstance(a, DeviceRows) else copied_to_device(a) for a in arrays]
    written: Sequence[Any] = outs if twins is None else [room_on_device(out) for out in outs]
    try:
        for feed, array in zip(feeds.inputs, given, strict=True):
            feed.bind(array)
        for feed, out in zip(feeds.outputs, written, strict=True):
            feed.bind(out)
        if twins is None:
            yield
            return
        with twins.run():
            yield
            for room, out in zip(written, outs, strict=True):
                room.download(out)
    finally:
        for feed in (*feeds.inputs, *feeds.outputs):
            feed.clear()
