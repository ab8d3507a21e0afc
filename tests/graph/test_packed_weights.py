"""Which kernels are packed when a run begins, and that this changes no bit."""

import numpy as np
import pytest

import densor
from densor import _core, layers, ops
from densor.graph import Arena, Feeds, lower_graph
from tests.graph.build import Loss, Optimizer, ending, ops_of, traced, variable

X = np.random.default_rng(1).uniform(-1, 1, (10, 48)).astype(np.float32)
Y = np.random.default_rng(2).integers(0, 5, 10)


@pytest.fixture(autouse=True)
def units():
    """The model of matrix units; afterwards target, precision and threads are what they were."""
    target, threads = _core.cpu_target(), _core.num_threads()
    _core.set_cpu_target("amx_model")
    _core.set_matmul_precision("x6")
    yield
    _core.set_cpu_target(target)
    _core.set_matmul_precision("highest")
    _core.set_num_threads(threads)


def lowered(function, trained=(), many=True, **options):
    graph = traced(function, 48, training=bool(trained))
    if not trained:
        return lower_graph(graph, 8, feeds=Feeds(), scatter=True, many=many, **options)
    heads = ending(Loss("softmax_cross_entropy", True, "labels"))
    return lower_graph(
        graph, 8, feeds=Feeds(), totals=np.zeros((heads[0].rows, 2)), heads=heads, optimizer=Optimizer(),
        arena=Arena(trained), many=many, **options,
    )  # fmt: skip


def packs(lowering):
    """By the path of each kernel that is packed, in which forms."""
    return {
        item.arguments["w"].path: tuple(form for form in ("forward", "backward") if item.arguments[form])
        for item in lowering.instructions
        if item.op == "dense_pack"
    }


def test_frozen_kernels_are_packed_and_trained_ones_are_not():
    first, frozen, last = variable("first", 48, 40), variable("frozen", 40, 33), variable("last", 33, 5)

    def net(x):
        return ops.dense(ops.dense(ops.dense(x, first), frozen, None, "relu"), last)

    assert packs(lowered(net)) == dict.fromkeys(("first", "frozen", "last"), ("forward",))
    assert packs(lowered(net, [first, last])) == {"frozen": ("forward", "backward")}
    assert packs(lowered(net, [last])) == dict.fromkeys(("first", "frozen"), ("forward",))
    assert packs(lowered(net, [first, frozen, last])) == packs(lowered(net, many=False)) == {}
    assert lowered(net).listing().startswith("begin\n")


def test_a_kernel_of_two_layers_is_packed_once():
    shared = variable("shared", 48, 48)
    lowering = lowered(lambda x: ops.dense(ops.dense(x, shared, None, "tanh"), shared))
    assert packs(lowering) == {"shared": ("forward",)}
    forms = {item.arguments["packed"] for item in lowering.instructions if item.op == "dense_forward"}
    assert len(forms) == 1


def test_what_may_change_in_a_batch_is_not_packed():
    """Spectral normalization divides its kernel while it trains; no optimizer need know of it."""
    inputs = densor.Input((48,))
    normalized = layers.SpectralNormalization(layers.Dense(40))
    model = densor.Model(inputs, layers.Dense(5)(normalized(inputs)))
    last = model.layers[-1].kernel
    model.predict(X, verbose=0)

    def net(x):
        return model(x, training=True)

    lowering = lowered(net, [last])
    assert packs(lowering) == {}
    assert packs(lowered(lambda x: model(x))).keys() == {v.path for v in model.weights if v.name == "kernel"}


def test_packs_live_through_the_whole_program():
    frozen, last = variable("frozen", 48, 40), variable("last", 40, 5)
    lowering = lowered(lambda x: ops.dense(ops.dense(x, frozen), last), [last])
    lowering.place()
    buffers = {view.buffer for item in lowering.instructions for view in item.views()}
    kept = [buffer for buffer in buffers if buffer.name == "packed"]
    assert len(kept) == 1
    for other in buffers - set(kept):
        assert (
            other.offset + other.nbytes <= kept[0].offset or other.offset >= kept[0].offset + kept[0].nbytes
        )
    assert "dense_pack" in ops_of(lowering, "begin")


def model_of(policy="float32", frozen=True):
    densor.utils.set_random_seed(3)
    model = densor.Sequential(
        [
            densor.Input((48,)),
            layers.Dense(64, "relu", dtype=policy),
            layers.Dense(40, "tanh", dtype=policy, trainable=not frozen, name="frozen"),
            layers.Dense(5),
        ]
    )
    model.compile(densor.optimizers.Adam(0.01), densor.losses.SparseCategoricalCrossentropy(True))
    return model


class EveryBatch(densor.callbacks.Callback):
    """A hook, for which every batch is a run of its own, which packs in its products."""

    def on_train_batch_end(self, batch, logs=None):
        pass


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("precision", ["x6", "high", "medium"])
def test_training_has_the_same_bits(precision, policy):
    densor.config.set_bfloat16_emulation(True)
    try:
        _core.set_matmul_precision(precision)
        x, y = np.tile(X, (8, 1)), np.tile(Y, 8)
        results = []
        for threads, callbacks in ((1, [EveryBatch()]), (1, []), (2, []), (3, [])):
            _core.set_num_threads(threads)
            model = model_of(policy)
            model.fit(x, y, batch_size=32, epochs=2, verbose=0, callbacks=callbacks)
            results.append([*model.get_weights(), model.predict(x, batch_size=32, verbose=0)])
        for other in results[1:]:
            for found, expected in zip(other, results[0], strict=True):
                np.testing.assert_array_equal(found, expected)
    finally:
        densor.config.set_bfloat16_emulation(None)


def rows(count):
    return np.random.default_rng(count).uniform(-1, 1, (count, 48)).astype(np.float32)


def test_weights_set_between_runs_count():
    """Many batches of predictions and evaluations, each time with other weights: those of a fresh model."""
    model, x = model_of(frozen=False), rows(1100)
    y = np.arange(len(x)) % 5
    for scale in (1.0, -0.5, 3.0):
        model.set_weights([scale * weight for weight in model.get_weights()])
        fresh = model_of(frozen=False)
        fresh.set_weights(model.get_weights())
        np.testing.assert_array_equal(model.predict(x, verbose=0), fresh.predict(x, verbose=0))
        # A batch at a time no run is of many.
        alone = np.concatenate([model.predict(x[i : i + 100], verbose=0) for i in range(0, len(x), 100)])
        np.testing.assert_array_equal(model.predict(x, verbose=0), alone)
        assert model.evaluate(x, y, batch_size=64, verbose=0) == fresh.evaluate(
            x, y, batch_size=64, verbose=0
        )


def test_a_frozen_kernel_set_in_a_callback_counts():
    x, y = np.tile(X, (8, 1)), np.tile(Y, 8)

    def fitted(*more):
        model = model_of()

        class Change(densor.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                layer = model.get_layer("frozen")
                layer.set_weights([(epoch + 1) * weight for weight in layer.get_weights()])

        model.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[Change(), *more])
        return model.get_weights()

    for found, expected in zip(fitted(), fitted(EveryBatch()), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_layer_that_is_thawed_trains_on():
    x, y = np.tile(X, (8, 1)), np.tile(Y, 8)

    def fitted(callbacks):
        model = model_of()
        model.fit(x, y, batch_size=16, verbose=0, callbacks=callbacks)
        model.get_layer("frozen").trainable = True
        model.compile(densor.optimizers.SGD(0.1), densor.losses.SparseCategoricalCrossentropy(True))
        model.fit(x, y, batch_size=16, verbose=0, callbacks=callbacks)
        return model.get_weights()

    for found, expected in zip(fitted([]), fitted([EveryBatch()]), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_refused_batch_leaves_weights_that_the_next_run_uses():
    x, y = np.tile(X, (8, 1)), np.tile(Y, 8)

    def fitted(callbacks):
        model = model_of()
        wrong = x.copy()
        wrong[40] = 3e38  # the sums of the first layer overflow
        guard = densor.callbacks.TerminateOnNaN()
        model.fit(wrong, y, batch_size=16, shuffle=False, verbose=0, callbacks=[guard, *callbacks])
        model.fit(x, y, batch_size=16, shuffle=False, verbose=0, callbacks=callbacks)
        return model.get_weights()

    for found, expected in zip(fitted([]), fitted([EveryBatch()]), strict=True):
        np.testing.assert_array_equal(found, expected)
