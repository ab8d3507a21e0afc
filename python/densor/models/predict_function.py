"""Predictions for batches of one size, again and again: what a server or a control loop calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._check import bad_value
from densor.graph import Variable
from densor.graph.structure import packed
from densor.graph.twins import ahead
from densor.models.loop import Loop
from densor.models.turn import Turn

if TYPE_CHECKING:
    from densor.models.compilable import Compilable
    from densor.models.predictor import Predictor

__all__ = ["PredictFunction"]


class _Brief(NamedTuple):
    """The shortest way: one native call, which takes most arrays where the program is brief. Nothing comes between it
    and the look at what it holds for.
    """

    moves: int  # of variables: since then they are where the program reads them
    predictor: Predictor
    call: _core.BatchCall
    result: Any


class PredictFunction:
    """The model's outputs for exactly `rows` rows; made by `model.predict_fn(rows)`.

    Everything a call needs is made beforehand: the program, the activations and the arrays that come back. It follows
    the model: weights that were trained, loaded or set since count, and so do layers that were added.
    """

    def __init__(self, model: Compilable, rows: int) -> None:
        self.rows = rows
        self._model = model
        self._turn = Turn("predict_fn")
        self._predictor: Any = None
        self._step = 0  # keys the noise of layers that have some in inference, too
        self._prepare()

    def _prepare(self) -> None:
        predictor = self._model._inference()
        graph = predictor.graph
        self._brief: _Brief | None = None
        self._loop = Loop(graph, scatter=True, device=predictor.device)
        columns = [tensor.features for tensor in graph.outputs]
        try:
            self._outs = [np.empty((self.rows, n), np.float32) for n in columns]
        except MemoryError as error:
            raise MemoryError(
                f"predict_fn(): argument 'batch': no room for {self.rows} rows; make it smaller: {error}"
            ) from None
        for feed, out in zip(self._loop.feeds.outputs, self._outs, strict=True):
            feed.bind(out)
        results = [
            out.reshape(self.rows, *tensor.shape[1:])
            for out, tensor in zip(self._outs, graph.outputs, strict=True)
        ]
        one = len(results) == 1 and not isinstance(graph.result, dict)
        self._result: Any = results[0] if one else packed(graph.result, results)
        self._predictor = predictor

    def __call__(self, x: Any) -> Any:
        """The outputs, in arrays that belong to this function: the next call writes them again.

        Args:
            x: features `(rows, ...)`, as for `predict`.

        Returns:
            A float32 array `(rows, ...)`, or a list or dict of them; copy what you keep.

        Raises:
            TypeError, ValueError: bad data, or another number of rows.
            BusyError: another thread is training the model at this moment.
        """
        model = self._model
        if not (model._stepping or ahead):
            predictor, brief = model._inference(), self._brief
            if (
                brief is not None
                and brief.moves == Variable.moves
                and brief.predictor is predictor
                and brief.call(x, self._step)
            ):
                self._step += 1
                return brief.result
        arrays = self._checked(x)
        model._refuse_stepping("predict_fn")
        with self._turn:
            self._brief = None  # nobody passes by while this call uses the memory of the activations
            if model._inference() is not self._predictor:
                self._prepare()
            if self._loop.device == "cpu":
                self._run_on_cpu(arrays)
            else:
                self._loop.run_batch(arrays, self._outs, self.rows, self._step)
            self._step += 1
            return self._result

    def _run_on_cpu(self, arrays: tuple[NDArray[Any], ...]) -> None:
        moves = Variable.moves  # before: what moves while the program runs makes it one of the past
        program, feeds = self._loop.program(self.rows), self._loop.feeds.inputs
        program.run_batch(self.rows, self._step, feeds, arrays)
        if len(feeds) == 1:
            call = _core.BatchCall(program, feeds[0], (self.rows, *self._predictor.features))
            self._brief = _Brief(moves, self._predictor, call, self._result)

    def _checked(self, x: Any) -> tuple[NDArray[Any], ...]:
        arrays = self._model._inputs_form().arrays("predict_fn", x)
        if len(arrays[0]) != self.rows:
            raise bad_value("predict_fn", "x", f"made for {self.rows} rows, got {len(arrays[0])}")
        return arrays
