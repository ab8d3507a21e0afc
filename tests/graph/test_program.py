"""What a program consists of: phases, options, losses that do not fit, and the listing."""

import numpy as np
import pytest

from densor import ops
from densor.graph import Arena, Feeds, Head, lower_graph
from densor.graph.objective import loss_input
from tests.graph.build import (
    BINARY,
    MSE,
    ONE_HOT,
    SPARSE,
    Loss,
    Metric,
    Optimizer,
    ending,
    execute,
    ops_of,
    traced,
    variable,
)

X = np.random.default_rng(4).uniform(-1, 1, (6, 3))
LABELS = np.array([0, 1, 2, 0, 1, 2])


def classifier(training=True):
    kernel, bias = variable("kernel", 3, 3), variable("bias", 3)
    moving = {
        "moving_mean": variable("mean", 3, trainable=False),
        "moving_variance": variable("variance", 3, low=0.5, trainable=False),
    }

    def model(x):
        x = ops.batch_norm(x, **moving, momentum=0.9) if training else ops.batch_norm_inference(
            x, None, None, *moving.values()
        )  # fmt: skip
        return ops.softmax(ops.dense(x, kernel, bias))

    return traced(model, 3, training), kernel, bias, moving


def lower(graph, **options):
    loss, metrics = options.pop("loss", None), options.pop("metrics", ())
    heads = () if loss is None else ending(loss, metrics)
    totals = np.zeros((2 + len(metrics), 2))
    return lower_graph(graph, 6, feeds=Feeds(), totals=totals, heads=heads, **options)


def test_training_computes_then_updates():
    graph, kernel, bias, _ = classifier()
    lowering = lower(
        graph, loss=SPARSE, metrics=[Metric("sparse")], optimizer=Optimizer(), arena=Arena([kernel, bias])
    )
    assert ops_of(lowering) == [
        "gather",
        "batch_norm_forward",
        "dense_forward",
        "gather",
        "softmax_cross_entropy",
        "accuracy",
    ]  # and no dense_backward: the gradients of the only layer are left to the optimizer
    assert ops_of(lowering, "update") == ["accumulate", "accumulate", "optimizer", "batch_norm_update"]


def test_the_optimizer_gets_flat_arrays_and_who_decays():
    graph, kernel, bias, _ = classifier()
    arena = Arena([kernel, bias], [0.0, 0.0, 0.0])
    optimizer = Optimizer(("momentum",), ("average", "gradient_accumulator"))
    step = lower(graph, loss=SPARSE, optimizer=optimizer, arena=arena).instructions[-2]
    assert step.arguments["parameters"] is arena.parameters
    assert step.arguments["slots"][0] is arena.slots[0]
    assert step.arguments["average"] is arena.slots[1]
    assert step.arguments["accumulator"] is arena.slots[2]
    assert step.arguments["multipliers"] is arena.multipliers
    assert step.arguments["decayed"].tolist() == [1, 0]


def test_an_arena_without_optimizer_only_computes_gradients():
    graph, kernel, _, _ = classifier()
    lowering = lower(graph, loss=SPARSE, arena=Arena([kernel]))
    assert "dense_backward" in ops_of(lowering)
    assert ops_of(lowering, "update") == []


def test_evaluation_has_no_backward():
    graph, *_ = classifier(training=False)
    lowering = lower(graph, loss=SPARSE, metrics=[Metric("sparse")])
    assert not any("backward" in op for op in ops_of(lowering))
    assert lowering.instructions[4].op == "softmax_cross_entropy"
    assert lowering.instructions[4].arguments["dx"] is None


def test_prediction_scatters():
    graph, *_ = classifier(training=False)
    assert ops_of(lower(graph, scatter=True)) == [
        "gather",
        "batch_norm_inference",
        "dense_forward",
        "softmax_forward",
        "scatter",
    ]


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_the_input_of_an_activation_is_kept_only_for_its_gradient(activation):
    first, last = variable("kernel", 3, 4), variable("last", 4, 3)
    graph = traced(lambda x: ops.softmax(ops.dense(ops.dense(x, first, activation=activation), last)), 3)
    options = {"loss": SPARSE, "optimizer": Optimizer()}
    lowerings = [
        lower(graph, scatter=True),
        lower(graph, loss=SPARSE),
        lower(graph, **options, arena=Arena([last])),  # the first layer is frozen
        lower(graph, **options, arena=Arena([first, last])),
    ]
    kept = [
        next(item for item in lowering.instructions if item.op == "dense_forward").arguments["z"] is not None
        for lowering in lowerings
    ]
    assert kept == [False, False, False, True]


def test_statistics_move_only_when_asked():
    graph, _, _, moving = classifier()
    values = {v: v.array.astype(float) for v in graph.variables}
    before = {name: values[v].copy() for name, v in moving.items()}
    execute(graph, X, variables=values)
    assert all(np.array_equal(values[v], before[name]) for name, v in moving.items())
    execute(graph, X, variables=values, update_statistics=True)
    mean, variance = moving["moving_mean"], moving["moving_variance"]
    np.testing.assert_allclose(values[mean], 0.9 * before["moving_mean"] + 0.1 * X.mean(axis=0))
    np.testing.assert_allclose(values[variance], 0.9 * before["moving_variance"] + 0.1 * X.var(axis=0))


def test_metrics_are_accumulated_after_the_loss():
    graph, kernel, bias, _ = classifier()
    metrics = [Metric("sparse"), Metric("categorical")]
    _, totals = execute(graph, X, LABELS, loss=SPARSE, metrics=metrics[:1])
    z = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-3) @ kernel.array + bias.array
    assert totals[1].tolist() == [(z.argmax(axis=1) == LABELS).sum(), 6]
    _, totals = execute(graph, X, np.eye(3)[LABELS], loss=ONE_HOT, metrics=metrics[1:])
    assert totals[1].tolist() == [(z.argmax(axis=1) == LABELS).sum(), 6]


def test_sample_weights_do_not_touch_the_metrics():
    graph, *_ = classifier()
    _, totals = execute(graph, X, LABELS, np.zeros(6), loss=SPARSE, metrics=[Metric("sparse")])
    assert totals[0].tolist() == [0, 6]
    assert totals[1, 0] > 0


def test_smoothed_targets_are_the_loss_alone():
    """The loss sees y * scale + offset, the accuracy the targets as they are."""
    kernel = variable("kernel", 3, 1)
    graph = traced(lambda x: ops.dense(x, kernel, activation="sigmoid"), 3)
    y = (LABELS > 0).astype(float)[:, None]
    smoothed = Loss("sigmoid_cross_entropy", scaling=(0.8, 0.1))
    _, totals = execute(graph, X, y, loss=smoothed, metrics=[Metric("binary")])
    z = X @ kernel.array
    target = 0.8 * y + 0.1
    np.testing.assert_allclose(totals[0, 0], (np.logaddexp(0, z) - z * target).sum(), rtol=1e-6)
    assert totals[1, 0] == ((z > 0) == y).sum()


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_a_threshold_on_probabilities_is_moved_to_the_logits(threshold):
    kernel = variable("kernel", 3, 1)
    graph = traced(lambda x: ops.dense(x, kernel, activation="sigmoid"), 3)
    y = (LABELS > 0).astype(float)[:, None]
    _, totals = execute(graph, X, y, loss=BINARY, metrics=[Metric("binary", threshold)])
    probability = 1 / (1 + np.exp(-X @ kernel.array))
    assert totals[1, 0] == ((probability > threshold) == y).sum()


def test_a_threshold_on_outputs_that_are_logits_stays():
    kernel = variable("kernel", 3, 1)
    graph = traced(lambda x: ops.dense(x, kernel), 3)
    y = (LABELS > 0).astype(float)[:, None]
    loss = Loss("sigmoid_cross_entropy", from_logits=True)
    _, totals = execute(graph, X, y, loss=loss, metrics=[Metric("binary", 0.25)])
    assert totals[1, 0] == ((X @ kernel.array > 0.25) == y).sum()


@pytest.mark.parametrize("stem", ["mean_squared_error", "mean_absolute_error"])
@pytest.mark.parametrize("scatter", [False, True])
def test_differences_are_taken_from_the_predictions_and_not_from_logits(stem, scatter):
    kernel = variable("kernel", 3, 1)
    graph = traced(lambda x: ops.dense(x, kernel, activation="sigmoid"), 3)
    y = (LABELS > 0).astype(float)[:, None]
    _, totals = execute(graph, X, y, loss=BINARY, metrics=[Metric(stem=stem)], scatter=scatter)
    difference = np.abs(1 / (1 + np.exp(-X @ kernel.array)) - y)
    expected = difference**2 if stem == "mean_squared_error" else difference
    np.testing.assert_allclose(totals[1], [expected.sum(), 6])
    np.testing.assert_allclose(totals[0], execute(graph, X, y, loss=BINARY)[1][0])


def test_differences_of_a_regression():
    graph = traced(lambda x: ops.rescale(x, 2.0), 3)
    _, totals = execute(graph, X, X, loss=MSE, metrics=[Metric(stem="mean_absolute_error")])
    np.testing.assert_allclose(totals[1, 0], np.abs(X).mean(axis=1).sum())


def test_a_metric_without_native_operation_is_left_to_the_caller():
    graph, *_ = classifier()
    odd = Metric(stem="", name="odd")
    head = Head(SPARSE, [odd, Metric("sparse")], streamed=[odd])
    lowering = lower_graph(graph, 6, feeds=Feeds(), totals=np.zeros((4, 2)), heads=[head])
    assert ops_of(lowering).count("accumulate") == 2


def test_the_loss_sees_through_identities():
    graph = traced(lambda x: ops.identity(ops.softmax(x)), 3)
    assert ops_of(lower(graph, loss=SPARSE)) == ["gather", "gather", "softmax_cross_entropy", "accumulate"]


def test_loss_and_predictions_in_one_program():
    graph, *_ = classifier(training=False)
    interpreter, totals = execute(graph, X, LABELS, loss=SPARSE, scatter=True)
    (probabilities,) = interpreter.outputs.values()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(totals[0, 0], -np.log(probabilities[range(6), LABELS]).sum())


@pytest.mark.parametrize(("loss", "end"), [(SPARSE, "softmax"), (ONE_HOT, "softmax"), (BINARY, "sigmoid")])
def test_probabilities_that_are_logits_say_what_to_change(loss, end):
    graph = traced(lambda x: ops.dense(x, variable("kernel", 3, 3)), 3)
    message = rf"^compile\(\): argument 'loss': .*ends with {end}: end it with Dense\(.*activation='{end}'"
    with pytest.raises(ValueError, match=message):
        lower(graph, loss=loss)


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (lambda x: ops.sigmoid(x), ONE_HOT),
        (lambda x: ops.softmax(x), BINARY),
        (lambda x: x, Loss(stem="")),
        (lambda x: ops.softmax(ops.reshape(x, (-1, 1, 3))), SPARSE),
    ],
)
def test_a_loss_without_native_operation_needs_a_formula(model, loss):
    assert loss_input(traced(model, 3), loss) is None
    with pytest.raises(ValueError, match=r"no native operation computes Loss at the end of this graph"):
        lower(traced(model, 3), loss=loss)


def test_missing_arguments():
    graph, kernel, *_ = classifier()
    with pytest.raises(ValueError, match="'totals'"):
        lower_graph(graph, 6, feeds=Feeds(), heads=ending(SPARSE))
    with pytest.raises(ValueError, match="'optimizer'"):
        lower(graph, optimizer=Optimizer(), arena=Arena([kernel]))
    with pytest.raises(ValueError, match="'optimizer'"):
        lower(graph, loss=SPARSE, optimizer=Optimizer())


def test_two_dropouts_with_one_seed_have_different_noise_and_repeat_it():
    graph = traced(lambda x: ops.concatenate([ops.dropout(x, 0.5, 1), ops.dropout(x, 0.5, 1)], -1), 64)
    noise = [next(iter(execute(graph, np.ones((2, 64)), step=s)[0].outputs.values())) for s in (0, 0, 1)]
    assert not np.array_equal(noise[0][:, :64], noise[0][:, 64:])
    assert np.array_equal(noise[0], noise[1])
    assert not np.array_equal(noise[0], noise[2])


def test_the_listing_shows_every_instruction_by_phase():
    graph, kernel, bias, _ = classifier()
    listing = (
        lower(graph, loss=SPARSE, optimizer=Optimizer(), arena=Arena([kernel, bias])).listing().splitlines()
    )
    assert listing[0] == "compute"
    assert listing[1].split()[:3] == ["0", "gather", "out=input[6x3]@0"]
    assert "w=kernel bias=bias activation=linear" in listing[3]
    assert "dz=[d[6x3]" in "".join(listing)
    assert listing.index("update") == 6
    assert listing[-1].split()[1] == "batch_norm_update"
