"""The Doctor: its figures against their definitions, its findings on sick networks, and that it disturbs nothing."""

import math

import numpy as np
import pytest

import densor
from densor import layers
from densor.callbacks import Doctor
from densor.callbacks.diagnosis import diagnose
from tests.models.build import classifier, data, same_weights


def network(activation, depth=3, initializer="glorot_uniform", units=16, **options):
    densor.utils.set_random_seed(1)
    hidden = [
        layers.Dense(
            units, activation=activation, kernel_initializer=initializer, name=f"h{index}", **options
        )
        for index in range(depth)
    ]
    return densor.Sequential([densor.Input((6,)), *hidden, layers.Dense(3, activation="softmax", name="out")])


def examined(model, optimizer="sgd", epochs=1, x=None, **options):
    features, y = data()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    doctor = Doctor(verbose=0)
    model.fit(features if x is None else x, y, epochs=epochs, verbose=0, callbacks=[doctor], **options)
    return doctor


def test_training_is_the_same_with_a_doctor():
    """Weights, moving statistics, optimizer state, noise and shuffling go on bit for bit."""
    x, y = data()
    alone, watched = classifier(), classifier()
    doctor = Doctor(verbose=0)
    first = alone.fit(x, y, epochs=4, batch_size=16, verbose=0)
    second = watched.fit(x, y, epochs=4, batch_size=16, verbose=0, callbacks=[doctor])
    assert same_weights(alone, watched)
    assert first.history == second.history
    alone.fit(x, y, verbose=0)
    watched.fit(x, y, verbose=0)
    assert same_weights(alone, watched)
    assert doctor.epochs == [0, 1, 2, 3]


def test_figures_are_what_they_are_called():
    x, y = data()
    model = network("relu", depth=2)
    model.compile(densor.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    figures = model.probe(x, y)
    assert [layer.name for layer in figures] == ["h0", "h1", "out"]
    weights = [np.float64(w) for w in model.get_weights()]
    outputs, h = [], np.float64(x)
    for index in range(2):
        h = np.maximum(h @ weights[2 * index] + weights[2 * index + 1], 0)
        outputs.append(h)
    logits = h @ weights[4] + weights[5]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    outputs.append(p)
    d = (p - np.eye(3)[y]) / len(x)
    gradients = []
    for index in (2, 1, 0):
        below = np.float64(x) if index == 0 else outputs[index - 1]
        gradients.insert(0, (below.T @ d, d.sum(axis=0)))
        d = (d @ weights[2 * index].T) * (below > 0)
    for index, layer in enumerate(figures):
        assert layer.mean == pytest.approx(outputs[index].mean(), rel=1e-5)
        assert layer.deviation == pytest.approx(outputs[index].std(), rel=1e-5)
        kernel, bias = gradients[index]
        assert layer.gradient_norm == pytest.approx(
            math.hypot(np.linalg.norm(kernel), np.linalg.norm(bias)), rel=1e-4
        )
        ratio = 0.1 * np.linalg.norm(kernel) / np.linalg.norm(weights[2 * index])
        assert layer.update_ratio == pytest.approx(ratio, rel=1e-3)
        dead = (outputs[index] <= 0).all(axis=0).mean()
        assert layer.dead == pytest.approx(dead) if index < 2 else math.isnan(layer.dead)
        assert math.isnan(layer.saturated)
    assert all(np.array_equal(np.float32(a), b) for a, b in zip(weights, model.get_weights(), strict=True))


def constrained(optimizer, mask=False):
    densor.utils.set_random_seed(4)
    model = densor.Sequential(
        [
            densor.Input((6,)),
            layers.Dense(20, activation="relu", kernel_constraint=densor.constraints.MaxNorm(0.9), name="h"),
            layers.BatchNormalization(name="b"),
            layers.Dense(
                3, activation="softmax", bias_constraint="non_neg", kernel_regularizer="l1", name="out"
            ),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    x, y = data()
    model.fit(x, y, epochs=1, batch_size=16, verbose=0)
    if mask:
        model.get_layer("h").kernel.mask = np.arange(120).reshape(6, 20) % 3 > 0
    return model


@pytest.mark.parametrize(
    ("optimizer", "mask"),
    [
        (lambda: densor.optimizers.Adam(0.05, global_clipnorm=0.1), False),
        (lambda: densor.optimizers.AdamW(0.05, weight_decay=0.1, clipvalue=1e-3), True),
        (lambda: densor.optimizers.Lamb(0.05), False),
        (lambda: densor.optimizers.SGD(densor.optimizers.schedules.ExponentialDecay(0.5, 3, 0.1)), False),
    ],
)
def test_the_step_that_is_tried_is_the_next_one(optimizer, mask):
    """Clipping, decay, state, schedule, masks and constraints included; and trying it changes nothing."""
    x, y = data()
    model, other = constrained(optimizer(), mask), constrained(optimizer(), mask)
    figures = {layer.name: layer.update_ratio for layer in model.probe(x, y)}
    assert same_weights(model, other)
    assert model.probe(x, y)[0].update_ratio == figures["h"]
    before = {name: model.get_layer(name).get_weights()[0] for name in ("h", "b", "out")}
    for each in (model, other):
        each.fit(x, y, epochs=1, batch_size=len(x), shuffle=False, verbose=0)
    assert same_weights(model, other)
    for name, kernel in before.items():
        moved = np.linalg.norm(np.float64(model.get_layer(name).get_weights()[0]) - kernel)
        assert figures[name] == pytest.approx(moved / np.linalg.norm(np.float64(kernel)), rel=1e-4)


@pytest.mark.parametrize(
    ("activation", "slope"),
    [("sigmoid", lambda a: 4 * a * (1 - a)), ("tanh", lambda a: 1 - a * a)],
)
def test_saturation(activation, slope):
    x, y = data()
    model = network(activation, depth=1)
    model.compile("sgd", "sparse_categorical_crossentropy")
    hidden = model.probe(10 * x, y)[0]
    out = densor.Model(model.input, model.layers[0].output).predict(10 * x)
    assert hidden.saturated == pytest.approx((slope(out) < 0.1).mean())
    assert 0 < hidden.saturated < 1


def test_layers_behind_normalization_and_in_models_inside():
    x, y = data()
    inner = densor.Sequential([densor.Input((6,)), layers.Dense(5, name="a"), layers.BatchNormalization(name="b"),
                               layers.Activation("relu", name="c")], name="inner")  # fmt: skip
    start = densor.Input((6,))
    model = densor.Model(
        start, layers.Dense(3, activation="softmax", name="d")(layers.Dropout(0.2)(inner(start)))
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    figures = {layer.name: layer for layer in model.probe(x, y)}
    assert list(figures) == ["a", "b", "c", "d"]
    assert figures["c"].activation == "relu"
    assert figures["c"].dead >= 0
    assert math.isnan(figures["c"].gradient_norm)
    assert figures["b"].gradient_norm > 0
    inner.trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    figures = {layer.name: layer for layer in model.probe(x, y)}
    assert math.isnan(figures["a"].gradient_norm), "frozen"


def test_vanishing_gradients():
    doctor = examined(network("sigmoid", depth=8))
    assert doctor.gradient_ratio[-1] > 100
    finding = doctor.findings[0]
    assert finding.kind == "vanishing"
    assert finding.layers == ("h0",)
    assert "he_normal" in finding.remedy
    assert "Gradients vanish" in doctor.report()


def test_exploding_gradients():
    densor.utils.set_random_seed(1)
    initializer = densor.initializers.RandomNormal(stddev=1.5)
    doctor = examined(network("relu", depth=6, initializer=initializer), densor.optimizers.SGD(1e-12))
    assert "exploding" in [finding.kind for finding in doctor.findings]
    assert "clipnorm=1.0" in doctor.report()


def test_dead_units():
    doctor = examined(network("relu", bias_initializer=densor.initializers.Constant(-30.0)))
    assert doctor.history["dead"]["h0"] == [1.0]
    found = next(finding for finding in doctor.findings if finding.kind == "dead")
    assert found.layers == ("h0", "h1", "h2")
    assert "LeakyReLU" in found.remedy


def test_saturated_units():
    doctor = examined(network("tanh"), x=1000 * data()[0])
    found = next(finding for finding in doctor.findings if finding.kind == "saturated")
    assert "h0" in found.layers
    assert "standardized inputs" in found.remedy


@pytest.mark.parametrize(("rate", "kind"), [(5.0, "large_steps"), (1e-9, "small_steps")])
def test_steps(rate, kind):
    doctor = examined(network("tanh", depth=1), densor.optimizers.SGD(rate))
    assert kind in [finding.kind for finding in doctor.findings]
    assert "lr_find" in doctor.report()


def test_fading_signals():
    initializer = densor.initializers.RandomNormal(stddev=0.01)
    doctor = examined(network("tanh", depth=4, initializer=initializer), densor.optimizers.SGD(1e-9))
    assert "signal" in [finding.kind for finding in doctor.findings]


def test_overfitting_is_read_from_the_losses():
    def kinds(training, validation):
        return [found.kind for found in diagnose([], math.nan, {"loss": training, "val_loss": validation})]

    assert kinds([1.0, 0.5, 0.3, 0.2, 0.1], [1.0, 0.6, 0.7, 0.8, 0.9]) == ["overfitting"]
    assert kinds([1.0, 0.5, 0.3, 0.2, 0.1], [1.0, 0.6, 0.5, 0.45, 0.44]) == []
    assert kinds([1.0, 0.5], [0.5, 1.0]) == []


def test_weights_that_are_not_finite():
    model = network("relu")
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = data()
    with np.errstate(all="ignore"):
        model.layers[0].kernel.array[...] = np.inf
        (finding, *_) = diagnose(model.probe(x, y), math.nan, {})
    assert finding.kind == "not_finite"


def test_a_healthy_network_has_nothing_unusual(capsys):
    x, y = data()
    model = network("relu", depth=2, initializer="he_normal")
    model.compile(densor.optimizers.SGD(0.02), "sparse_categorical_crossentropy")
    doctor = Doctor()
    model.fit(x, y, epochs=2, verbose=0, callbacks=[doctor])
    assert doctor.findings == []
    assert doctor.report().endswith("- Nothing unusual.")
    assert "Nothing unusual" in capsys.readouterr().out


def test_tables_and_plots():
    doctor = examined(network("relu", depth=2), epochs=3)
    table = doctor.to_pandas()
    assert list(table.columns) == [
        "epoch", "layer", "mean", "deviation", "dead", "saturated", "gradient_norm", "update_ratio",
    ]  # fmt: skip
    assert len(table) == 9
    assert doctor.layers == ["h0", "h1", "out"]
    assert len(doctor.history["mean"]["h1"]) == 3
    figure = doctor.plot()
    assert len(figure.axes) == 6
    lines = {axes.get_title(): len(axes.lines) for axes in figure.axes}
    assert lines["gradient norm"] == 3
    assert lines["dead ReLU units"] == 2
    assert lines["saturated outputs"] == 0
    assert doctor.seconds > 0
    with pytest.raises(RuntimeError, match=r"^plot\(\): nothing was examined yet"):
        Doctor().plot()


def test_rows_are_spread_over_the_data_or_given():
    x, y = data()
    order = np.argsort(y)
    model = network("relu")
    model.compile("sgd", "sparse_categorical_crossentropy")
    doctor = Doctor(rows=7, every=2, verbose=0)
    model.fit(x[order], y[order], epochs=4, verbose=0, callbacks=[doctor])
    assert doctor.epochs == [0, 2]
    given = Doctor(x[:5], y[:5], verbose=0)
    model.fit(x, y, verbose=0, callbacks=[given], sample_weight=np.ones(len(x)))
    assert given.epochs == [0]
    with pytest.raises(RuntimeError, match=r"^probe\(\): no fit\(\) is running"):
        model.probe()


@pytest.mark.parametrize(
    ("options", "error", "name"),
    [({"x": [1]}, ValueError, "y"), ({"y": [1]}, ValueError, "x"), ({"rows": 0}, ValueError, "rows"),
     ({"every": 1.5}, TypeError, "every"), ({"verbose": "a"}, TypeError, "verbose")],
)  # fmt: skip
def test_wrong_arguments(options, error, name):
    with pytest.raises(error, match=rf"^Doctor\(\): argument '{name}'"):
        Doctor(**options)
