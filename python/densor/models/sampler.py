"""Monte Carlo dropout: many predictions with dropout on, of which only the sums are kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph import Feeds, Graph, Twins, is_noisy, lower_samples, probabilities
from densor.graph.twins import settle
from densor.models.loop import ROWS_AT_ONCE, lent
from densor.models.turn import Turn

__all__ = ["MonteCarlo", "Sampler"]

Float32 = NDArray[np.float32]


class MonteCarlo(NamedTuple):
    """What `Model.predict_mc` returns.

    mean, std: float32, shaped like predictions: their mean and (population) standard deviation over the samples.
    entropy: float32, without the last axis, in nats: of the mean probabilities; None for other outputs.
    """

    mean: Float32
    std: Float32
    entropy: Float32 | None


class Sampler:
    """Runs the graph of a model with dropout on, `samples` times for every batch, in one native loop.

    Layers before the first dropout run once per batch.

    Attributes:
        device: where it runs.

    Raises:
        ValueError: the model has no dropout that its output depends on.
    """

    def __init__(self, graph: Graph, device: str = "cpu") -> None:
        if len(graph.outputs) != 1:
            raise ValueError(
                f"predict_mc(): the model has {len(graph.outputs)} outputs; one is supported: take "
                "Model(model.inputs, model.outputs[0])"
            )
        if not is_noisy(graph):
            raise ValueError(
                "predict_mc(): the model has no dropout: all samples would be the same; use predict(), or put "
                "Dropout layers before the last one"
            )
        self._graph, self.device = graph, device
        self._twins: Twins | None = None
        self._kind = probabilities(graph)
        self._shape: tuple[Any, ...] = graph.outputs[0].shape[1:]
        self._columns = graph.outputs[0].features
        self._feeds = Feeds(len(graph.inputs), 3)
        self._programs: dict[tuple[int, int, str], _core.Program] = {}
        self._homes: list[Float32] = []
        self._turn = Turn("predict_mc")
        self._steps = 0  # keys the noise: every sample of every batch has its own

    def __call__(self, arrays: tuple[NDArray[Any], ...], samples: int) -> MonteCarlo:
        """Mean, deviation and entropy for checked features."""
        rows, columns = arrays[0].shape[0], self._columns
        mean, deviation = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
        # One entropy for each place of the axes before the last.
        entropy = np.empty((rows, columns // (self._shape[-1] if self._shape else 1)), np.float32)
        if rows:
            with self._turn:
                self._run(arrays, samples, (mean, deviation, entropy))
        shape = (rows, *self._shape)
        return MonteCarlo(
            mean.reshape(shape),
            deviation.reshape(shape),
            None if self._kind is None else entropy.reshape(shape[:-1] if self._shape else (rows,)),
        )

    def _run(self, arrays: tuple[NDArray[Any], ...], samples: int, results: tuple[Float32, ...]) -> None:
        rows = arrays[0].shape[0]
        size = min(rows, ROWS_AT_ONCE)
        full = self._program(size, samples)
        last = self._program(rows % size, samples) if rows % size else None
        batches = -(-rows // size)
        with lent(self._feeds, arrays, results, self._twins):
            _core.run(full, last, batches=batches, batch_size=size, step=self._steps)
        self._steps += batches * samples

    def _program(self, rows: int, samples: int) -> _core.Program:
        if self.device == "cpu":
            settle()
        homes = [variable.home for variable in self._graph.variables]
        if (
            any(new is not old for new, old in zip(homes, self._homes, strict=False))
            or len(self._programs) > 4
        ):
            self._programs.clear()
            self._twins = None
        if self.device != "cpu" and self._twins is None:
            self._twins = Twins()
            self._twins.send(homes, guarded=True)
        self._homes = homes
        key = rows, samples, _core.matmul_precision()
        program = self._programs.get(key)
        if program is None:
            lowering = lower_samples(self._graph, rows, samples, self._feeds, self._kind, self.device)
            program = lowering.bind(twins=self._twins)
            self._programs[key] = program
        return program
