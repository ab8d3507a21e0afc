"""What the graph tests share: variables with values, losses and optimizers as the compiler sees them, one call."""

from dataclasses import dataclass

import numpy as np

from densor import _core
from densor.graph import Arena, Feeds, Head, Tensor, Variable, lower_graph, trace
from tests.graph.interpreter import Interpreter
from tests.on_device import DEVICE


@dataclass(frozen=True)
class Loss:
    stem: str = "mean_squared_error"
    from_logits: bool = False
    target_kind: str = "values"
    reduction: str = "sum_over_batch_size"
    scaling: tuple = (1.0, 0.0)

    def target_scaling(self, columns):
        return self.scaling


@dataclass(frozen=True)
class Metric:
    kind: str = ""
    threshold: float = 0.5
    stem: str = "accuracy"
    name: str = "metric"


class Optimizer:
    rule = "sgd"
    clipvalue = clipnorm = global_clipnorm = loss_scale_factor = gradient_accumulation_steps = None

    def __init__(self, slots=(), more=()):
        self.slots, self.state_names = slots, (*slots, *more)

    iterations_of_directions = None

    def matrices(self, variables):
        return None

    def decays(self, variable):
        return variable.name == "kernel"


MSE = Loss()
SPARSE = Loss("softmax_cross_entropy", target_kind="labels")
ONE_HOT = Loss("softmax_cross_entropy", target_kind="one_hot")
BINARY = Loss("sigmoid_cross_entropy")
TARGETS = [DEVICE] if DEVICE else _core.cpu_targets()  # of `same_bits`


def variable(name, *shape, low=-1.0, trainable=True):
    """A variable with values that depend on its name and shape only."""
    rng = np.random.default_rng([len(shape), *map(ord, name), *shape])
    return Variable(rng.uniform(low, 1.5, shape), name, trainable)


def traced(function, features, training=True):
    shape = features if isinstance(features, tuple) else (features,)
    return trace(function, [Tensor((None, *shape))], training=training)


def ops_of(lowering, phase="compute"):
    return [instruction.op for instruction in lowering.instructions if instruction.phase == phase]


def ending(loss, metrics=(), weighted=False, target_columns=1, formulas=None):
    """The heads of a graph with one output."""
    return [Head(loss, metrics, weighted=weighted, target_columns=target_columns, formulas=formulas)]


def execute(graph, x, y=None, weight=None, variables=None, step=0, **options):
    """Lowers and interprets a graph in float64; (interpreter, totals)."""
    feeds = Feeds(len(graph.inputs), len(graph.outputs))
    loss, metrics, formulas = (options.pop(name, None) for name in ("loss", "metrics", "formulas"))
    columns = y.shape[1] if y is not None and y.ndim == 2 and loss.target_kind != "labels" else 1
    options.setdefault("scatter", loss is None)
    heads, totals = (
        () if loss is None else ending(loss, metrics or (), weight is not None, columns, formulas),
        None,
    )
    if heads:
        totals = np.zeros((heads[0].rows, 2))
        options["penalties"] = np.zeros(2)
    lowering = lower_graph(graph, len(x), feeds=feeds, totals=totals, heads=heads, **options)
    values = variables or {v: v.array.astype(np.float64) for v in graph.variables}
    data = {feeds.x: x, feeds.y: y, feeds.weight: weight}
    interpreter = Interpreter(lowering, data, values, step).run()
    if heads:
        totals[0, 0] += options["penalties"][0]  # one output: its loss is the loss
    return interpreter, totals


def output(graph, x, **options):
    """The single output of a graph, in float64."""
    (result,) = execute(graph, x, **options)[0].outputs.values()
    return result.reshape(len(x), *graph.outputs[0].shape[1:])


def gradients(graph, x, y, loss, weight=None, variables=None, formulas=None):
    """(loss, gradients by variable) in float64."""
    arena = Arena([v for v in graph.variables if v.trainable], [])
    interpreter, totals = execute(graph, x, y, weight, variables, loss=loss, arena=arena, formulas=formulas)
    return totals[0, 0] / totals[0, 1], interpreter.gradients


def check_gradients(function, features, y, loss, weight=None, step=1e-6, formulas=None):
    """The graph's gradients against central differences of its own loss, in float64; returns the graph."""
    graph = traced(function, features)
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, (len(y), *graph.inputs[0].shape[1:]))
    values = {v: v.array.astype(np.float64) for v in graph.variables}
    found = gradients(graph, x, y, loss, weight, values, formulas)[1]
    assert set(found) == {v for v in graph.variables if v.trainable}
    for var, gradient in found.items():
        flat = values[var].reshape(-1)
        for index in range(flat.size):
            before, difference = flat[index], 0.0
            for sign in (1, -1):
                flat[index] = before + sign * step
                totals = execute(graph, x, y, weight, values, loss=loss, formulas=formulas)[1]
                difference += sign * totals[0, 0] / len(y)
            flat[index] = before
            np.testing.assert_allclose(
                gradient.reshape(-1)[index],
                difference / (2 * step),
                rtol=1e-5,
                atol=1e-8,
                err_msg=f"{var.name}[{index}]",
            )
    return graph


def same_bits(target, train, expected):
    """`train()` has the bits of `expected()`, which is called first: on a CPU target for 1 to 3 threads."""
    threads, before = _core.num_threads(), _core.cpu_target()
    try:
        if target != DEVICE:
            _core.set_cpu_target(target)
        wanted = expected()
        for count in (1, 2, 3) if target != DEVICE else (threads,):
            _core.set_num_threads(count)
            for one, other in zip(train(), wanted, strict=True):
                np.testing.assert_array_equal(one, other, f"{count} threads")
    finally:
        _core.set_num_threads(threads)
        _core.set_cpu_target(before)
