"""Running a function of symbolic tensors on arrays: traced and compiled once per shape and mode."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph.program import Feeds, compile_graph
from densor.graph.structure import flat, mapped, packed
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph, trace
from densor.graph.twins import settle

__all__ = ["run_eagerly"]

_MOST_PROGRAMS = 32  # per function; enough for the batch sizes of a loop, small enough to forget


class _Compiled:
    """One traced function bound to memory for fixed input shapes."""

    def __init__(self, graph: Graph, rows: int, training: bool) -> None:
        self.feeds = Feeds(len(graph.inputs), len(graph.outputs))
        self.outputs = graph.outputs
        self.result = graph.result
        self.rows = rows
        self.homes = [(variable, variable.home, variable.trainable) for variable in graph.variables]
        sinks = [node for node in graph.nodes if node.sink]
        self.added = [(node.owner, np.zeros(2)) for node in sinks]
        totals = {node.output: sums for node, (_, sums) in zip(sinks, self.added, strict=True)}
        options: dict[str, Any] = {"scatter": True, "update_statistics": training, "sink_totals": totals}
        self.program = compile_graph(graph, rows, feeds=self.feeds, **options) if rows else None

    def valid(self) -> bool:
        """Whether the variables still live where the program reads them, and are frozen or not as they were."""
        return all(v.home is array and v.trainable == trainable for v, array, trainable in self.homes)

    def run(self, arrays: Sequence[NDArray[Any]], step: int) -> list[NDArray[np.float32]]:
        results = [np.empty((self.rows, tensor.features), dtype=np.float32) for tensor in self.outputs]
        if self.program is not None:
            self._run(self.program, arrays, results, step)
        return [
            array.reshape(self.rows, *tensor.shape[1:])
            for array, tensor in zip(results, self.outputs, strict=True)
        ]

    def _run(
        self,
        program: _core.Program,
        arrays: Sequence[NDArray[Any]],
        results: Sequence[NDArray[np.float32]],
        step: int,
    ) -> None:
        settle()
        for _, sums in self.added:
            sums.fill(0.0)
        for feed, array in zip(self.feeds.inputs, arrays, strict=True):
            feed.bind(np.ascontiguousarray(array).reshape(self.rows, -1))
        for feed, array in zip(self.feeds.outputs, results, strict=True):
            feed.bind(array)
        try:
            _core.run(program, None, batches=1, batch_size=self.rows, step=step)
        finally:
            for feed in (*self.feeds.inputs, *self.feeds.outputs):
                feed.clear()
            settle()  # statistics may have moved


class _Runner:
    """The compiled forms of one function, and the step count that makes its noise differ from call to call."""

    def __init__(self) -> None:
        self.compiled: dict[Any, _Compiled] = {}
        self.step = 0
        self.lock = threading.Lock()


_lock = threading.Lock()
_runners: WeakKeyDictionary[Any, _Runner] = WeakKeyDictionary()


def run_eagerly(
    function: Callable[..., Any],
    arrays: Sequence[NDArray[Any]] | Mapping[str, NDArray[Any]],
    training: bool,
    keywords: dict[str, Any] | None = None,
    keep_added: Callable[[list[tuple[Any, float]]], None] | None = None,
    listed: bool = False,
) -> Any:
    """Call a function of symbolic tensors on arrays.

    Args:
        function: as for `trace`; a layer or model, for instance. Its compiled forms live as long as it does.
        arrays: the inputs, each with the batch as first axis; every real dtype that `Feed.bind` takes. A dict of
            them reaches the function as a dict.
        training: the mode; in training mode batch normalization also moves its statistics.
        keywords: further arguments; a compiled form is kept for each combination of their values.
        keep_added: is told what the layers have added to the loss: `(layer, number)` for each term.
        listed: whether a single array reaches the function as a list of one.

    Returns:
        A new float32 array, or a list or dict of them if the function returns several tensors.

    Raises:
        ValueError: the inputs differ in their number of rows.
        TypeError: a keyword argument that is not hashable.
    """
    name = getattr(function, "__name__", type(function).__name__)
    for keyword, value in (keywords or {}).items():
        if not isinstance(value, Hashable):
            kind = type(value).__name__
            raise TypeError(
                f"{name}(): argument '{keyword}': must be hashable beside array inputs, got {kind}"
            )
    rows = [array.shape[0] for array in flat(arrays)]
    if len(set(rows)) > 1:
        raise ValueError(f"{name}(): argument 'inputs': must have the same rows, got {rows}")
    with _lock:
        runner = _runners.setdefault(function, _Runner())
    with runner.lock:
        compiled, result = _run(runner, function, arrays, training, keywords or {}, listed)
        if keep_added is not None:
            keep_added([(owner, float(sums[0])) for owner, sums in compiled.added])
        return result


def _run(
    runner: _Runner,
    function: Callable[..., Any],
    arrays: Sequence[NDArray[Any]] | Mapping[str, NDArray[Any]],
    training: bool,
    keywords: dict[str, Any],
    listed: bool,
) -> tuple[_Compiled, Any]:
    given = flat(arrays)
    rows = given[0].shape[0]
    names = tuple(arrays) if isinstance(arrays, Mapping) else None
    shapes = tuple(array.shape for array in given)
    key = (shapes, names, listed, training, _core.matmul_precision(), tuple(sorted(keywords.items())))
    compiled = runner.compiled.get(key)
    if compiled is None or not compiled.valid():
        inputs = mapped(lambda array: Tensor((None, *array.shape[1:])), arrays)
        graph = trace(function, inputs, training=training, listed=listed, keywords=keywords)
        compiled = _Compiled(graph, rows, training)
        if len(runner.compiled) >= _MOST_PROGRAMS:
            runner.compiled.clear()
        runner.compiled[key] = compiled
    results = compiled.run(given, runner.step)
    runner.step += 1
    several = isinstance(compiled.result, Mapping) or len(results) != 1
    return compiled, packed(compiled.result, results) if several else results[0]
