"""Which gradients are left to the optimizer, and that training has the same bits either way."""

import numpy as np
import pytest

import densor
from densor import _core, ops
from densor.graph import Arena, Feeds, lower_graph, weight_gradient
from tests.graph.build import SPARSE, Optimizer, ending, ops_of, same_bits, traced, variable

ROWS = 6


def lowered(*, rows=ROWS, rule="sgd", mask=False, penalized=(), shared=False, guarded=False, **settings):
    """Two dense layers, softmax and the loss."""
    first, bias, second = variable("kernel", 3, 3), variable("bias", 3), variable("kernel", 3, 3)
    last = first if shared else second

    def model(x):
        return ops.softmax(ops.dense(ops.dense(x, first, bias, activation="relu"), last))

    if penalized:
        first.regularizer = densor.regularizers.L2(0.1)
    arena = Arena([first, bias] if shared else [first, bias, second])
    if mask:
        arena.mask = np.full(len(arena.parameters) // 16, 0xFFFF, np.uint16)
    optimizer = Optimizer()
    optimizer.rule = rule
    for name, value in settings.items():
        setattr(optimizer, name, value)
    lowering = lower_graph(
        traced(model, 3), rows, feeds=Feeds(), totals=np.zeros((2, 2)), heads=ending(SPARSE),
        optimizer=optimizer, arena=arena, penalized=[first] if penalized else (), guarded=guarded,
    )  # fmt: skip
    (step,) = [item for item in lowering.instructions if item.op == "optimizer"]
    return lowering, step.arguments


def test_gradients_that_only_the_optimizer_reads_are_left_to_it():
    """What is left is the product of the second layer, which makes the first one's dz."""
    lowering, arguments = lowered()
    assert arguments["computed"].tolist() == [2, 0, 1]  # as they come, backward
    assert [None if x is None else x.shape for x in arguments["x"]] == [(6, 3), (6, 3), None]
    assert [dz.shape for dz in arguments["dz"]] == [(6, 3)] * 3
    backward = [item for item in lowering.instructions if item.op == "dense_backward"]
    assert [(item.arguments["dw"], item.arguments["dbias"]) for item in backward] == [(None, None)]


def test_a_backward_of_which_nothing_is_left_goes():
    kernel = variable("kernel", 3, 3)
    lowering = lower_graph(
        traced(lambda x: ops.softmax(ops.dense(x, kernel)), 3), ROWS, feeds=Feeds(), totals=np.zeros((2, 2)),
        heads=ending(SPARSE), optimizer=Optimizer(), arena=Arena([kernel]),
    )  # fmt: skip
    assert "dense_backward" not in ops_of(lowering)
    assert ops_of(lowering, "update") == ["accumulate", "optimizer"]


@pytest.mark.parametrize(
    "settings",
    [
        {"clipnorm": 1.0, "rows": 32},  # more rows than the layer has inputs and units
        {"global_clipnorm": 1.0, "rows": 32},
        {"gradient_accumulation_steps": 2},
        {"rule": "lamb"},
        {"mask": True},
        {"rows": weight_gradient._MOST_ROWS + 1},
    ],
    ids=str,
)
def test_whole_gradients_are_stored(settings):
    lowering, arguments = lowered(**settings)
    assert arguments["computed"].tolist() == []
    assert all(
        item.arguments["dw"] is not None for item in lowering.instructions if item.op == "dense_backward"
    )


@pytest.mark.parametrize(("settings", "left"), [({"penalized": True}, [2, 1]), ({"shared": True}, [1])])
def test_gradients_with_another_reader_or_writer_are_stored(settings, left):
    assert lowered(**settings)[1]["computed"].tolist() == left


@pytest.mark.parametrize("clipping", ["clipnorm", "global_clipnorm"])
@pytest.mark.parametrize(("rows", "left"), [(1, [2, 0, 1]), (2, [2, 0, 1]), (3, [])])
def test_with_norms_gradients_of_few_rows_are_left_to_the_optimizer(clipping, rows, left):
    lowering, arguments = lowered(rows=rows, **{clipping: 1.0})
    assert arguments["computed"].tolist() == left
    backward = [item for item in lowering.instructions if item.op == "dense_backward"]
    assert all((item.arguments["dw"] is None) == bool(left) for item in backward)


def guard_of(lowering):
    (guard,) = [item for item in lowering.instructions if item.op == "refuse_nonfinite"]
    return guard.arguments


def test_a_guard_leaves_gradients_to_the_optimizer():
    """It looks at what they are made of, before the optimizer."""
    lowering, arguments = lowered(guarded=True)
    assert ops_of(lowering, "update") == ["accumulate", "refuse_nonfinite", "optimizer"]
    guard = guard_of(lowering)
    assert guard["computed"].tolist() == arguments["computed"].tolist() == [2, 0, 1]
    assert guard["x"] == arguments["x"]
    assert guard["dz"] == arguments["dz"]


@pytest.mark.parametrize(("rows", "known"), [(1, [2, 0, 1]), (ROWS, [])])
def test_stored_gradients_are_known_by_operands_that_are_fewer(rows, known):
    lowering, arguments = lowered(guarded=True, rule="lamb", rows=rows)
    assert arguments["computed"].tolist() == []
    assert guard_of(lowering)["computed"].tolist() == known


@pytest.mark.parametrize(("settings", "known"), [({"penalized": True}, [2, 1]), ({"shared": True}, [1])])
def test_a_guard_reads_gradients_with_another_writer(settings, known):
    lowering, _ = lowered(guarded=True, rows=1, **settings)
    assert guard_of(lowering)["computed"].tolist() == known


def trained(optimizer):
    densor.utils.set_random_seed(3)
    layers = densor.layers
    model = densor.Sequential(
        [
            densor.Input((40,)),
            layers.Dense(130, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(64, activation="gelu", kernel_constraint="max_norm"),
            layers.Dropout(0.2),
            layers.Dense(33, activation="tanh", kernel_regularizer="l1"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    history = model.fit(
        rng.normal(size=(203, 40)), rng.integers(0, 10, 203), epochs=2, batch_size=32, verbose=0
    )
    return [*model.get_weights(), np.array([*history.history.values()])]


@pytest.mark.cpu("gradients that are not stored, which no device has")
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: densor.optimizers.Adam(weight_decay=0.01),
        lambda: densor.optimizers.Nadam(use_ema=True, ema_momentum=0.9, clipvalue=0.1),
        lambda: densor.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    ],
)
@pytest.mark.parametrize("target", [*_core.cpu_targets(), "amx_model"])
def test_training_has_the_bits_of_stored_gradients(monkeypatch, optimizer, target):
    def expected():
        with monkeypatch.context() as patch:
            patch.setattr(weight_gradient, "_MOST_ROWS", 0)
            return trained(optimizer())

    same_bits(target, lambda: trained(optimizer()), expected)


@pytest.mark.cpu("norms of gradients that are not stored, which no device has")
@pytest.mark.parametrize("clipping", [{"clipnorm": 0.05}, {"global_clipnorm": 0.1}], ids=str)
@pytest.mark.parametrize("target", _core.cpu_targets())
def test_training_with_norms_from_operands(monkeypatch, clipping, target):
    """The steps of stored gradients, but for rounding, and the same bits for any number of threads."""

    def run():
        return trained(densor.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.9, **clipping))

    def close_to_stored():
        monkeypatch.setattr(weight_gradient, "_NORM_WORK", 0)
        stored = run()
        monkeypatch.setattr(weight_gradient, "_NORM_WORK", 1000)
        found = run()
        for got, want in zip(found, stored, strict=True):
            np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-5)
        return found

    same_bits(target, run, close_to_stored)
