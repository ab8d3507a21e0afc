"""Many batches as the phases of one kernel: the weights of the CPU, for every net whose steps can be phases."""

import numpy as np
import pytest

import densor as keras
from densor.errors import NonFiniteError
from tests.cuda.models import assert_same, classifier, data, needs_device, threads_in
from tests.ops.harness import CUDA, TARGETS, _core, on_target

pytestmark = needs_device
BATCH = 16


@pytest.fixture(autouse=True)
def steps():
    _core.set_device_steps("persistent")
    yield
    _core.set_device_steps("auto")


def dense():
    return [keras.layers.Dense(33, activation="relu"), keras.layers.Dense(17, activation="selu")]


def dropping():
    return [keras.layers.Dense(40, activation="tanh"), keras.layers.Dropout(0.4), keras.layers.Dense(300)]


def dropping_on_the_way():
    """Products that drop out what they have: few terms, many, and more than one tile."""
    relu = {"activation": "relu", "kernel_initializer": "he_normal"}
    return [
        keras.layers.Dense(300, **relu),
        keras.layers.Dropout(0.4),
        keras.layers.Dense(45, **relu),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(20),
        keras.layers.Dropout(0.1),
    ]


def fitted(device, layers=dense, x=None, y=None, optimizer="adam", rows=130, batch=BATCH, **options):
    optimizer = optimizer() if callable(optimizer) else optimizer
    given = data(rows)
    x, y = (given[0] if x is None else x), (given[1] if y is None else y)
    model = classifier(device, optimizer, layers, **options)
    history = model.fit(x, y, epochs=3, batch_size=batch, verbose=0).history
    return model.get_weights(), history, np.atleast_1d(model.evaluate(x, y, batch_size=batch, verbose=0))


def kernels_of(*arguments, **options):
    """What a fit launches, and its result."""
    _core.emulated_traffic()
    found = fitted("cuda", *arguments, **options)
    return _core.emulated_traffic(), found


def check(*arguments, **options):
    """Phases ran, and gave the results of the CPU."""
    wanted = fitted("cpu", *arguments, **options)
    for order in TARGETS:
        with threads_in(order):
            traffic, found = kernels_of(*arguments, **options)
        assert_same(found, wanted, order)
        if CUDA == "host":
            assert traffic["captures"] == 0
            # An epoch has eight whole batches in one kernel, and the launches of a part of one.
            assert 0 < traffic["kernels"] < 3 * (1 + 40) + 20


def normed():
    """Normalization behind a product, with relu, dropout and both of them in one pass, and with nothing."""
    return [
        keras.layers.Dense(40, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(33, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("elu"),
        keras.layers.Dense(140, activation="relu"),
        keras.layers.BatchNormalization(scale=False),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(17, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
    ]


@pytest.mark.parametrize("layers", [dense, dropping, dropping_on_the_way, normed, list])
def test_nets_follow_the_trajectory_of_the_cpu(layers):
    check(layers)


@pytest.mark.parametrize(
    "optimizer", ["sgd", "adam", "nadam", "rmsprop", "adagrad", "adadelta", "ftrl", "lion", "adamax", "lamb"]
)
def test_optimizers(optimizer):
    check(dense, optimizer=optimizer)


def test_what_muon_trains_by_adamw_alone():
    check(
        dense, optimizer=lambda: keras.optimizers.Muon(0.01, exclude_layers=["dense"], adam_weight_decay=0.1)
    )


CLIPPED = {
    "each gradient": lambda: keras.optimizers.Adam(clipnorm=0.1),
    "all gradients": lambda: keras.optimizers.Adam(global_clipnorm=0.2),
    "scaled gradients": lambda: keras.optimizers.SGD(0.05, clipnorm=0.2, loss_scale_factor=8.0),
    "accumulated gradients": lambda: keras.optimizers.SGD(
        0.05, global_clipnorm=0.5, gradient_accumulation_steps=3
    ),
    "an average": lambda: keras.optimizers.Adam(
        global_clipnorm=0.2, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=5
    ),
}


@pytest.mark.parametrize("name", CLIPPED)
def test_clipping_by_norms(name):
    check(dropping, optimizer=CLIPPED[name])


def test_accumulated_gradients():
    check(dense, optimizer=lambda: keras.optimizers.Adam(gradient_accumulation_steps=3))


@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("frozen", [0, 1])
def test_norms_leave_out_what_is_frozen(order, frozen):
    """A kernel of several chunks beside small ones, one of them frozen: its gradient counts for nothing."""
    x, y = data(4 * BATCH, features=140)

    def run(device):
        keras.utils.set_random_seed(5)
        layers = [keras.layers.Dense(n, activation="tanh") for n in (64, 9, 3)]
        layers[frozen].trainable = False
        model = keras.Sequential([keras.Input((140,)), *layers])
        model.compile(keras.optimizers.SGD(0.5, global_clipnorm=0.3), "mse", device=device)
        model.fit(x, np.eye(3, dtype=np.float32)[y], epochs=2, batch_size=BATCH, verbose=0)
        return model.get_weights()

    wanted = run("cpu")
    with threads_in(order):
        assert_same(run("cuda"), wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_features_of_other_dtypes(dtype):
    x = (10 * data(130)[0] + 40).clip(0, 255).astype(dtype)
    check(lambda: [keras.layers.Rescaling(1 / 255), *dense()], x=x)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_of_other_dtypes(dtype):
    check(y=data(130)[1].astype(dtype))


@pytest.mark.parametrize("loss", ["mse", "mae", "binary_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize("columns", [1, 3])
def test_losses(loss, columns):
    x, labels = data(130)
    y = np.eye(3, dtype=np.float32)[labels][:, :columns]
    ends = {
        "mse": "linear",
        "mae": "linear",
        "binary_crossentropy": "sigmoid",
        "categorical_crossentropy": "softmax",
    }

    def run(device):
        keras.utils.set_random_seed(3)
        layers = [
            keras.layers.Dense(9, activation="relu"),
            keras.layers.Dense(columns, activation=ends[loss]),
        ]
        model = keras.Sequential([keras.Input((20,)), *layers])
        metrics = ["mae"] if loss in ("mse", "mae") else ["accuracy"]
        model.compile("adam", loss, metrics=metrics, device=device)
        history = model.fit(
            x, y, epochs=2, batch_size=BATCH, verbose=0, sample_weight=np.linspace(0, 2, 130)
        ).history
        return model.get_weights(), history

    follow(run)


def follow(run):
    """What `run(device)` returns is that of the CPU, and phases ran."""
    wanted = run("cpu")
    for order in TARGETS:
        with threads_in(order):
            _core.emulated_traffic()
            assert_same(run("cuda"), wanted, order)
            assert _core.emulated_traffic()["captures"] == 0


@pytest.mark.parametrize("kind", ["add", "concatenate"])
def test_branches(kind):
    x, y = data(6 * BATCH)

    def run(device):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((20,))
        h = keras.layers.Dense(20, activation="tanh")(inputs)
        joined = (
            keras.layers.Add()([h, inputs]) if kind == "add" else keras.layers.Concatenate()([h, inputs, h])
        )
        model = keras.Model(inputs, keras.layers.Dense(3)(joined))
        model.compile("sgd", "mse", device=device)
        model.fit(x, np.eye(3, dtype=np.float32)[y], epochs=2, batch_size=BATCH, verbose=0)
        return model.get_weights(), model.predict(x, verbose=0)

    follow(run)


def test_penalties_constraints_and_standardized_features():
    def layers():
        return [
            keras.layers.Normalization(mean=0.3, variance=2.0),
            keras.layers.Dense(33, activation="relu", kernel_regularizer="l2", bias_regularizer="l1"),
            keras.layers.Dense(17, kernel_regularizer="l1l2", kernel_constraint="max_norm"),
        ]

    check(layers, optimizer=lambda: keras.optimizers.SGD(0.05))


def test_both_orders_have_the_same_bits_and_so_does_a_second_run():
    found = []
    for order in (*TARGETS, TARGETS[0]):
        with threads_in(order):
            found.append(fitted("cuda", dropping))
    for other in found[1:]:
        assert_same(other, found[0], rtol=0, atol=0)


def test_normalization_and_clipping():
    check(normed, optimizer=CLIPPED["all gradients"])


@pytest.mark.skipif(CUDA != "host", reason="counts of the emulated device")
def test_what_cannot_be_a_phase_runs_as_a_graph():
    def layers():
        return [keras.layers.Dense(9), keras.layers.LayerNormalization()]

    with threads_in("ascending"):
        traffic, found = kernels_of(layers)
        assert traffic["captures"] == 3
        _core.set_device_steps("graph")
        assert_same(found, fitted("cuda", layers), rtol=0, atol=0)


@pytest.mark.parametrize("order", TARGETS)
def test_many_launches_go_on_where_the_last_one_ended(order):
    """More batches than a launch has; the counter of meetings goes on."""
    x, y = data(2 * 150 + 1)

    def run(device):
        model = classifier(device, layers=list)
        model.fit(x, y, batch_size=2, verbose=0, shuffle=False)
        return model.get_weights()

    wanted = run("cpu")
    with threads_in(order):
        assert_same(run("cuda"), wanted)


@pytest.mark.parametrize("layers", [dense, normed])
def test_batches_of_more_rows_than_a_block_has_threads(layers):
    check(layers, rows=910, batch=300)


def test_constraints_of_vectors_along_rows():
    def layers():
        limit = keras.constraints.MaxNorm(0.4, axis=1)
        return [
            keras.layers.Dense(33, activation="relu", kernel_constraint=limit, bias_constraint="max_norm")
        ]

    check(layers)


@pytest.mark.parametrize(
    ("layers", "optimizer"),
    [
        (dense, lambda: "adam"),
        (normed, lambda: keras.optimizers.Lamb(0.01, global_clipnorm=1.0)),
        (normed, lambda: keras.optimizers.SGD(0.01, use_ema=True, clipnorm=0.5)),
    ],
)
@pytest.mark.parametrize("order", TARGETS)
def test_a_batch_that_is_not_finite_is_refused_all_the_same(order, layers, optimizer):
    x, y = data(130)
    with threads_in(order):
        model = classifier("cuda", optimizer(), layers)
        model.fit(x[:32], y[:32], batch_size=BATCH, verbose=0)
        before = model.get_weights()
        x[5] = 3e38
        guard = keras.callbacks.TerminateOnNaN(raise_error=True)
        _core.emulated_traffic()
        with pytest.raises(NonFiniteError, match="batch 0"):
            model.fit(x, y, batch_size=BATCH, verbose=0, shuffle=False, callbacks=[guard])
        assert _core.emulated_traffic()["captures"] == 0
        assert_same(model.get_weights(), before, rtol=0, atol=0)
        assert model.optimizer.iterations == 2


@pytest.mark.skipif(CUDA != "host", reason="arrays of the host as device memory")
@pytest.mark.parametrize("target", TARGETS)
def test_blocks_meet_where_a_phase_touches_what_another_one_wrote(target):
    x, w, other = np.ones((40, 20), np.float32), np.ones((20, 70), np.float32), np.ones((70, 5), np.float32)
    y, z, sums = np.zeros((40, 70), np.float32), np.zeros((40, 5), np.float32), np.zeros((1, 20), np.float32)
    with on_target(target):
        forward = _core.dense_forward(y, None, x, w, None, "tanh", 0.0)
        apart = _core.column_sum(sums, x)
        second = _core.dense_forward(z, None, y, other, None, "relu", 0.0)
        program = _core.Program([forward, apart, second], [])
        assert program.phases(40).splitlines() == [
            "| multiply 2x3",  # 40 x 70 in tiles of 32 x 32: 20 terms are few
            "  column_sum 1x1",  # of other arrays
            "| multiply 3x1",  # reads what the first made, activated; 70 terms, tiles of 16 x 8
            "  next_batch 1x1",  # nobody beside it reads the batch
        ]
        assert "no phase" in _core.Program([_core.softmax_forward(x, x + 1)], []).phases(40)


def test_names_of_the_setting():
    with pytest.raises(ValueError, match=r"set_device_steps\(\): argument 'value'"):
        _core.set_device_steps("other")
    assert _core.device_steps() == "persistent"
