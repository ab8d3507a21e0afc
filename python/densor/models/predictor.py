"""Predictions: the shortest way from an array to the model's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph import Graph
from densor.models.loop import ROWS_AT_ONCE, Loop
from densor.models.turn import Turn

__all__ = ["Predictor"]


class Predictor:
    """Runs the inference graph of a model over rows of any number.

    Attributes:
        graph: the traced model.
        features: the shape of one row of its input.
    """

    def __init__(self, graph: Graph) -> None:
        if len(graph.outputs) != 1:
            raise ValueError(f"predict(): the model has {len(graph.outputs)} outputs; one is supported")
        self.graph = graph
        self.features: tuple[Any, ...] = graph.inputs[0].shape[1:]
        self._shape: tuple[Any, ...] = graph.outputs[0].shape[1:]
        self._columns = graph.outputs[0].features
        self._loop = Loop(graph, scatter=True)
        self._turn = Turn("predict")
        self._batches = 0  # keys the noise of layers that have some in inference, too

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """The outputs `(rows, ...)` for features `x`, checked by `as_features`."""
        rows = x.shape[0]
        out = np.empty((rows, self._columns), np.float32)
        if rows:
            with self._turn:
                self._run(x, out, rows)
        return out if len(self._shape) == 1 else out.reshape(rows, *self._shape)

    def _run(self, x: NDArray[Any], out: NDArray[np.float32], rows: int) -> None:
        loop, size = self._loop, min(rows, ROWS_AT_ONCE)
        feeds = loop.feeds
        full = loop.program(size)
        last = loop.program(rows % size) if rows % size else None
        feeds.x.bind(x)
        feeds.out.bind(out, True)
        try:
            self._batches += _core.run(
                full, last, batches=-(-rows // size), batch_size=size, step=self._batches
            )
        finally:
            feeds.x.clear()
            feeds.out.clear()
