"""Several inputs and outputs: their forms, losses and metrics for each, and what the results are called."""

import numpy as np
import pytest

import densor
from densor import layers
from tests.models.build import same_weights

ROWS = 50
RNG = np.random.default_rng(5)
WIDE = RNG.standard_normal((ROWS, 5)).astype(np.float32)
DEEP = RNG.standard_normal((ROWS, 6)).astype(np.float32)
PRICE = (WIDE.sum(axis=1, keepdims=True) + DEEP[:, :1]).astype(np.float32)
KIND = (DEEP[:, 0] > 0).astype(np.int64) + (DEEP[:, 1] > 0)


def wide_and_deep(form="list"):
    """The book's Wide & Deep model with a second output at a hidden layer."""
    densor.utils.set_random_seed(11)
    wide, deep = densor.Input((5,), name="wide"), densor.Input((6,), name="deep")
    hidden = layers.Dense(7, activation="tanh")(deep)
    price = layers.Dense(1, name="price")(layers.Concatenate()([wide, hidden]))
    kind = layers.Dense(3, activation="softmax", name="kind")(hidden)
    if form == "dict":
        return densor.Model({"wide": wide, "deep": deep}, {"price": price, "kind": kind})
    return densor.Model([wide, deep], [price, kind])


LOSSES = {"price": "mse", "kind": "sparse_categorical_crossentropy"}
METRICS = {"price": ["mae"], "kind": ["accuracy"]}


def compiled(form="list", optimizer="sgd", **options):
    model = wide_and_deep(form)
    model.compile(optimizer, **{"loss": LOSSES, "metrics": METRICS, **options})
    return model


def test_names_of_results_are_keras():
    history = compiled().fit([WIDE, DEEP], [PRICE, KIND], verbose=0).history
    assert list(history) == ["kind_accuracy", "kind_loss", "loss", "price_loss", "price_mae"]
    model = compiled()
    results = model.evaluate([WIDE, DEEP], [PRICE, KIND], verbose=0, return_dict=True)
    listed = model.evaluate([WIDE, DEEP], [PRICE, KIND], verbose=0)
    assert model.metrics_names == ["loss", "price_loss", "kind_loss", "kind_accuracy", "price_mae"]
    assert listed == [results[name] for name in model.metrics_names]
    assert results["loss"] == pytest.approx(results["price_loss"] + results["kind_loss"], rel=1e-6)


def test_a_validation_has_the_same_names():
    history = compiled().fit(
        [WIDE, DEEP], [PRICE, KIND], verbose=0, validation_data=([WIDE, DEEP], [PRICE, KIND])
    )
    assert {name.removeprefix("val_") for name in history.history} == set(compiled().evaluate(
        [WIDE, DEEP], [PRICE, KIND], verbose=0, return_dict=True))  # fmt: skip
    split = compiled().fit([WIDE, DEEP], [PRICE, KIND], verbose=0, validation_split=0.2).history
    assert set(split) == set(history.history)


@pytest.mark.parametrize("form", ["list", "dict"])
def test_all_forms_of_data_are_the_same_data(form):
    xs = [{"wide": WIDE, "deep": DEEP}, {"deep": DEEP, "wide": WIDE}]
    ys = [{"price": PRICE, "kind": KIND}, {"kind": KIND, "price": PRICE[:, 0]}]
    if form == "list":
        xs += [[WIDE, DEEP], (WIDE.astype(np.float64), DEEP)]
        ys += [[PRICE, KIND], (PRICE, KIND[:, None])]
    trained = []
    for x in xs:
        for y in ys:
            model = compiled(form)
            model.fit(x, y, epochs=2, verbose=0)
            trained.append(model)
    assert all(same_weights(trained[0], other) for other in trained[1:])


def test_predictions_have_the_form_of_the_outputs():
    model, named = wide_and_deep(), wide_and_deep("dict")
    price, kind = model.predict([WIDE, DEEP])
    assert (price.shape, kind.shape) == ((ROWS, 1), (ROWS, 3))
    found = named.predict({"wide": WIDE, "deep": DEEP})
    assert sorted(found) == ["kind", "price"]
    np.testing.assert_array_equal(found["price"], price)
    np.testing.assert_array_equal(found["kind"], kind)
    called = model([WIDE, DEEP])
    np.testing.assert_array_equal(called[0], price)
    np.testing.assert_array_equal(named({"wide": WIDE, "deep": DEEP})["kind"], kind)
    assert model.predict([WIDE[:0], DEEP[:0]])[1].shape == (0, 3)
    assert model.output_shape == [(None, 1), (None, 3)]
    assert named.input_shape == {"deep": (None, 6), "wide": (None, 5)}
    assert model.input_names == ["wide", "deep"]
    assert model.output_names == ["price", "kind"]


def test_the_order_of_layers_is_keras():
    model = wide_and_deep()
    names = [layer.name for layer in model.layers]
    assert names[:2] == ["deep", "wide"]
    assert names[-2:] == ["price", "kind"]


def test_loss_weights_scale_the_gradients_and_the_loss():
    weighted = compiled(loss_weights=[0.25, 2.0])
    results = weighted.evaluate([WIDE, DEEP], [PRICE, KIND], verbose=0, return_dict=True)
    assert results["loss"] == pytest.approx(0.25 * results["price_loss"] + 2 * results["kind_loss"], rel=1e-6)
    alone = compiled(loss={"price": "mse", "kind": None}, metrics=None)
    without = compiled(loss_weights={"kind": 0.0})
    for model in (alone, without):
        model.fit([WIDE, DEEP], [PRICE, KIND], epochs=2, verbose=0)
    assert same_weights(alone, without)


def test_an_output_without_loss_needs_no_targets():
    model = compiled(loss={"price": "mse", "kind": None}, metrics=None)
    history = model.fit([WIDE, DEEP], {"price": PRICE}, verbose=0)
    assert list(history.history) == ["loss"]
    other = compiled(loss=["mse", None], metrics=None)
    other.fit([WIDE, DEEP], [PRICE, None], verbose=0)
    assert same_weights(model, other)


def test_an_output_with_metrics_alone():
    model = compiled(loss={"price": "mse", "kind": None})
    history = model.fit([WIDE, DEEP], [PRICE, KIND], verbose=0)
    assert list(history.history) == ["kind_accuracy", "loss", "price_mae"]


def test_an_output_that_other_outputs_use():
    """The gradient of the hidden output is that of its loss plus what comes back from the other."""

    def build(outputs):
        densor.utils.set_random_seed(2)
        x = densor.Input((6,))
        hidden = layers.Dense(4, name="hidden")(x)
        end = layers.Dense(2, name="end")(hidden)
        return densor.Model(x, [hidden, end] if outputs == 2 else end)

    rng = np.random.default_rng(0)
    y, z = rng.standard_normal((ROWS, 4)), rng.standard_normal((ROWS, 2))
    model = build(2)
    model.compile("sgd", "mse", loss_weights=[0.5, 2.0])
    before = model.get_weights()
    model.train_on_batch(DEEP, [y, z])
    (w, b, v, c) = (array.astype(np.float64) for array in before)
    hidden = DEEP @ w + b
    d_end = 2.0 * 2 * (hidden @ v + c - z) / z.size
    d_hidden = 0.5 * 2 * (hidden - y) / y.size + d_end @ v.T
    expected = [DEEP.T @ d_hidden, d_hidden.sum(0), hidden.T @ d_end, d_end.sum(0)]
    for old, new, gradient in zip(before, model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(new, old - 0.01 * gradient, atol=1e-6)


def test_one_tensor_as_two_outputs():
    densor.utils.set_random_seed(2)
    x = densor.Input((6,))
    end = layers.Dense(1, name="end")(x)
    twice, once = densor.Model(x, {"a": end, "b": end}), densor.Model(x, end)
    twice.compile("sgd", {"a": "mse", "b": "mse"}, loss_weights={"a": 0.5, "b": 0.5})
    before = once.get_weights()
    twice.train_on_batch(DEEP, {"a": PRICE, "b": PRICE})
    changed = once.get_weights()
    once.set_weights(before)
    once.compile("sgd", "mse")
    once.train_on_batch(DEEP, PRICE)
    for one, two in zip(once.get_weights(), changed, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7)


def test_sample_weights_of_each_output():
    weights = np.linspace(0, 2, ROWS, dtype=np.float32)
    both = compiled().train_on_batch([WIDE, DEEP], [PRICE, KIND], sample_weight=weights, return_dict=True)
    each = compiled().train_on_batch(
        [WIDE, DEEP], [PRICE, KIND], sample_weight=[weights] * 2, return_dict=True
    )
    assert both == each
    one = compiled().train_on_batch(
        [WIDE, DEEP], [PRICE, KIND], sample_weight={"kind": weights}, return_dict=True
    )
    plain = compiled().train_on_batch([WIDE, DEEP], [PRICE, KIND], return_dict=True)
    assert one["kind_loss"] == both["kind_loss"]
    assert one["price_loss"] == plain["price_loss"]
    assert one["kind_accuracy"] == plain["kind_accuracy"]


def test_weighted_metrics_are_means_over_the_weights():
    weights = np.linspace(0, 2, ROWS, dtype=np.float32)
    model = compiled(
        weighted_metrics={"price": ["mae", "mse"], "kind": ["accuracy"]}, metrics={"price": "mae"}
    )
    results = model.evaluate(
        [WIDE, DEEP], [PRICE, KIND], sample_weight=weights, verbose=0, return_dict=True, batch_size=7
    )
    price, kind = model.predict([WIDE, DEEP])
    error = np.abs(price - PRICE)[:, 0].astype(np.float64)
    right = kind.argmax(axis=1) == KIND
    assert results["price_weighted_mae"] == pytest.approx((weights * error).sum() / weights.sum(), rel=1e-5)
    assert results["price_mae"] == pytest.approx(error.mean(), rel=1e-5)
    assert results["price_mse"] == pytest.approx((weights * error**2).sum() / weights.sum(), rel=1e-5)
    assert results["kind_accuracy"] == pytest.approx((weights * right).sum() / weights.sum(), rel=1e-5)
    unweighted = model.evaluate([WIDE, DEEP], [PRICE, KIND], verbose=0, return_dict=True)
    assert unweighted["price_weighted_mae"] == unweighted["price_mae"]


def test_weighted_metrics_of_one_output():
    model = densor.Sequential([densor.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae", "mse"], loss_weights=0.5)
    weights = np.linspace(0, 2, ROWS)
    results = model.evaluate(DEEP, PRICE, sample_weight=weights, verbose=0, return_dict=True)
    assert list(results) == ["loss", "mae", "mse", "weighted_mae"]
    assert model.metrics_names == ["loss", "mae", "weighted_mae", "mse"]
    # The loss divides by the rows, weighted metrics by the weights, whose mean is 1 here.
    assert results["loss"] == pytest.approx(0.5 * results["mse"], rel=1e-5)


def test_sums_as_losses():
    model = compiled(
        loss={"price": densor.losses.MeanSquaredError(reduction="sum"), "kind": LOSSES["kind"]}, metrics=None
    )
    results = model.evaluate([WIDE, DEEP], [PRICE, KIND], batch_size=ROWS, verbose=0, return_dict=True)
    mean = compiled().evaluate([WIDE, DEEP], [PRICE, KIND], verbose=0, return_dict=True)
    assert results["price_loss"] == pytest.approx(ROWS * mean["price_loss"], rel=1e-5)
    assert results["kind_loss"] == pytest.approx(mean["kind_loss"], rel=1e-6)


@pytest.mark.parametrize("form", ["list", "dict"])
def test_files_and_clones(form, tmp_path):
    x, y = {"wide": WIDE, "deep": DEEP}, {"price": PRICE, "kind": KIND}
    model = compiled(
        form, "adam", loss_weights={"price": 0.5}, weighted_metrics={"kind": ["accuracy"]}, metrics=None
    )
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    assert loaded.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(
        x, y, verbose=0, return_dict=True
    )
    for each in (model, loaded):
        each.fit(x, y, epochs=2, verbose=0)
    assert same_weights(model, loaded)
    clone = densor.models.clone_model(model)
    clone.set_weights(model.get_weights())
    flat = list(clone.predict(x).values()) if form == "dict" else clone.predict(x)
    again = list(model.predict(x).values()) if form == "dict" else model.predict(x)
    assert all((a == b).all() for a, b in zip(flat, again, strict=True))
    made = densor.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config(layer.get_config())
    )
    assert [layer.name for layer in made.layers] == [layer.name for layer in model.layers]


class Named(densor.Model):
    """A subclass that takes and returns dicts."""

    def __init__(self, **keywords):
        super().__init__(**keywords)
        self.hidden, self.price, self.kind = (
            layers.Dense(4),
            layers.Dense(1),
            layers.Dense(3, activation="softmax"),
        )

    def call(self, inputs):
        hidden = self.hidden(inputs["deep"])
        both = layers.Concatenate()([inputs["wide"], hidden])
        return {"price": self.price(both), "kind": self.kind(hidden)}


class Listed(densor.Model):
    """A subclass that takes and returns lists."""

    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(1), layers.Dense(2)

    def call(self, inputs):
        wide, deep = inputs
        return [self.first(wide), self.second(deep)]


def test_subclasses(tmp_path):
    model = Named()
    model.compile("adam", loss=LOSSES, metrics=METRICS)
    x, y = {"wide": WIDE, "deep": DEEP}, {"price": PRICE, "kind": KIND}
    history = model.fit(x, y, epochs=20, verbose=0).history
    assert list(history) == ["kind_accuracy", "kind_loss", "loss", "price_loss", "price_mae"]
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model", custom_objects={"Named": Named})
    assert (loaded.predict(x)["kind"] == model.predict(x)["kind"]).all()
    other = Listed()
    other.compile("sgd", "mse")
    history = other.fit([WIDE, DEEP], [PRICE, DEEP[:, :2]], verbose=0).history
    assert list(history) == ["loss", "output_0_loss", "output_1_loss"]


@pytest.mark.parametrize("form", ["list", "dict"])
def test_probe(form):
    model = compiled(form)
    figures = model.probe({"wide": WIDE, "deep": DEEP}, {"price": PRICE, "kind": KIND}, rows=20)
    assert {figure.name for figure in figures} >= {"price", "kind"}
    assert all(figure.gradient_norm > 0 for figure in figures)


def test_single_numbers_per_row():
    """Inputs of one feature take arrays (rows,), as targets of one column do."""
    a, b = densor.Input((1,), name="a"), densor.Input((1,), name="b")
    model = densor.Model([a, b], layers.Dense(1)(layers.Concatenate()([a, b])))
    model.compile("sgd", "mse")
    flat, column = WIDE[:, 0], WIDE[:, :1]
    first = model.evaluate([flat, flat], flat, verbose=0)
    assert first == model.evaluate({"a": column, "b": column}, column, verbose=0)


def test_a_list_or_dict_of_one():
    model = densor.Sequential([densor.Input((6,), name="deep"), layers.Dense(1)])
    model.compile("sgd", ["mse"], metrics=[["mae"]])
    expected = model.evaluate(DEEP, PRICE, verbose=0)
    assert model.evaluate([DEEP], [PRICE], verbose=0) == expected
    assert model.evaluate({"deep": DEEP}, PRICE, verbose=0) == expected


X, Y = [WIDE, DEEP], [PRICE, KIND]


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        (lambda m: m.fit([WIDE], Y), r"fit\(\): argument 'x': expected 2 inputs \['wide', 'deep'\], got 1"),
        (lambda m: m.fit(WIDE, Y), r"fit\(\): argument 'x': the model has 2 inputs; give a list or a dict"),
        (lambda m: m.fit([DEEP, WIDE], Y), r"fit\(\): argument 'x': input 'wide': expected shape \(rows, 5\)"),
        (lambda m: m.fit([WIDE, DEEP[:9]], Y), r"fit\(\): argument 'x': input 'deep' has 9 rows, input 'wide'"),
        (lambda m: m.fit({"wide": WIDE}, Y), r"fit\(\): argument 'x': input 'deep' is missing"),
        (
            lambda m: m.fit({"wide": WIDE, "deeep": DEEP}, Y),
            r"fit\(\): argument 'x': there is no input 'deeep'; did you mean 'deep'\?",
        ),
        (lambda m: m.predict([WIDE, DEEP, DEEP]), r"predict\(\): argument 'x': expected 2 inputs"),
        (lambda m: m.fit(X, PRICE), r"fit\(\): argument 'y': must be a list or dict for the outputs"),
        (lambda m: m.fit(X, [PRICE]), r"fit\(\): argument 'y': expected one for each of the outputs"),
        (lambda m: m.fit(X, {"price": PRICE}), r"fit\(\): argument 'y': output 'kind' is missing"),
        (
            lambda m: m.fit(X, {"prise": PRICE, "kind": KIND}),
            r"fit\(\): argument 'y': there is no output 'prise'; did you mean 'price'\?",
        ),
        (lambda m: m.fit(X, [PRICE, KIND + 5]), r"fit\(\): argument 'y': output 'kind': value . at row \d+ is out"),
        (lambda m: m.fit(X, [PRICE, None]), r"fit\(\): argument 'y': targets are needed for output 'kind'"),
        (lambda m: m.fit(X, [PRICE[:4], KIND]), r"fit\(\): argument 'y': output 'price': expected 50 rows"),
        (
            lambda m: m.fit(X, Y, sample_weight={"kin": np.ones(ROWS)}),
            r"fit\(\): argument 'sample_weight': there is no output 'kin'; did you mean 'kind'\?",
        ),
        (
            lambda m: m.fit(X, Y, sample_weight=[None, -np.ones(ROWS)]),
            r"fit\(\): argument 'sample_weight': output 'kind': value -1.0 at row 0 is negative",
        ),
        (lambda m: m.fit(X, Y, class_weight={0: 1.0}), r"fit\(\): argument 'class_weight': the model has several"),
        (
            lambda m: m.fit(X, Y, validation_data=([WIDE], Y)),
            r"fit\(\): argument 'validation_data': 'x': expected 2 inputs",
        ),
        (lambda m: m.compile(loss=["mse"]), r"compile\(\): argument 'loss': expected one for each of the outputs"),
        (lambda m: m.compile(loss={"price": "mse"}), r"compile\(\): argument 'loss': output 'kind' has no loss"),
        (
            lambda m: m.compile(loss={"price": "mse", "knd": "mse"}),
            r"compile\(\): argument 'loss': there is no output 'knd'; did you mean 'kind'\?",
        ),
        (
            lambda m: m.compile(loss="mse", metrics=["mae"]),
            r"compile\(\): argument 'metrics': must have an entry for each of the outputs",
        ),
        (
            lambda m: m.compile(loss="mse", metrics={"pric": ["mae"]}),
            r"compile\(\): argument 'metrics': there is no output 'pric'",
        ),
        (
            lambda m: m.compile(loss="mse", metrics={"price": ["mae", "mae"]}),
            r"compile\(\): argument 'metrics': two results would be named 'price_mae'",
        ),
        (lambda m: m.compile(loss="mse", loss_weights=0.5), r"compile\(\): argument 'loss_weights': must be a list"),
        (lambda m: m.compile(loss="mse", loss_weights=[1.0]), r"compile\(\): argument 'loss_weights': expected one"),
        (lambda m: m.compile(loss="mse", loss_weights=[1.0, -1.0]), r"compile\(\): argument 'loss_weights': must be"),
        (
            lambda m: m.compile(loss="mse", loss_weights={"price": "a"}),
            r"compile\(\): argument 'loss_weights': must be a number",
        ),
        (lambda m: densor.Model([m.input[0]] * 2, m.output), r"Model\(\): argument 'inputs': the same tensor"),
        (lambda m: densor.Model([], m.output), r"Model\(\): argument 'inputs': expected at least one tensor"),
        (lambda m: densor.Model({1: m.input[0]}, m.output), r"Model\(\): argument 'inputs': the keys of a dict"),
    ],
)  # fmt: skip
def test_wrong_calls_say_what_is_wrong_and_change_nothing(call, pattern):
    model = compiled()
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    with pytest.raises((TypeError, ValueError), match="^" + pattern):
        call(model)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    model.fit(X, Y, verbose=0)
