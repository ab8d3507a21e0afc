"""Lowering: a graph becomes a flat list of instructions, first on named buffers, then bound to memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from densor import _core
from densor.graph.arena import Arena
from densor.graph.buffers import Buffer, View, place, room_for, storage
from densor.graph.node import Node
from densor.graph.penalty import PenaltySum
from densor.graph.tensor import Tensor
from densor.graph.twins import Twins
from densor.graph.variable import Variable

__all__ = ["Constant", "GradientOf", "Instruction", "Lowering", "Reshaped", "seen_as"]

Phase = Literal["begin", "compute", "update"]  # begin: before the first batch of a run


@dataclass(frozen=True)
class GradientOf:
    """The place of a variable's gradient in the arena."""

    variable: Variable


@dataclass(frozen=True, eq=False)
class Constant:
    """An array that programs read where they run, and that nobody changes."""

    array: NDArray[Any]


@dataclass(frozen=True)
class Reshaped:
    """A variable or its gradient, seen by the op under another shape; one size may be -1."""

    value: Variable | GradientOf
    shape: tuple[int, ...]


def seen_as(value: Variable | GradientOf | View, *shape: int) -> Reshaped | View:
    """The same memory under another shape of the same size."""
    return value.reshape(*shape) if isinstance(value, View) else Reshaped(value, shape)


@dataclass(frozen=True)
class Instruction:
    """A native op and its named arguments: views, variables, gradients of variables, or plain values."""

    op: str
    arguments: dict[str, Any]
    phase: Phase

    def views(self) -> Iterator[View]:
        """The views among the arguments."""
        return (value for value in self.values() if isinstance(value, View))

    def values(self) -> Iterator[Any]:
        """The arguments, those in lists too; variables and gradients without the shape that the op sees."""
        lists = (value if isinstance(value, list) else [value] for value in self.arguments.values())
        return (item.value if isinstance(item, Reshaped) else item for items in lists for item in items)

    def __str__(self) -> str:
        return f"{self.op:<28}" + " ".join(
            f"{k}={_label(v)}" for k, v in self.arguments.items() if v is not None
        )


def _label(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_label, value)) + "]"
    if isinstance(value, Variable):
        return value.path
    if isinstance(value, GradientOf):
        return f"d({value.variable.path})"
    if isinstance(value, Reshaped):
        return _label(value.value)
    if isinstance(value, Constant):
        return _label(value.array)
    if isinstance(value, np.ndarray):
        return f"<{value.dtype}{list(value.shape)}>"
    if isinstance(value, _core.Feed):
        return "<feed>"
    return str(value)


class Lowering:
    """Collects the instructions of one program, keeps track of gradients, then binds everything to memory.

    Args:
        rows: rows of the batch; every None in a tensor's shape.
        arena: where the gradients of variables go; a variable that is not in it is frozen.
        device: where the program will run.

    Attributes:
        penalty_sum: where penalties are added to the loss; None where nobody asks for a loss.
        sink_sums: by their outputs, the sinks that add to a sum of their own instead.
        unfenced: how many instructions may follow one another without a barrier; memory is kept for as long.
        gradient_scale: what the gradients of the loss and of penalties are multiplied with.
        masks_rows: no instruction has a number that stands for the rows, or sums over other rows than those of the
            batch: on a device the program may compute batches of fewer rows, too (`_core.Program.masks_rows`).
        changed: variables that instructions of the phase `compute` change.
    """

    def __init__(self, rows: int, arena: Arena | None = None, device: str = "cpu") -> None:
        self.rows = rows
        self.arena = arena
        self.device = device
        self.instructions: list[Instruction] = []
        self.phase: Phase = "compute"
        self.repeats = 1
        self._repeat_from = 0
        self.penalty_sum: PenaltySum | None = None
        self.sink_sums: dict[Tensor, PenaltySum] = {}
        self.gradient_scale = 1.0
        self.masks_rows = True
        self.unfenced = _core.Program.unfenced
        self.changed: set[Variable] = set()
        self._values: dict[Tensor, View] = {}
        self._gradients: dict[Tensor, View] = {}
        self._wanted: set[Tensor] = set()
        self._written: set[Variable] = set()
        self._pending: list[tuple[Tensor | Variable, View]] = []
        self._saved: dict[tuple[Node, str], View] = {}
        self._streams: dict[Node, int] = {}

    def nested(self, rows: int, inputs: Mapping[Tensor, View], wanted: bool) -> Lowering:
        """A lowering of another graph, over `rows` rows, into the same program.

        inputs: where its inputs are. wanted: whether their gradients are.
        """
        self.masks_rows = False
        inner = Lowering(rows, self.arena, self.device)
        inner.instructions, inner.phase = self.instructions, self.phase
        inner._written, inner._values = self._written, dict(inputs)
        inner.changed = self.changed
        inner._wanted.update(inputs if wanted else ())
        return inner

    def sum_of(self, sink: Node) -> PenaltySum | None:
        """Where a sink adds what it adds to the loss; None where nobody asks."""
        return self.sink_sums.get(sink.output, self.penalty_sum)

    # Instructions and buffers

    def emit(self, op: str, **arguments: Any) -> None:
        """Append the native op with arguments named as in `densor._core`."""
        self.instructions.append(Instruction(op, arguments, self.phase))

    def buffer(self, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> View:
        """A new buffer; it is alive from the first to the last instruction that mentions it."""
        return View.new(name, shape, dtype)

    def postpone(self, op: str) -> None:
        """Move the instructions of the op, which nobody reads from, from the phase `compute` to `update`."""
        late = [replace(item, phase="update") for item in self.instructions if item.op == op]
        self.instructions[:] = [item for item in self.instructions if item.op != op] + late

    def repeat(self, count: int) -> None:
        """The instructions of the phase `compute` from here on run `count` times, each time with other noise."""
        self._repeat_from, self.repeats = len(self.instructions), count

    def rewrite(self, replacement: Callable[[Instruction], list[Instruction]]) -> None:
        """Put other instructions in the place of each."""
        parts = [replacement(item) for item in self.instructions]
        self._repeat_from = sum(map(len, parts[: self._repeat_from]))
        self.instructions[:] = [item for part in parts for item in part]

    def stream(self, node: Node) -> int:
        """The noise stream of a node: its order number among the nodes of the program that make noise."""
        return self._streams.setdefault(node, len(self._streams))

    # Forward values

    def shape(self, tensor: Tensor, columns: int | None = None) -> tuple[int, int]:
        """The tensor as a matrix: `columns` defaults to the last axis, all axes before it become rows."""
        columns = tensor.columns if columns is None else columns
        rows = self.rows if tensor.batched else 1
        return (rows * tensor.features // columns if columns else 0, columns)

    def value(self, tensor: Tensor, columns: int | None = None) -> View:
        """The matrix that holds a tensor already computed."""
        return self._values[tensor].reshape(*self.shape(tensor, columns))

    def result(self, tensor: Tensor, columns: int | None = None) -> View:
        """The matrix in which a node computes its output; made on first use."""
        if tensor not in self._values:
            name = tensor.node.stem if tensor.node is not None else tensor.name or "input"
            self._values[tensor] = self.buffer(name, self.shape(tensor), storage(tensor.dtype))
        return self.value(tensor, columns)

    def alias(self, output: Tensor, source: Tensor) -> None:
        """`output` is `source`'s memory under another shape."""
        self._values[output] = self._values[source]

    def save(self, node: Node, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> View:
        """A buffer that the node fills in forward and reads again with `saved` in backward or update."""
        view = self._saved[node, name] = self.buffer(f"{node.stem}.{name}", shape, dtype)
        return view

    def saved(self, node: Node, name: str) -> View:
        """The buffer that `save` made."""
        return self._saved[node, name]

    # Gradients

    def want_gradients(self, nodes: tuple[Node, ...]) -> None:
        """Find the tensors that depend on a variable of the arena; only their gradients are computed."""
        for node in nodes:
            if any(map(self.trains, node.variables)) or any(map(self.wants, node.inputs)):
                self._wanted.add(node.output)

    def wants(self, tensor: Tensor) -> bool:
        """Whether the gradient of the tensor is needed."""
        return tensor in self._wanted

    def trains(self, variable: Variable | None) -> bool:
        """Whether the gradient of the variable is needed."""
        return variable is not None and self.arena is not None and variable in self.arena

    def gradient(self, tensor: Tensor, columns: int | None = None) -> View:
        """The complete gradient of a node's output, as a matrix shaped like its value."""
        return self._gradients[tensor].reshape(*self.shape(tensor, columns))

    def contribution(self, tensor: Tensor, columns: int | None = None) -> View | None:
        """A fresh matrix for what a node adds to the gradient of one input; None if nobody needs it."""
        if not self.wants(tensor):
            return None
        view = self.buffer("d", self.shape(tensor, columns), storage(tensor.dtype))
        self._pending.append((tensor, view))
        return view

    def pass_gradient(self, tensor: Tensor, view: View) -> None:
        """The node adds `view`, unchanged, to the gradient of one input."""
        if self.wants(tensor):
            self._pending.append((tensor, view))

    def scratch_over(self, dy: View) -> View:
        """Scratch shaped like a complete gradient: its own memory, unless somebody else still reads that."""
        return self.buffer("scratch", dy.shape, dy.dtype) if dy.buffer.shared else dy

    def variable_gradient(
        self, variable: Variable | None, shape: tuple[int, ...] | None = None
    ) -> GradientOf | Reshaped | View | None:
        """Where a node writes the gradient of a variable: the arena first, a buffer to be added afterwards.

        shape: under which the op sees the variable, by default its own.
        """
        if variable is None or not self.trains(variable):
            return None
        shape = variable.shape if shape is None else shape
        if variable not in self._written:
            self._written.add(variable)
            gradient = GradientOf(variable)
            return gradient if shape == variable.shape else Reshaped(gradient, shape)
        view = self.buffer("d", shape)
        self._pending.append((variable, view))
        return view

    def gradient_so_far(self, variable: Variable) -> tuple[GradientOf | None, bool]:
        """Where the gradient of a variable is, None if it is frozen, and whether something was written there.

        The caller writes it, or adds to it.
        """
        if not self.trains(variable):
            return None, False
        written = variable in self._written
        self._written.add(variable)
        return GradientOf(variable), written

    def backward(self, nodes: tuple[Node, ...], gradients: Iterable[tuple[Tensor, View]]) -> None:
        """Run the nodes backward from the gradients of the graph's outputs, and from sinks."""
        for output, gradient in gradients:
            self.pass_gradient(output, gradient)
            self._collect()
        for node in reversed(nodes):
            if node.sink or node.output in self._gradients:
                node.backward(self)
                self._collect()

    def _collect(self) -> None:
        uses = [view.buffer for _, view in self._pending]
        for target, view in self._pending:
            view.buffer.shared = view.buffer.shared or uses.count(view.buffer) > 1
            if isinstance(target, Variable):
                sum_so_far = Reshaped(GradientOf(target), (1, target.size))
                self.emit("add", y=sum_so_far, a=sum_so_far, b=view.reshape(1, target.size))
            elif target in self._gradients:
                # Into a fresh buffer, never in place: the old one may be the gradient of another tensor too.
                shape = self.shape(target)
                total = self.buffer("d", shape, storage(target.dtype))
                self.emit("add", y=total, a=self.gradient(target), b=view.reshape(*shape))
                self._gradients[target] = total
            elif view.dtype != storage(target.dtype):
                self._gradients[target] = self.buffer("d", view.shape, storage(target.dtype))
                self.emit("cast", y=self._gradients[target], x=view)
            else:
                self._gradients[target] = view
        self._pending.clear()

    # Memory

    def place(self) -> int:
        """Lay out the buffers by live interval; return the bytes they need together."""
        buffers: dict[Buffer, None] = {}
        for index, instruction in enumerate(self.instructions):
            for view in instruction.views():
                view.buffer.mention(index)
                buffers[view.buffer] = None
        computed = [index for index, item in enumerate(self.instructions) if item.phase == "compute"]
        for buffer in buffers if self.repeats > 1 else ():
            if buffer.first < self._repeat_from <= buffer.last:
                buffer.mention(max(buffer.last, computed[-1]))  # the next repeat reads it again
            elif buffer.last > computed[-1]:
                buffer.first = min(
                    buffer.first, self._repeat_from
                )  # sums over the repeats live through all of them
        return place(buffers, ahead=self.unfenced)

    def bind(self, memory: NDArray[np.uint8] | None = None, twins: Twins | None = None) -> _core.Program:
        """Place the buffers and make the native program; `self.memory` is where they lie then.

        memory: of another program that never runs at the same time; taken if it is large enough.
        twins: of the arrays outside, for a program on the device, which must run inside `twins.run()`.
        """
        size = self.place()
        if memory is None or len(memory) < size:
            memory = room_for(self.rows, size)
        self.memory = memory
        if twins is not None:
            twins.work_in(memory)
            for instruction in self.instructions:
                for value in instruction.arguments.values():
                    _add_twins(value, twins)
            for variable in self.changed:
                twins.view(variable.home, written=True)
        steps: dict[Phase, list[_core.Step]] = {"begin": [], "compute": [], "update": []}
        for instruction in self.instructions:
            arguments = {name: self._bound(value, memory) for name, value in instruction.arguments.items()}
            if twins is not None:
                # A program changes its own memory, sums, which come back anyway, and what it updates.
                updates = instruction.phase == "update"
                arguments = {name: _on_device(value, twins, updates) for name, value in arguments.items()}
            steps[instruction.phase].append(getattr(_core, instruction.op)(**arguments))
        return _core.Program(
            steps["compute"], steps["update"], self._repeat_from, self.repeats, self.unfenced, self.masks_rows,
            steps["begin"],
        )  # fmt: skip

    def _bound(self, value: Any, memory: NDArray[np.uint8]) -> Any:
        if isinstance(value, View):
            return value.bind(memory)
        if isinstance(value, Variable):
            return self.arena.home(value) if self.arena is not None and value in self.arena else value.home
        if isinstance(value, Constant):
            return value.array
        if isinstance(value, GradientOf):
            assert self.arena is not None
            return self.arena.gradient(value.variable)
        if isinstance(value, Reshaped):
            return self._bound(value.value, memory).reshape(value.shape)
        if isinstance(value, list):
            return [self._bound(item, memory) for item in value]
        return value

    def listing(self) -> str:
        """The program as text, one instruction per line: `op argument=buffer[shape]@offset ...`."""
        self.place()
        lines = []
        for phase in ("begin", "compute", "update"):
            found = [f"{i:4} {item}" for i, item in enumerate(self.instructions) if item.phase == phase]
            lines += [phase, *found] if found or phase != "begin" else []
        return "\n".join(lines)


def _add_twins(value: Any, twins: Twins) -> None:
    """Twins of the arrays of an argument that the maker of the twins need not know of."""
    if isinstance(value, list):
        for item in value:
            _add_twins(item, twins)
    elif isinstance(value, Reshaped):
        _add_twins(value.value, twins)
    elif isinstance(value, Constant):
        twins.keep(value.array, filled=True)
    elif isinstance(value, Variable) and value.home not in twins:
        twins.send([value.home], guarded=True)


def _on_device(value: Any, twins: Twins, updates: bool) -> Any:
    """An argument as a device program gets it; arrays without a twin are tables that the host reads."""
    if isinstance(value, list):
        return [_on_device(item, twins, updates) for item in value]
    return twins.view(value, written=updates) if isinstance(value, np.ndarray) and value in twins else value
