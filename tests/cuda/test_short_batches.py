"""A last batch with fewer rows: the program of the whole batches computes it, its other rows left out."""

import numpy as np
import pytest

import densor as keras
from densor.graph.lowering import Lowering
from densor.models import loop
from tests.cuda.models import assert_same, data, needs_device, on_both, threads_in
from tests.ops.harness import TARGETS, _core

pytestmark = needs_device
layers = keras.layers
ROWS, BATCH = 47, 20


@pytest.fixture(params=["graph", "persistent"])
def steps(request):
    _core.set_device_steps(request.param)
    yield request.param
    _core.set_device_steps("auto")


@pytest.fixture
def runs(monkeypatch):
    """What `_core.run` is asked for: whether there is a program for a last batch, and the rows of masked runs."""
    seen = []
    real = _core.run

    def run(full, last, **options):
        seen.append((last is not None, options.get("rows", 0)))
        return real(full, last, **options)

    monkeypatch.setattr(loop._core, "run", run)
    return seen


def net(device, inner, loss="sparse_categorical_crossentropy", end=None, optimizer="adam", **options):
    keras.utils.set_random_seed(7)
    end = layers.Dense(3, activation="softmax") if end is None else end
    model = keras.Sequential([keras.Input((20,)), *inner, end])
    model.compile(keras.optimizers.get(optimizer), loss, device=device, **options)
    return model


def followed(model, x, y, epochs=3, **options):
    """Every loss and metric of some epochs, the weights then, evaluation and predictions."""
    history = model.fit(x, y, epochs=epochs, batch_size=BATCH, verbose=0, **options).history
    weighted = {key: options[key] for key in ("sample_weight",) if key in options}
    results = model.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True, **weighted)
    return model.get_weights(), history, results, model.predict(x, batch_size=BATCH, verbose=0)


def dense():
    return [layers.Dense(33, activation="relu"), layers.Dense(17, activation="selu")]


def places():
    return [
        layers.Dense(6, activation="relu"), layers.BatchNormalization(), layers.PReLU(),
        layers.LayerNormalization(), layers.Permute((2, 1)), layers.Dense(3),
    ]  # fmt: skip


CASES = {
    "dense": dense,
    "batch_norm": lambda: [layers.Dense(33, activation="relu"), layers.BatchNormalization(), layers.Dense(5)],
    "frozen_batch_norm": lambda: [layers.Dense(9), layers.BatchNormalization(trainable=False), layers.ReLU()],
    "dropout": lambda: [layers.Dense(40, activation="tanh"), layers.Dropout(0.4), layers.GaussianNoise(0.1)],
    "layer_norm": lambda: [layers.Dense(24, activation="gelu"), layers.LayerNormalization()],
    "group_norm": lambda: [layers.Dense(24), layers.GroupNormalization(4), layers.UnitNormalization()],
    "places": lambda: [layers.Reshape((5, 4)), *places(), layers.Flatten()],
    "decayed": lambda: [
        layers.Dense(30, kernel_regularizer="l1l2", bias_regularizer="l2", activation="relu")
    ],
    "constrained": lambda: [
        layers.Dense(30, kernel_constraint="max_norm"),
        layers.Dense(4, activation="elu"),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_every_loss_follows_the_cpu(name, steps, runs):
    x, y = data(ROWS)
    optimizer = "sgd" if name == "decayed" else "adam"
    on_both(
        lambda device: followed(net(device, CASES[name](), optimizer=optimizer, metrics=["accuracy"]), x, y)
    )
    fits = [rows for last, rows in runs if not last and rows]
    assert fits  # the rest had no program of its own
    assert set(fits) == {ROWS}


@pytest.mark.parametrize("end", ["mse", "mae", "binary_crossentropy", "categorical_crossentropy", "sum"])
def test_weighted_losses_and_metrics(end, steps, runs):
    x, classes = data(ROWS)
    y = np.eye(3, dtype=np.float32)[classes]
    weights = np.linspace(0, 3, ROWS).astype(np.float32)
    activation = {"binary_crossentropy": "sigmoid", "categorical_crossentropy": "softmax"}.get(end)
    made = {
        "sum": lambda: keras.losses.MeanSquaredError(reduction="sum"),
        "categorical_crossentropy": lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    }.get(end, lambda: end)

    def run(device):
        options = {"metrics": ["mae"], "weighted_metrics": ["mse"]}
        model = net(device, dense(), made(), layers.Dense(3, activation=activation), "sgd", **options)
        return followed(model, x, y, sample_weight=weights)

    on_both(run)
    assert end == "sum" or any(rows == ROWS for _, rows in runs)


@pytest.mark.parametrize(
    "options", [{"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.01}, {"weight_decay": 0.1}]
)
def test_clipping(options, steps):
    x, y = data(ROWS)
    on_both(lambda device: followed(net(device, dense(), optimizer=keras.optimizers.Adam(**options)), x, y))


def test_large_batches_whose_sums_have_several_parts(runs):
    """Rows are summed in parts; those of a short batch are cut as if it had arrays of its own."""
    x, y = data(1500)

    def run(device):
        model = net(device, [layers.Dense(9), layers.BatchNormalization(), layers.LayerNormalization()])
        model.fit(x, y, epochs=2, batch_size=800, verbose=0)
        return model.get_weights()

    on_both(run)
    assert (False, 1500) in runs


@pytest.mark.parametrize("order", TARGETS)
@pytest.mark.parametrize("rest", [1, 7, 19])
def test_the_bits_are_those_of_a_program_of_its_own(order, rest, monkeypatch):
    """What a mean is scaled by is rounded once more, so powers of two are exact; sums have the same order."""
    x, y = data(64 + rest if rest != 19 else 80)

    def run():
        with threads_in(order):
            inner = [layers.Dense(33, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3)]
            model = net(
                "cuda", [*inner, layers.LayerNormalization()], keras.losses.SparseCategoricalCrossentropy()
            )
            model.fit(x, y, epochs=2, batch_size=32, verbose=0)
            return model.get_weights()

    masked = run()
    init = Lowering.__init__

    def apart(self, *arguments, **options):
        init(self, *arguments, **options)
        self.masks_rows = False

    monkeypatch.setattr(Lowering, "__init__", apart)
    exact = rest in (1, 19)  # 1 and 16 rows of 32
    assert_same(masked, run(), **({"rtol": 0, "atol": 0} if exact else {"rtol": 1e-5, "atol": 1e-6}))


def test_what_lies_in_the_other_rows_reaches_nothing(steps):
    """The features of rows that are left out are zeros: their logarithms are not finite."""
    x, y = data(ROWS)
    x = np.abs(x) + 0.5

    def run(device):
        log = layers.Lambda(keras.ops.log, output_shape=(20,))
        return followed(net(device, [log, *dense(), layers.BatchNormalization()], metrics=["accuracy"]), x, y)

    weights, history, *_ = on_both(run)
    assert all(np.isfinite(weight).all() for weight in weights)
    assert np.isfinite(history["loss"]).all()


APART = {
    "formula": lambda: {"loss": keras.losses.Huber(), "end": layers.Dense(1)},
    "activity": lambda: {"inner": [layers.Dense(5, activity_regularizer="l2")]},
    "orthogonal": lambda: {
        "inner": [layers.Dense(5, kernel_regularizer=keras.regularizers.OrthogonalRegularizer())]
    },
}


@pytest.mark.parametrize("name", APART)
def test_programs_that_know_the_number_of_rows_have_one_for_the_rest(name, runs):
    x, y = data(ROWS)

    def run(device):
        parts = APART[name]()
        model = net(device, parts.pop("inner", dense()), **parts)
        return followed(model, x, y.astype(np.float32) if name == "formula" else y, epochs=2)

    on_both(run)
    assert any(last for last, rows in runs)


def test_predictions_of_any_number_of_rows(runs):
    x, _ = data(2 * 4096 + 5)
    model = net("cpu", dense())
    wanted = model.predict(x, verbose=0)
    weights = model.get_weights()
    with threads_in("ascending"):
        model = net("cuda", dense())
        model.set_weights(weights)
        assert_same(model.predict(x, verbose=0), wanted)
        assert runs[-1] == (False, len(x))
        np.testing.assert_array_equal(model.predict(x[-5:], verbose=0), model.predict(x, verbose=0)[-5:])


def test_plans_say_how_the_rest_goes():
    assert _core.launch_plan(99, 20, 5, True) == "50 graphs of 2 batches, the last of 5 rows"
    assert _core.launch_plan(3, 20, 1, False) == "3 graphs of 1 batch, then 1 row by a program of their own"


@pytest.mark.parametrize(
    ("rows", "message"), [(41, "is not that of 2 batches of 20"), (20, "is not that"), (-3, "is not that")]
)
def test_rows_that_are_not_those_of_the_batches(rows, message):
    program = _core.Program([], [])
    with pytest.raises(ValueError, match=message):
        _core.run(program, None, batches=2, batch_size=20, rows=rows)


def test_a_program_that_takes_whole_batches_only_says_so():
    program = _core.Program([], [], masks_rows=False)
    with pytest.raises(ValueError, match=r"run\(\): argument 'rows': the program takes whole batches only"):
        _core.run(program, None, batches=2, batch_size=20, rows=30)
