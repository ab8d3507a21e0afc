"""From a graph to a native program: gather, forward, loss and metrics, backward | optimizer, moving statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph.arena import Arena
from densor.graph.chains import chains_on, join_dense_chains, join_narrow_net
from densor.graph.device_fusion import fuse_on_device
from densor.graph.dropout_fusion import fuse_dropout
from densor.graph.fusion import fuse_expressions
from densor.graph.lowering import Lowering
from densor.graph.objective import Head, Objective, loss_input
from densor.graph.packed_weights import pack_weights_once
from densor.graph.passes import drop_dead_code, drop_identities, fold_rescaling, fuse_activations, gather_cast
from densor.graph.penalty import PenaltySum, emit_weight_penalties
from densor.graph.slopes import fuse_slopes
from densor.graph.storage import cast_around_steps
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph
from densor.graph.variable import Variable
from densor.graph.weight_gradient import WeightGradient, known_by_operands, take_weight_gradients

__all__ = ["Feeds", "OptimizerLike", "compile_graph", "compile_trial", "compile_update", "lower_graph"]


# Where the optimizer computes gradients: what they are made of lives until then anyway.
_UNFENCED = 16


class OptimizerLike(Protocol):
    """What the compiler asks of an optimizer."""

    rule: str
    clipvalue: float | None
    clipnorm: float | None
    global_clipnorm: float | None
    slots: tuple[str, ...]
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None

    @property
    def iterations_of_directions(self) -> NDArray[np.float64] | None:
        """The settings by which the rule finds orthogonal directions; None if it does not."""
        ...

    def matrices(self, variables: tuple[Any, ...], /) -> NDArray[np.int64] | None:
        """The shapes of the variables as matrices, for rules that prepare these; else None."""
        ...

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of the arena's slots in their order: those of the rule first."""
        ...

    def decays(self, variable: Any, /) -> bool:
        """Whether weight decay applies to the variable."""
        ...


class Feeds:
    """The slots through which a program sees the caller's arrays: data, targets, sample weights, predictions.

    `x`, `y`, `weight` and `out` are the first of `inputs`, `targets`, `weights` and `outputs`; graphs with several
    have one feed for each. `predicted` are the inputs and the outputs.
    """

    def __init__(self, inputs: int = 1, outputs: int = 1) -> None:
        self.inputs = tuple(_core.Feed() for _ in range(inputs))
        self.outputs = tuple(_core.Feed(writable=True) for _ in range(outputs))
        self.targets = tuple(_core.Feed() for _ in range(outputs))
        self.weights = tuple(_core.Feed() for _ in range(outputs))
        self.predicted = self.inputs + self.outputs

    @property
    def x(self) -> _core.Feed:
        """The data."""
        return self.inputs[0]

    @property
    def y(self) -> _core.Feed:
        """The targets."""
        return self.targets[0]

    @property
    def weight(self) -> _core.Feed:
        """The weights of the rows."""
        return self.weights[0]

    @property
    def out(self) -> _core.Feed:
        """The predictions."""
        return self.outputs[0]


def compile_graph(graph: Graph, rows: int, **options: Any) -> _core.Program:
    """Lower `graph` for batches of exactly `rows` rows and bind it to memory.

    Takes the options of `lower_graph`. The program refers to the variables where they are now: after an
    arena has taken one of them elsewhere it must be compiled again (`Arena.holds` tells).
    """
    return lower_graph(graph, rows, **options).bind()


def compile_update(optimizer: OptimizerLike, arena: Arena) -> _core.Program:
    """The program of an optimizer's step alone, with the gradients that lie in the arena."""
    lowering = Lowering(1, arena)
    lowering.phase = "update"
    _emit_update(lowering, optimizer, arena)
    return lowering.bind()


def compile_trial(optimizer: OptimizerLike, arena: Arena) -> tuple[Arena, _core.Program]:
    """The program of an optimizer's step on copies, which it makes: another arena, whose gradients are the arena's."""
    trial = arena.on_trial()
    lowering = Lowering(1, trial)
    for to, array in zip((trial.parameters, *trial.slots), (arena.parameters, *arena.slots), strict=True):
        lowering.emit("rescale", y=to.reshape(1, -1), x=array.reshape(1, -1), scale=1.0, offset=0.0)
    lowering.phase = "update"
    _emit_update(lowering, optimizer, trial)
    return trial, lowering.bind()


def lower_graph(
    graph: Graph,
    rows: int,
    *,
    feeds: Feeds,
    totals: NDArray[np.float64] | None = None,
    heads: Sequence[Head] = (),
    optimizer: OptimizerLike | None = None,
    arena: Arena | None = None,
    update_statistics: bool | None = None,
    scatter: bool = False,
    penalized: Sequence[Variable] = (),
    penalties: NDArray[np.float64] | None = None,
    sink_totals: Mapping[Tensor, NDArray[np.float64]] | None = None,
    guarded: bool = False,
    device: str = "cpu",
    many: bool = False,
) -> Lowering:
    """Lower `graph` to instructions; `.listing()` of the result prints them, `.bind()` makes the program.

    Args:
        graph: from `trace`, in training mode for training.
        rows: rows per batch.
        feeds: where data, targets and weights come from and predictions go.
        totals: float64 (rows of all heads, 2); needed with heads.
        heads: loss and metrics of each output; none for prediction.
        optimizer: update the arena's parameters at the end of the batch.
        arena: compute the gradients of its variables; without an optimizer that is all.
        update_statistics: move the statistics of batch normalization; default: when there is an optimizer.
        scatter: write the output rows to `feeds.outputs`.
        penalized: variables whose regularizers, if they have one, add to the loss.
        penalties: float64 (2,): the penalties of weights and activations, times the rows, are added to its first
            number (the second one means nothing); None: only their gradients are wanted.
        sink_totals: the same for single sinks, by their outputs; not times the rows. Sinks count where there are
            heads or these.
        guarded: refuse a batch with a loss or gradient that is not finite.
        device: where the program will run.
        many: its runs are of many batches, so that what stays the same in all of them is computed once.

    Raises:
        ValueError: a loss does not fit the end of the graph, or arguments that need each other are missing.
    """
    if heads and totals is None:
        raise ValueError(
            "compile_graph(): argument 'totals': a program with a loss needs an array for its sums"
        )
    if optimizer is not None and (not heads or arena is None):
        raise ValueError("compile_graph(): argument 'optimizer': training needs a loss and an arena")
    graph = drop_identities(graph)
    objectives = [] if totals is None else _objectives(graph, heads, totals, feeds)
    predictions = list(graph.outputs) if scatter or not heads else []
    read = [(objective, name) for objective in objectives for name in objective.tensors]
    graph = _with_formulas(graph, heads)
    ends = [objective.tensors[name] for objective, name in read]
    alive = drop_dead_code(graph, [*predictions, *ends], sinks=bool(heads or sink_totals))
    graph, scales = fold_rescaling(fuse_activations(gather_cast(alive)))
    graph = fuse_expressions(graph)
    # The passes put other tensors in the places of these.
    places = iter(graph.outputs)
    predictions = [next(places) for _ in predictions]
    for objective, name in read:
        objective.tensors[name] = next(places)
    lowering = Lowering(rows, arena, device)
    graph = _with_chains(graph, lowering)
    if optimizer is not None:
        lowering.gradient_scale = optimizer.loss_scale_factor or 1.0
    if penalties is not None:
        lowering.penalty_sum = PenaltySum(penalties, float(rows), by_rows=True)
    lowering.sink_sums = {sink: PenaltySum(sums, 1.0) for sink, sums in (sink_totals or {}).items()}
    lowering.masks_rows = graph.rows_apart
    lowering.want_gradients(graph.nodes)
    for objective in objectives:
        objective.gather(lowering)
    _forward(lowering, graph, scales, feeds)
    if scatter:
        for tensor, feed in zip(predictions, feeds.outputs, strict=False):
            lowering.emit("scatter", feed=feed, x=lowering.value(tensor, tensor.features))
    _learn(lowering, graph, objectives)
    fuse_slopes(lowering)
    if heads:
        emit_weight_penalties(lowering, penalized)
    if optimizer is not None and lowering.repeats == 1:
        lowering.postpone(
            "accumulate"
        )  # a batch that is dropped does not count, and no step waits for the sums
    lowering.phase = "update"
    if optimizer is not None and arena is not None and (arena.variables or guarded):
        losses = [objective.totals[0] for objective in objectives if objective.head.loss is not None]
        if penalties is not None and any(node.sink for node in graph.nodes):
            losses.append(penalties)
        _emit_update(lowering, optimizer, arena, losses if guarded else None)
    if update_statistics or (update_statistics is None and optimizer is not None):
        for node in graph.nodes:
            node.update(lowering)
    fuse_dropout(lowering)
    fuse_on_device(lowering)
    cast_around_steps(lowering)
    if many and device == "cpu":
        pack_weights_once(lowering)
    return lowering


def _with_chains(graph: Graph, lowering: Lowering) -> Graph:
    which = chains_on(lowering.device)
    if which is None:
        return graph
    for node in graph.nodes:
        if node.noisy:
            lowering.stream(node)  # in this order, so that the noise is that of the layers one by one
    return join_dense_chains(graph) if which == "all" else join_narrow_net(graph)


def _with_formulas(graph: Graph, heads: Sequence[Head]) -> Graph:
    """The graph with the nodes of the heads' formulas behind its own."""
    nodes = [
        node
        for head, output in zip(heads, graph.outputs, strict=False)
        if head.formulas is not None
        for node in head.formulas.on(output)
    ]
    return graph.with_nodes([*graph.nodes, *nodes])


def _objectives(
    graph: Graph, heads: Sequence[Head], totals: NDArray[np.float64], feeds: Feeds
) -> list[Objective]:
    found = []
    row = 0
    for index, (head, output) in enumerate(zip(heads, graph.outputs, strict=False)):
        formulas = {} if head.formulas is None else head.formulas.values
        native = None
        if head.loss is not None and head.loss not in formulas:
            native = loss_input(graph, head.loss, index)
            if native is None:
                name = type(head.loss).__name__
                raise ValueError(
                    f"compile_graph(): argument 'heads': no native operation computes {name} at the end of this "
                    "graph, and there is no formula for it"
                )
        if not head.idle:
            end, on_logits = native or (output, False)
            tensors = head.tensors(output, end)
            mine = totals[row : row + head.rows]
            found.append(
                Objective(head, tensors, on_logits, mine, feeds.targets[index], feeds.weights[index])
            )
        row += head.rows
    return found


def _forward(lowering: Lowering, graph: Graph, scales: Sequence[tuple[float, float]], feeds: Feeds) -> None:
    gather_inputs(lowering, graph, scales, feeds)
    for node in graph.nodes:
        node.forward(lowering)


def gather_inputs(
    lowering: Lowering, graph: Graph, scales: Sequence[tuple[float, float]], feeds: Feeds
) -> None:
    """Bring the batch's rows of every input in, rescaled."""
    for tensor, feed, (scale, offset) in zip(graph.inputs, feeds.inputs, scales, strict=True):
        out = lowering.result(tensor, tensor.features)
        lowering.emit("gather", out=out, feed=feed, scale=scale, offset=offset)


def _learn(lowering: Lowering, graph: Graph, objectives: Sequence[Objective]) -> None:
    gradients = [objective.emit(lowering) for objective in objectives]
    lowering.backward(graph.nodes, [gradient for gradient in gradients if gradient is not None])


def _emit_update(
    lowering: Lowering,
    optimizer: OptimizerLike,
    arena: Arena,
    guarded: list[NDArray[np.float64]] | None = None,
) -> None:
    """The optimizer's step; before it, where there are sums of losses to guard, a look at them and the gradients."""
    decayed = [optimizer.decays(variable) for variable in arena.variables]
    state = dict(zip(optimizer.state_names, arena.slots, strict=True))
    computed = take_weight_gradients(lowering, optimizer, arena)
    if computed:
        lowering.unfenced = _UNFENCED
    if guarded is not None:
        known = [*computed, *known_by_operands(lowering)]
        lowering.emit(
            "refuse_nonfinite",
            totals=guarded,
            gradients=arena.gradients,
            segments=arena.segments,
            **_operands(arena, known),
        )
    lowering.emit(
        "optimizer",
        parameters=arena.parameters,
        gradients=arena.gradients,
        slots=[state[name] for name in optimizer.slots],
        segments=arena.segments,
        decayed=np.array(decayed, dtype=np.uint8),
        rule=optimizer.rule,
        clipvalue=optimizer.clipvalue,
        clipnorm=optimizer.clipnorm,
        global_clipnorm=optimizer.global_clipnorm,
        average=state.get("average"),
        accumulator=state.get("gradient_accumulator"),
        accumulation_steps=optimizer.gradient_accumulation_steps or 1,
        mask=arena.mask,
        multipliers=arena.multipliers,
        scale=1.0 / lowering.gradient_scale,
        matrices=optimizer.matrices(arena.variables),
        iterations=optimizer.iterations_of_directions,
        **_operands(arena, computed),
    )
    for variable in arena.variables:
        if variable.constraint is not None:
            variable.constraint.emit(lowering, variable)


def _operands(arena: Arena, gradients: Sequence[WeightGradient]) -> dict[str, Any]:
    """The gradients as arguments of an op: whose they are, and what they are made of."""
    return {
        "computed": np.array([arena.variables.index(item.variable) for item in gradients], dtype=np.int64),
        "x": [item.x for item in gradients],
        "dz": [item.dz for item in gradients],
    }
