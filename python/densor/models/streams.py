"""Metrics that Python computes, batch by batch, from the predictions that a native run has left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph import Head, room_on_device
from densor.models.data import Data

__all__ = ["Streams", "figure"]

Watcher = Callable[[Data, Sequence[NDArray[np.float32]], Any], None]
_AT_ONCE = 1 << 16  # rows for metrics to which batches are all the same


class Streams:
    """The streamed metrics of all heads, and the memory for the predictions they need."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self._heads = heads
        self.active = any(head.streamed for head in heads)
        self._predictions: list[NDArray[np.float32]] = []
        self._rooms: list[_core.DeviceArray] = []  # on a device, where the predictions come from
        self._watcher: Watcher | None = None
        self._forget: Callable[[], None] | None = None

    def watch(self, watcher: Watcher, forget: Callable[[], None]) -> None:
        """Tell of every batch: the data, the predictions, and its rows in both; `forget` is called by `reset`."""
        self.active, self._watcher, self._forget = True, watcher, forget

    def reset(self) -> None:
        """Forget all batches."""
        for head in self._heads:
            for metric in head.streamed:
                metric.reset_state()
        if self._forget is not None:
            self._forget()

    def bind(
        self, outputs: Sequence[_core.Feed], columns: Sequence[int], rows: int, device: str = "cpu"
    ) -> None:
        """Let the outputs of the program, which runs on the device, write the predictions of `rows` rows."""
        if [array.shape for array in self._predictions] != [(rows, size) for size in columns]:
            self._predictions = [np.empty((rows, size), np.float32) for size in columns]
            self._rooms = [] if device == "cpu" else [room_on_device(array) for array in self._predictions]
        places: Sequence[Any] = self._rooms or self._predictions
        for feed, array in zip(outputs, places, strict=True):
            feed.bind(array)

    def add(self, data: Data, start: int, stop: int, size: int, order: NDArray[np.int64] | None) -> None:
        """Update the metrics with the rows at `start` to `stop` of the order, `size` at a time, or many if they may."""
        for room, array in zip(self._rooms, self._predictions, strict=False):
            room.download(array)
        for place, head in enumerate(self._heads):
            for metric in head.streamed:
                step = max(size, _AT_ONCE) if metric.additive else size
                for first in range(start, stop, step):
                    last = min(first + step, stop)
                    rows: Any = slice(first, last) if order is None else order[first:last]
                    weight = data.weight[place] if metric in head.weighted_metrics else None
                    self._update(head, metric, data.targets[place], self._predictions[place], weight, rows)
        if self._watcher is not None:
            for first in range(start, stop, size):
                rows = slice(first, min(first + size, stop))
                self._watcher(data, self._predictions, rows if order is None else order[rows])

    def _update(self, head: Head, metric: Any, y: Any, predictions: Any, weight: Any, rows: Any) -> None:
        assert head.formulas is not None
        true = y[rows].reshape(-1, *head.formulas.y_true.shape[1:])
        predicted = predictions[rows].reshape(-1, *head.formulas.y_pred.shape[1:])
        metric.update_state(true, predicted, **({} if weight is None else {"sample_weight": weight[rows]}))


def figure(value: Any) -> Any:
    """A metric's result as a number, or as an array if it is several."""
    array = np.asarray(value)
    return float(array.reshape(())) if array.size == 1 else array
