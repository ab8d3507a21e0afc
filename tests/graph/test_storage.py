"""Activations in bfloat16: what the lowering casts, where, and that the interpreter's roundings are the program's."""

import numpy as np
import pytest

from densor import _core, ops
from densor.graph import Arena, Feeds, lower_graph
from densor.graph.buffers import BFLOAT16
from densor.graph.storage import ALL_OR_NONE, bfloat16_operands
from densor.ops.cast import stored_as
from tests.graph.build import MSE, Loss, ending, execute, gradients, ops_of, output, traced, variable
from tests.ops.native_calls import OUTPUTS

ROWS, FEATURES = 9, 6
X = np.random.default_rng(1).uniform(-1, 1, (ROWS, FEATURES))
W, B, V, C = variable("w", FEATURES, 5), variable("b", 5), variable("v", 5, 5), variable("c", 5, 3)
U = variable("u", 5, 5)
GAMMA, BETA = variable("gamma", 5, low=0.5), variable("beta", 5)
LOGITS = Loss("softmax_cross_entropy", True, "labels")


@pytest.fixture
def units():
    """The CPU's matrix units, or their model."""
    before = _core.cpu_target()
    _core.set_cpu_target("amx_model")
    yield
    _core.set_cpu_target(before)


@pytest.fixture
def no_units():
    before = _core.cpu_target()
    _core.set_cpu_target(next(name for name in _core.cpu_targets() if name != "amx"))
    yield
    _core.set_cpu_target(before)


def model(x):
    """Dense layers, a branch, a fused and an elementwise activation, noise and a normalization."""
    h = ops.dense(stored_as(x, "bfloat16"), W, B, "relu")
    h = ops.layer_norm(h, GAMMA, BETA)
    a = ops.dropout(ops.dense(h, V, None, "gelu"), 0.3, seed=1)
    h = ops.tanh(ops.multiply(a, 2.0) + h)
    return ops.dense(stored_as(h, "float32"), C)


def lowered():
    """The model's forward and backward instructions."""
    graph = traced(model, FEATURES)
    arena = Arena([v for v in graph.variables if v.trainable])
    heads = ending(LOGITS)
    totals = np.zeros((heads[0].rows, 2))
    return lower_graph(graph, ROWS, feeds=Feeds(), totals=totals, heads=heads, arena=arena)


def native(graph, x):
    feeds = Feeds()
    program = lower_graph(graph, len(x), feeds=feeds, scatter=True).bind()
    out = np.empty((len(x), graph.outputs[0].features), np.float32)
    feeds.x.bind(np.ascontiguousarray(x, np.float32))
    feeds.out.bind(out)
    _core.run(program, None, batches=1, batch_size=len(x))
    return out


def named_views(instruction):
    for name, value in instruction.arguments.items():
        for item in value if isinstance(value, list) else [value]:
            if hasattr(item, "buffer"):
                yield name, item


def test_steps_see_float32_and_memory_between_them_bfloat16(no_units):
    """But for the one that rounds what it gathers, and those that have kernels for arrays that are all bfloat16."""
    lowering = lowered()
    assert "cast" in ops_of(lowering)
    seen = set()
    for instruction in lowering.instructions:
        views = list(named_views(instruction))
        for name, view in views:
            if name in ALL_OR_NONE.get(instruction.op, ()):
                assert view.dtype == BFLOAT16, f"{instruction} does not take what is stored"
            elif instruction.op not in ("cast", "gather"):
                assert view.dtype != BFLOAT16, f"{instruction} reads or writes bfloat16"
            first = view.buffer not in seen
            # What is mentioned for the first time is written: by a cast, or as an output of the op.
            assert not first or name in (*OUTPUTS.get(instruction.op, ()), "outputs", "z")
        seen.update(view.buffer for _, view in views)


def test_products_on_matrix_units_take_what_is_stored(units):
    """And write it, whatever the activation, with what its derivative is computed from."""
    taken = [bfloat16_operands(item, "cpu") for item in lowered().instructions if item.op.startswith("dense")]
    relu, gelu, in_float32 = ("x", "y"), ("x", "y", "z"), ()
    assert taken == [relu, gelu, in_float32, in_float32, ("x", "dy", "dx"), ("x", "dy")]


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_between_the_products_of_a_plain_net_nothing_is_cast(units, activation):
    def plain(x):
        h = ops.dense(ops.dense(stored_as(x, "bfloat16"), W, B, activation), V, None, activation)
        return ops.dense(stored_as(ops.dense(h, U), "float32"), C)

    graph = traced(plain, FEATURES)
    arena = Arena([v for v in graph.variables if v.trainable])
    heads = ending(LOGITS)
    lowering = lower_graph(graph, ROWS, feeds=Feeds(), totals=np.zeros((2, 2)), heads=heads, arena=arena)
    # Of what the last layer reads, and of its gradient.
    assert ops_of(lowering).count("cast") == 2
    products = [item.arguments for item in lowering.instructions if item.op == "dense_backward"]
    taken = "relu" if activation == "relu" else None  # the other derivatives are steps of their own
    assert [product.get("below_activation") for product in products] == [None, taken, taken, None]


def test_the_last_of_what_is_copied_dies_with_its_step():
    lowering = lowered()
    lowering.place()
    wide = {
        view.buffer
        for item in lowering.instructions
        for _, view in named_views(item)
        if view.buffer.name == "wide"
    }
    assert wide
    assert all(buffer.last - buffer.first <= 8 for buffer in wide)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "gelu"])
def test_predictions_are_the_interpreter_s(activation):
    graph = traced(
        lambda x: ops.dense(ops.dense(stored_as(x, "bfloat16"), W, B, activation), C),
        FEATURES,
        training=False,
    )
    expected, found = output(graph, X), native(graph, X)
    assert graph.outputs[0].dtype == "bfloat16"
    np.testing.assert_allclose(found, expected, rtol=2**-7, atol=2**-8 * np.abs(expected).max())
    assert (
        np.mean(found == expected.astype(np.float32)) > 0.9
    )  # the others lie near the middle of two numbers


def test_gradients_are_those_of_float32_within_eight_bits():
    y = np.random.default_rng(2).integers(0, 3, ROWS)
    plain = traced(lambda x: ops.dense(ops.dense(x, W, B, "tanh"), C), FEATURES)
    mixed = traced(lambda x: ops.dense(ops.dense(stored_as(x, "bfloat16"), W, B, "tanh"), C), FEATURES)
    exact, rounded = (gradients(graph, X, y, LOGITS)[1] for graph in (plain, mixed))
    for key, gradient in exact.items():
        error = np.linalg.norm(rounded[key] - gradient) / np.linalg.norm(gradient)
        assert 0 < error < 0.02, (key.name, error)


def test_a_sum_of_gradients_is_stored_as_they_are():
    """A tensor that two layers read, one of them in float32."""

    def branches(x):
        h = ops.dense(stored_as(x, "bfloat16"), W, B)
        return stored_as(ops.dense(h, C), "float32") + ops.dense(stored_as(h, "float32"), C)

    y = np.random.default_rng(3).uniform(size=(ROWS, 3))
    plain = traced(lambda x: ops.dense(ops.dense(x, W, B), C) + ops.dense(ops.dense(x, W, B), C), FEATURES)
    found, exact = (gradients(graph, X, y, MSE)[1] for graph in (traced(branches, FEATURES), plain))
    for key in (W, B, C):
        error = np.linalg.norm(found[key] - exact[key]) / np.linalg.norm(exact[key])
        assert error < 0.02, (key.name, error)


def test_inputs_are_gathered_in_the_dtype_that_they_are_cast_to():
    """Rescaled in float32 and rounded once; an input that somebody reads in float32 stays."""
    graph = traced(
        lambda x: ops.dense(ops.rescale(stored_as(x, "bfloat16"), 0.5, 0.1), W), FEATURES, training=False
    )
    lowering = lower_graph(graph, ROWS, feeds=Feeds(), scatter=True)
    assert ops_of(lowering)[0] == "gather"
    assert lowering.instructions[0].arguments["out"].dtype == BFLOAT16
    assert "rescale" not in ops_of(lowering)
    assert lowering.instructions[0].arguments["scale"] == 0.5
    both = traced(
        lambda x: stored_as(ops.dense(stored_as(x, "bfloat16"), W), "float32") + ops.dense(x, W), FEATURES
    )
    expected = execute(traced(lambda x: ops.dense(x, W) + ops.dense(x, W), FEATURES), X)[0]
    found = execute(both, X)[0]
    for got, exact in zip(found.outputs.values(), expected.outputs.values(), strict=True):
        np.testing.assert_allclose(got, exact, atol=0.05)
        assert np.any(got != exact)


def test_a_listing_names_what_is_stored():
    assert "bfloat16]" in lowered().listing()
