"""Predictions: the shortest way from an array to the model's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor.graph import Graph
from densor.graph.structure import packed
from densor.models.loop import Loop, rows_at_once
from densor.models.turn import Turn

__all__ = ["Predictor"]

_FLOAT32 = np.dtype(np.float32)


class Predictor:
    """Runs the inference graph of a model over rows of any number.

    Attributes:
        graph: the traced model.
        features: the shape of one row of its input, if it has one.
        device: where it runs.
    """

    def __init__(self, graph: Graph, device: str = "cpu") -> None:
        self.graph, self.device = graph, device
        self.features: tuple[Any, ...] = graph.inputs[0].shape[1:]
        self._shapes = [tensor.shape[1:] for tensor in graph.outputs]
        self._columns = [tensor.features for tensor in graph.outputs]
        self._one = len(graph.outputs) == 1 and not isinstance(graph.result, dict)
        self._flat = self._one and len(self._shapes[0]) == 1
        self._loop = Loop(graph, scatter=True, device=device)
        self._most = rows_at_once(device)
        self._turn = Turn("predict")
        self._batches = 0  # keys the noise of layers that have some in inference, too

    def __call__(self, arrays: tuple[NDArray[Any], ...]) -> Any:
        """The outputs `(rows, ...)` for checked features, in the form in which the model returns them."""
        rows = arrays[0].shape[0]
        outs = [np.empty((rows, columns), _FLOAT32) for columns in self._columns]
        if rows:
            with self._turn:
                if rows <= self._most:
                    self._loop.run_batch(arrays, outs, rows, self._batches)
                    self._batches += 1
                else:
                    self._batches += self._loop.run_rows(arrays, outs, self._most, self._batches)
        if self._flat:
            return outs[0]
        results = [
            out if len(shape) == 1 else out.reshape(rows, *shape)
            for out, shape in zip(outs, self._shapes, strict=True)
        ]
        return results[0] if self._one else packed(self.graph.result, results)
