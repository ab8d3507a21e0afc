"""Steps that do something for one another on the device: which do, and that models train as on the CPU."""

import numpy as np
import pytest

import densor as keras
from densor import _core, ops
from densor.graph import Arena, Feeds, lower_graph
from tests.cuda.models import assert_same, classifier, data, needs_device, on_both, threads_in
from tests.graph.build import SPARSE, Metric, Optimizer, ending, ops_of, traced, variable
from tests.ops.harness import EMULATED, TARGETS, choose

pytestmark = needs_device
ROWS, WIDTH = 40, 20


@pytest.fixture
def device():
    """On it layers stay apart: a chain of them has no products of its own."""
    _core.set_device_chains(False)
    with threads_in(TARGETS[0]):
        yield
    _core.set_device_chains(True)


def lowered(model, variables, rows=ROWS, mask=False, penalized=(), metrics=(), **settings):
    """The instructions of a training step on the device."""
    arena = Arena(variables)
    if mask:
        arena.mask = np.full(len(arena.parameters) // 16, 0xFFFF, np.uint16)
    optimizer = Optimizer()
    for name, value in settings.items():
        setattr(optimizer, name, value)
    return lower_graph(
        traced(model, WIDTH), rows, feeds=Feeds(), totals=np.zeros((2 + len(metrics), 2)),
        heads=ending(SPARSE, metrics), optimizer=optimizer, arena=arena, penalized=penalized, device="cuda",
    )  # fmt: skip


def only(lowering, op):
    (found,) = [item.arguments for item in lowering.instructions if item.op == op]
    return found


class Net:
    """dense, batch_norm, activation, dropout, dense; what is between can be read by others."""

    def __init__(self, activation="relu", dense="linear", rate=0.3, between=None, kind=ops.dropout):
        self.kernel, self.last = variable("kernel", WIDTH, 36), variable("last", 36, 3)
        self.gamma, self.beta = variable("gamma", 36), variable("beta", 36)
        self.activation, self.dense, self.rate, self.between, self.kind = (
            activation,
            dense,
            rate,
            between,
            kind,
        )
        self.variables = [self.kernel, self.gamma, self.beta, self.last]

    def __call__(self, x):
        h = ops.dense(x, self.kernel, activation=self.dense)
        y = ops.activation(ops.batch_norm(h, self.gamma, self.beta), self.activation)
        z = self.kind(y, self.rate, seed=1)
        if self.between is not None:
            z = ops.add(z, {"input": h, "output": y}[self.between])
        return ops.softmax(ops.dense(z, self.last))


@pytest.mark.usefixtures("device")
class TestRules:
    def test_one_pass_for_normalization_activation_and_dropout(self):
        net = Net()
        lowering = lowered(net, net.variables)
        assert "dropout_forward" not in ops_of(lowering)
        forward = only(lowering, "batch_norm_forward")
        assert forward["rate"] == 0.3
        # The product of the layer above multiplies its gradient by what the bits say.
        (product,) = [
            item.arguments
            for item in lowering.instructions
            if item.op == "dense_backward" and item.arguments.get("below_mask") is not None
        ]
        assert product["below_mask"] is forward["mask"]
        assert (product["below_saved"], product["below_activation"]) == (None, "linear")
        assert only(lowering, "batch_norm_backward")["activation"] == "linear"

    @pytest.mark.parametrize(
        "options",
        [{"activation": "tanh"}, {"between": "output"}, {"kind": ops.alpha_dropout}],
        ids=["an activation of which a bit does not tell", "another reader", "alpha dropout"],
    )
    def test_what_stays_two_passes(self, options):
        net = Net(**options)
        lowering = lowered(net, net.variables)
        assert "dropout_forward" in ops_of(lowering)
        assert only(lowering, "batch_norm_forward").get("mask") is None

    def test_two_normalizations_of_the_same_tensor_keep_their_own_gradients(self):
        kernel, last = variable("kernel", WIDTH, 36), variable("last", 36, 3)
        gammas = [variable("gamma", 36), variable("other", 36)]

        def model(x):
            h = ops.dense(x, kernel)
            one, other = (ops.dropout(ops.batch_norm(h, gamma), 0.5, seed=1) for gamma in gammas)
            return ops.softmax(ops.dense(ops.add(one, other), last))

        lowering = lowered(model, [kernel, *gammas, last])
        of = {}
        for item in lowering.instructions:
            if item.op.startswith("batch_norm_"):
                of.setdefault(item.arguments["mean"].buffer, set()).add(item.arguments["mask"].buffer)
        assert len(of) == 2
        assert all(len(masks) == 1 for masks in of.values())
        assert set.isdisjoint(*of.values())
        # One product leaves its moments to both.
        assert len({item.arguments["moments"].buffer for item in lowering.instructions
                    if item.op == "batch_norm_forward"}) == 1  # fmt: skip

    @pytest.mark.parametrize("dense", ["linear", "relu"])
    @pytest.mark.parametrize("between", [None, "input"])
    def test_the_product_leaves_moments_to_batch_norm(self, dense, between):
        net = Net(dense=dense, between=between)
        forward = only(lowered(net, net.variables, rows=70), "batch_norm_forward")
        assert forward["moment_rows"] == 32
        assert forward["moments"].shape == (2, 3, 36)

    def test_a_product_with_another_activation_leaves_none(self):
        net = Net(dense="selu")
        assert only(lowered(net, net.variables), "batch_norm_forward").get("moments") is None

    @pytest.mark.parametrize("activation", ["relu", "linear"])
    def test_a_product_drops_out_its_results(self, activation):
        kernel, last = variable("kernel", WIDTH, 36), variable("last", 36, 3)

        def model(x):
            return ops.softmax(
                ops.dense(ops.dropout(ops.dense(x, kernel, activation=activation), 0.4, seed=1), last)
            )

        lowering = lowered(model, [kernel, last])
        assert "dropout_forward" not in ops_of(lowering)
        (first,) = [item.arguments for item in lowering.instructions if item.arguments.get("rate") == 0.4]
        (above,) = [item.arguments for item in lowering.instructions if item.arguments.get("below_rate")]
        assert above["below_mask"].buffer is first["mask"].buffer
        assert above.get("below_saved") is None

    @pytest.mark.parametrize(("activation", "read"), [("elu", False), ("linear", True), ("relu", True)])
    def test_what_others_read_is_dropped_out_on_its_own(self, activation, read):
        kernel, last = variable("kernel", WIDTH, 36), variable("last", 36, 3)

        def model(x):
            h = ops.dense(x, kernel, activation=activation)
            z = ops.dropout(h, 0.4, seed=1)
            return ops.softmax(ops.dense(ops.add(z, h) if read else z, last))

        assert "dropout_forward" in ops_of(lowered(model, [kernel, last]))

    def test_moments_are_of_what_dropout_leaves(self):
        """What normalization reads beside the gradient is what was dropped, which lies where the product was."""
        kernel, beside, last = variable("kernel", WIDTH, 36), variable("gamma", 36), variable("last", 36, 3)

        def model(x):
            h = ops.dropout(ops.dense(x, kernel, activation="relu"), 0.5, seed=1)
            aside = ops.batch_norm(ops.stop_gradient(h), beside)
            return ops.softmax(ops.add(ops.dense(h, last), ops.dense(ops.stop_gradient(aside), last)))

        lowering = lowered(model, [kernel, beside, last], rows=70)
        (first,) = [item.arguments for item in lowering.instructions if item.arguments.get("rate") == 0.5]
        forward = only(lowering, "batch_norm_forward")
        assert first["moments"].buffer is forward["moments"].buffer
        assert first["y"].buffer is forward["x"].buffer

    def test_the_loss_tells_which_rows_accuracy_counts(self):
        net = Net()
        lowering = lowered(net, net.variables, metrics=[Metric("sparse")])
        assert "accuracy" not in ops_of(lowering)
        counted = only(lowering, "softmax_cross_entropy")["correct"]
        assert sum(item.arguments.get("values") is counted for item in lowering.instructions) == 1

    @pytest.mark.parametrize("clipping", ["clipnorm", "global_clipnorm"])
    def test_the_products_leave_squares_to_the_optimizer(self, clipping):
        net = Net()
        lowering = lowered(net, net.variables, **{clipping: 1.0})
        update = only(lowering, "optimizer")
        assert sorted(update["squared"].tolist()) == [0, 3]  # the kernels
        assert {view.buffer for view in update["squares"]} == {
            item.arguments["squares"].buffer for item in lowering.instructions if item.op == "dense_backward"
        }

    @pytest.mark.parametrize("settings", [{}, {"clipvalue": 1.0}, {"mask": True, "clipnorm": 1.0}], ids=str)
    def test_nobody_asks_for_squares(self, settings):
        net = Net()
        assert "squares" not in only(lowered(net, net.variables, **settings), "optimizer")

    def test_gradients_that_something_adds_to_are_read_again(self):
        net = Net()
        net.kernel.regularizer = keras.regularizers.L2(0.1)
        update = only(lowered(net, net.variables, penalized=[net.kernel], clipnorm=1.0), "optimizer")
        assert update["squared"].tolist() == [3]
        shared = variable("shared", WIDTH, WIDTH)

        def twice(x):
            return ops.softmax(ops.dense(ops.dense(x, shared, activation="relu"), shared))

        assert "squares" not in only(lowered(twice, [shared], global_clipnorm=1.0), "optimizer")


def normed(width=33, activation="relu"):
    """Layers of which each has one of these passes."""
    return lambda: [
        keras.layers.Dense(width, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.Activation(activation),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(130, activation="relu", kernel_initializer="he_normal"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2),
    ]


def trained(device, optimizer, layers, rows=50, batch=16, epochs=13, **fit):
    x, y = data(rows)
    model = classifier(device, optimizer(), layers)
    history = model.fit(x, y, epochs=epochs, batch_size=batch, verbose=0, **fit).history
    return model.get_weights(), history, model.predict(x, verbose=0)


OPTIMIZERS = {
    "the global norm": lambda: keras.optimizers.Adam(global_clipnorm=0.5),
    "norms": lambda: keras.optimizers.SGD(0.05, momentum=0.9, clipnorm=0.2),
    "norms of scaled gradients": lambda: keras.optimizers.SGD(0.05, clipnorm=0.2, loss_scale_factor=8.0),
    "accumulated gradients": lambda: keras.optimizers.Adam(
        global_clipnorm=0.5, gradient_accumulation_steps=3
    ),
    "directions": lambda: keras.optimizers.Muon(global_clipnorm=0.5),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_clipping_follows_the_trajectory_of_the_cpu(name):
    on_both(lambda device: trained(device, OPTIMIZERS[name], normed()))


@pytest.mark.parametrize(("rows", "batch"), [(700, 350), (300, 129), (35, 33)])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_batches_of_awkward_sizes(rows, batch, activation):
    on_both(
        lambda device: trained(
            device, OPTIMIZERS["the global norm"], normed(31, activation), rows, batch, epochs=3
        )
    )


@pytest.mark.parametrize("steps", ["graph", "persistent"])
def test_both_ways_of_running_steps(steps):
    """As phases, nobody leaves sums, and who would read them reads the results."""
    _core.set_device_steps(steps)
    try:
        on_both(lambda device: trained(device, OPTIMIZERS["the global norm"], normed()))
    finally:
        _core.set_device_steps("auto")


def test_gradients_of_shared_and_penalized_kernels():
    def layers():
        shared = keras.layers.Dense(20, activation="relu")
        penalized = keras.layers.Dense(20, kernel_regularizer=keras.regularizers.L2(0.05))
        return [
            shared,
            keras.layers.BatchNormalization(),
            shared,
            penalized,
            keras.layers.BatchNormalization(),
        ]

    on_both(lambda device: trained(device, OPTIMIZERS["norms"], layers))


def test_frozen_kernels_count_as_nothing():
    def run(device):
        model = classifier(device, keras.optimizers.Adam(0.01, global_clipnorm=0.3), normed())
        model.layers[0].trainable = False
        model.compile(model.optimizer, "sparse_categorical_crossentropy", device=device)
        model.fit(*data(), epochs=4, batch_size=16, verbose=0)
        return model.get_weights()

    on_both(run)


@needs_device
def test_statistics_of_what_was_dropped():
    """Moments of a layer's results are not those of what dropout lets pass of them."""

    def run(device):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((20,))
        h = keras.layers.Dropout(0.5)(keras.layers.Dense(140, activation="relu")(inputs))
        aside = keras.layers.BatchNormalization()(keras.ops.stop_gradient(h))
        model = keras.Model(inputs, keras.layers.Dense(3)(h) + keras.layers.Dense(3)(aside))
        model.compile("sgd", "mse", device=device)
        x, y = data()
        model.fit(x, np.eye(3, dtype=np.float32)[y], batch_size=16, epochs=2, verbose=0)
        return model.get_weights()

    on_both(run)


@pytest.mark.usefixtures("mixed_bfloat16")
def test_bfloat16_activations():
    def run(device):
        return trained(device, OPTIMIZERS["norms"], normed(), epochs=3)[0]

    wanted = run("cpu")
    for order in TARGETS:
        with threads_in(order):
            assert_same(run("cuda"), wanted, order, atol=1e-5)


KERNELS = [("simt", 0, 0, 80), ("mma", 0, 0, 80), ("wgmma", 64, 1, 90), ("wgmma", 128, 2, 90)]


@pytest.mark.skipif(not EMULATED, reason="a GPU has the kernels of its architecture")
@pytest.mark.parametrize(("kernel", "cols", "parts", "architecture"), KERNELS)
def test_every_kernel(kernel, cols, parts, architecture):
    wanted = trained("cpu", OPTIMIZERS["the global norm"], normed(), rows=90, batch=60, epochs=2)
    bits = []
    before = _core.matmul_precision()
    for order in TARGETS:
        choose(order, architecture)
        try:
            _core.set_matmul_precision("ieee" if kernel == "simt" else "x6")
            _core.set_device_gemm(kernel, cols, parts)
            found = trained("cuda", OPTIMIZERS["the global norm"], normed(), rows=90, batch=60, epochs=2)
        finally:
            _core.set_device_gemm("auto")
            _core.set_matmul_precision(before)
            choose(None)
        assert_same(found, wanted, order)
        bits.append(found[0])
    for mine, other in zip(*bits, strict=True):
        np.testing.assert_array_equal(mine, other)
