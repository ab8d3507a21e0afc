"""Native gradients of 56 random models against central differences of their float64 reference.

Depth, widths, activations, batch normalization (some frozen), dropout with its known mask, residual sums,
concatenation, shared layers, fan-out, sample weights and seven losses; the loop has an arena and no
optimizer, so that what is compared is what the optimizer would read.
"""

import numpy as np
import pytest

import densor
from densor import graph
from densor.models.data import Data
from densor.models.loop import Loop
from tests import architectures
from tests.reference import dropout
from tests.reference import model as reference
from tests.tolerances import ERRORS

ROWS, STEP = 9, 3


def trainable(architecture, layer):
    """How many of the layer's leading weights have a gradient."""
    node = next(node for node in architecture.nodes if node.layer == layer)
    if node.kind == "batch_norm":
        return 0 if node.options["frozen"] else 2
    return 2


def masks(architecture):
    """What each dropout keeps: its stream is its number in the graph, its seed the layer's."""
    found, shapes = {}, widths(architecture)
    for index, node in enumerate(architecture.nodes):
        if node.kind == "dropout":
            options = node.options
            found[index] = dropout.kept(
                ROWS, shapes[index], options["rate"], options["seed"], len(found), STEP
            )
    return found


def widths(architecture):
    """Number of columns of every node."""
    found = []
    for node in architecture.nodes:
        inputs = [found[i] for i in node.inputs]
        match node.kind:
            case "input":
                found.append(architecture.features)
            case "dense":
                found.append(node.options["units"])
            case "concatenate":
                found.append(sum(inputs))
            case _:
                found.append(inputs[0])
    return found


def data(architecture, seed):
    rng = np.random.default_rng([9, seed])
    x = rng.standard_normal((ROWS, architecture.features)).astype(np.float32)
    weight = rng.uniform(0.2, 2.0, ROWS).astype(np.float32) if seed % 3 == 0 else None
    return x, architectures.targets(architecture, ROWS, rng), weight


def randomize(model, seed):
    """Weights away from their initial zeros and ones; variances stay positive."""
    rng = np.random.default_rng([11, seed])
    weights = [w + 0.1 * np.abs(rng.standard_normal(w.shape)) for w in model.get_weights()]
    model.set_weights([w.astype(np.float32) for w in weights])


def column(y):
    return y[:, None] if y.ndim == 1 else y


def native(architecture, model, x, y, weight):
    """(loss, gradients by layer) of one batch."""
    traced = graph.trace(model, [graph.Tensor((None, architecture.features), "float32")], training=True)
    arena, loss = graph.Arena(model.trainable_variables, []), architectures.loss_of(architecture, densor)
    head = graph.Head(loss, weighted=weight is not None, target_columns=column(y).shape[1])
    loop = Loop(traced, heads=[head], arena=arena, device=densor.config.device())
    loop.run(Data((x,), (column(y),), (weight,)), ROWS, step=STEP)
    gradients = {
        layer.name: [arena.gradient(v).copy() for v in layer.trainable_variables]
        for layer in model.layers
        if layer.trainable_variables
    }
    return loop.totals[0, 0] / loop.totals[0, 1], gradients


@pytest.mark.parametrize("seed", range(56))
def test_random_architecture(seed):
    architecture = architectures.draw(seed)
    model = architectures.build(architecture, densor)
    randomize(model, seed)
    x, y, weight = data(architecture, seed)
    loss, gradients = native(architecture, model, x, y, weight)

    weights, kept = architectures.weights_of(model), masks(architecture)

    def reference_loss():
        return reference.loss(architecture.nodes, architecture.loss, weights, x, y, weight, True, kept)

    assert loss == pytest.approx(reference_loss(), rel=1e-5, abs=1e-6)
    for layer, arrays in weights.items():
        for number, array in enumerate(arrays[: trainable(architecture, layer)]):
            expected = reference.central_difference(reference_loss, array)
            actual = gradients[layer][number]
            scale = max(1.0, np.abs(expected).max())
            worst = np.abs(actual - expected).max() / scale
            assert worst <= ERRORS["gradient", "float32"], f"{layer}, weight {number}: off by {worst:.2e}"


def test_the_drawn_models_cover_every_kind_of_layer_and_loss():
    drawn = [architectures.draw(seed) for seed in range(56)]
    kinds = {node.kind for architecture in drawn for node in architecture.nodes}
    assert kinds == {
        "input",
        "dense",
        "batch_norm",
        "dropout",
        "activation",
        "add",
        "concatenate",
        "rescaling",
    }
    assert {architecture.loss for architecture in drawn} == set(architectures.LOSSES)
    calls = [[node.layer for node in architecture.nodes] for architecture in drawn]
    assert any(len(set(names)) < len(names) for names in calls), "no shared layer was drawn"
