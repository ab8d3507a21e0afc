"""Monte Carlo sampling: what makes no noise runs once per batch, the rest as often as samples are wanted."""

from __future__ import annotations

from collections.abc import Sequence

from densor.graph.fusion import fuse_expressions
from densor.graph.lowering import Lowering
from densor.graph.node import Node
from densor.graph.passes import drop_dead_code, drop_identities, fold_rescaling, fuse_activations, gather_cast
from densor.graph.program import Feeds, gather_inputs
from densor.graph.storage import cast_around_steps
from densor.graph.tensor import Tensor
from densor.graph.trace import Graph

__all__ = ["is_noisy", "lower_samples", "probabilities"]


def is_noisy(graph: Graph) -> bool:
    """Whether the output of the graph depends on noise."""
    _, noisy = _split(drop_dead_code(graph).nodes)
    return any(node.output is graph.outputs[0] for node in noisy)


def probabilities(graph: Graph) -> str | None:
    """What the output's columns are: "one of" as many classes, "independent" probabilities, or None: no such thing."""
    graph = drop_identities(graph)
    for node in graph.nodes:
        if node.output is graph.outputs[0]:
            activation = node.activation_like()
            if node.cross_entropy() == "softmax_cross_entropy":
                return "one of"
            if activation is not None and activation[0] == "sigmoid":
                return "independent"
    return None


def lower_samples(
    graph: Graph, rows: int, samples: int, feeds: Feeds, kind: str | None, device: str = "cpu"
) -> Lowering:
    """Instructions that write mean and deviation over `samples` samples, and the entropy of the mean.

    Args:
        graph: traced with sampling on; its only output depends on noise.
        rows: rows per batch. samples: how often the noisy part runs.
        feeds: the data, and three outputs: mean, standard deviation, entropy.
        kind: from `probabilities`; None leaves the entropy out.
        device: where the program will run.
    """
    graph = drop_identities(graph)
    graph, scales = fold_rescaling(fuse_activations(gather_cast(drop_dead_code(graph))))
    graph = fuse_expressions(graph)
    output = graph.outputs[0]
    still, noisy = _split(graph.nodes)
    lowering = Lowering(rows, device=device)
    lowering.masks_rows = graph.rows_apart
    gather_inputs(lowering, graph, scales, feeds)
    for node in still:
        node.forward(lowering)
    lowering.repeat(samples)
    for node in noisy:
        node.forward(lowering)
    mean, squares = (lowering.buffer(name, lowering.shape(output)) for name in ("mean", "squares"))
    lowering.emit("monte_carlo_accumulate", mean=mean, squares=squares, x=lowering.value(output))
    lowering.phase = "update"
    lowering.emit("monte_carlo_deviation", deviation=squares, squares=squares, samples=samples)
    results = [mean, squares]
    if kind is not None:
        entropy = lowering.buffer("entropy", (lowering.shape(output)[0],))
        lowering.emit("monte_carlo_entropy", entropy=entropy, p=mean, independent=kind == "independent")
        results.append(entropy)
    for view, feed in zip(results, feeds.outputs, strict=False):
        lowering.emit("scatter", feed=feed, x=view.reshape(rows, view.size // rows))
    cast_around_steps(lowering)
    return lowering


def _split(nodes: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The nodes that no noise reaches, and the others; each in order."""
    reached: set[Tensor] = set()
    still: list[Node] = []
    noisy: list[Node] = []
    for node in nodes:
        if node.noisy or any(tensor in reached for tensor in node.inputs):
            reached.add(node.output)
            noisy.append(node)
        else:
            still.append(node)
    return still, noisy
