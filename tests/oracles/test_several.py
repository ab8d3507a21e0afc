"""Models with several inputs and outputs, trained beside Keras from the same weights."""

import numpy as np
import pytest

import densor

ROWS = 64
RNG = np.random.default_rng(8)
WIDE = RNG.standard_normal((ROWS, 5)).astype(np.float32)
DEEP = RNG.standard_normal((ROWS, 6)).astype(np.float32)
PRICE = (WIDE.sum(axis=1, keepdims=True) + DEEP[:, :1]).astype(np.float32)
KIND = (DEEP[:, 0] > 0).astype(np.int64) + (DEEP[:, 1] > 0)
WEIGHTS = np.linspace(0.1, 2, ROWS).astype(np.float32)


def wide_and_deep(library, form):
    """Wide & Deep with an output at the end, one at a hidden layer, and a shared layer; smooth activations."""
    layers = library.layers
    wide, deep = library.Input((5,), name="wide"), library.Input((6,), name="deep")
    hidden = layers.Dense(7, activation="tanh")(deep)
    shared = layers.Dense(7, activation="sigmoid")
    both = layers.Concatenate()([wide, layers.Add()([shared(hidden), shared(shared(hidden))])])
    price = layers.Dense(1, name="price")(both)
    kind = layers.Dense(3, activation="softmax", name="kind")(hidden)
    if form == "dict":
        return library.Model({"wide": wide, "deep": deep}, {"price": price, "kind": kind})
    return library.Model([wide, deep], [price, kind])


CASES = {
    "losses": ({}, None),
    "loss_weights": ({"loss_weights": {"price": 0.3, "kind": 1.7}}, None),
    "metrics": ({"metrics": {"price": ["mae", "mse"], "kind": ["accuracy"]}}, None),
    "sample_weight": ({"metrics": {"kind": ["acc"]}}, {"price": WEIGHTS, "kind": WEIGHTS[::-1].copy()}),
    "weighted_metrics": (
        {
            "metrics": {"price": ["mae"], "kind": ["accuracy"]},
            "weighted_metrics": {"price": ["mae", "mse"], "kind": ["accuracy"]},
        },
        {"price": WEIGHTS, "kind": WEIGHTS},
    ),
}  # fmt: skip


def run(library, form, optimizer, options, sample_weight, weights=None):
    model = wide_and_deep(library, form)
    if weights is not None:
        model.set_weights(weights)
    start = model.get_weights()
    model.compile(
        getattr(library.optimizers, optimizer)(0.01),
        loss={"price": "mse", "kind": "sparse_categorical_crossentropy"},
        **options,
    )
    x, y = {"wide": WIDE, "deep": DEEP}, {"price": PRICE, "kind": KIND}
    if form == "list":
        x, y = list(x.values()), list(y.values())
        sample_weight = None if sample_weight is None else list(sample_weight.values())
    history = model.fit(
        x,
        y,
        batch_size=12,
        epochs=9,
        shuffle=False,
        verbose=0,
        sample_weight=sample_weight,
        validation_split=0.1,
    )
    results = model.evaluate(x, y, verbose=0, sample_weight=sample_weight, return_dict=True)
    listed = model.evaluate(x, y, verbose=0, sample_weight=sample_weight)
    return start, model, history.history, results, listed


@pytest.mark.parametrize("form", ["list", "dict"])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("case", CASES)
def test_trajectory(keras, case, optimizer, form):
    options, sample_weight = CASES[case]
    start, theirs, their_history, their_results, their_list = run(
        keras, form, optimizer, options, sample_weight
    )
    _, ours, our_history, our_results, our_list = run(densor, form, optimizer, options, sample_weight, start)
    assert list(our_history) == list(their_history)
    for name, values in their_history.items():
        np.testing.assert_allclose(our_history[name], values, rtol=2e-5, atol=1e-6, err_msg=name)
    assert set(our_results) == set(their_results)
    assert sorted(our_list) == pytest.approx(sorted(their_list), rel=2e-5)
    for mine, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, want, atol=1e-5)
    names = {layer.name.split("_")[0] for layer in theirs.layers}
    assert {layer.name.split("_")[0] for layer in ours.layers} == names
    kinds = [type(layer).__name__ for layer in theirs.layers]
    assert [type(layer).__name__ for layer in ours.layers] == kinds


@pytest.mark.parametrize("form", ["list", "dict"])
@pytest.mark.parametrize("names", [("price", "kind"), ("kind", "price")])
def test_the_order_of_results(keras, form, names):
    """Losses stand in the order of the outputs; where those are a dict, in that of the dict of losses."""
    losses = {"price": "mse", "kind": "sparse_categorical_crossentropy"}
    x = {"wide": WIDE, "deep": DEEP} if form == "dict" else [WIDE, DEEP]
    y = {"price": PRICE, "kind": KIND}
    theirs, ours = wide_and_deep(keras, form), wide_and_deep(densor, form)
    ours.set_weights(theirs.get_weights())
    results = []
    for model in (theirs, ours):
        model.compile("sgd", {name: losses[name] for name in names}, metrics={"kind": ["accuracy"]})
        results += [model.evaluate(x, y, verbose=0), model.test_on_batch(x, y)]
    assert results[2] == pytest.approx(results[0], rel=1e-4)
    assert results[3] == pytest.approx(list(map(float, results[1])), rel=1e-4)


@pytest.mark.parametrize("form", ["list", "dict"])
def test_predictions(keras, form):
    theirs = wide_and_deep(keras, form)
    ours = wide_and_deep(densor, form)
    ours.set_weights(theirs.get_weights())
    x = {"wide": WIDE, "deep": DEEP} if form == "dict" else [WIDE, DEEP]
    expected, actual = theirs.predict(x, verbose=0), ours.predict(x)
    assert type(actual) is type(expected)
    if form == "dict":
        assert set(actual) == set(expected)
        expected, actual = [expected[name] for name in actual], list(actual.values())
    for mine, want in zip(actual, expected, strict=True):
        np.testing.assert_allclose(mine, want, atol=1e-6)


@pytest.mark.parametrize("form", ["list", "dict"])
def test_files_of_keras(keras, form, tmp_path):
    """Both ways: Keras predicts the same from our file, and we from Keras'."""
    options = {
        "loss_weights": {"price": 0.3, "kind": 1.7},
        "weighted_metrics": {"price": ["mae"], "kind": ["accuracy"]},
    }
    start, theirs, *_ = run(keras, form, "Adam", options, None)
    _, ours, *_ = run(densor, form, "Adam", options, None, start)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    x = {"wide": WIDE, "deep": DEEP} if form == "dict" else [WIDE, DEEP]
    y = {"price": PRICE, "kind": KIND} if form == "dict" else [PRICE, KIND]
    loaded = densor.models.load_model(tmp_path / "theirs.keras")
    read = keras.models.load_model(tmp_path / "ours.keras")
    expected = theirs.evaluate(x, y, verbose=0, return_dict=True)
    for model in (loaded, read):
        results = model.evaluate(x, y, verbose=0, return_dict=True)
        assert results == pytest.approx(expected, rel=1e-4)
