"""Training written by the user: single steps, gradients and their application, steps of a subclass."""

import numpy as np
import pytest

import densor
from densor import layers
from densor.utils import unpack_x_y_sample_weight
from tests.models.batches import BATCH, STARTS, WEIGHT, Loader, X, Y, batches, in_memory
from tests.models.build import FEATURES, ROWS, classifier, regressor, same_weights

OPTIMIZERS = {
    "sgd": lambda: densor.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: densor.optimizers.Adam(0.01, clipnorm=0.1),
    "adamw": lambda: densor.optimizers.AdamW(0.01, global_clipnorm=0.5),
    "nadam": lambda: densor.optimizers.Nadam(0.01, clipvalue=0.01),
    "ema": lambda: densor.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
    "accumulation": lambda: densor.optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "scale": lambda: densor.optimizers.Adam(0.01, loss_scale_factor=1024.0),
    "schedule": lambda: densor.optimizers.RMSprop(
        densor.schedules.ExponentialDecay(0.01, 3, 0.5), weight_decay=0.1
    ),
}


def loop(model, epochs=2):
    """The loop that a student writes."""
    for _ in range(epochs):
        for x, y in batches():
            gradients = model.compute_gradients(x, y)
            model.optimizer.apply(gradients)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_and_their_application_are_a_training_step_bit_for_bit(name):
    """Dropout noise, moving statistics and optimizer state included."""
    model, expected = classifier(OPTIMIZERS[name]()), classifier(OPTIMIZERS[name]())
    loop(model)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    expected.fit(X, Y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    assert same_weights(model, expected)
    assert model.optimizer.iterations == expected.optimizer.iterations == 2 * len(STARTS)
    for each in (model, expected):
        each.fit(X, Y, shuffle=False, verbose=0)
    assert same_weights(model, expected)


def test_penalties_and_constraints_take_part():
    def build():
        densor.utils.set_random_seed(3)
        model = densor.Sequential(
            [
                densor.Input((FEATURES,)),
                layers.Dense(
                    8, kernel_regularizer=densor.regularizers.L1L2(0.01, 0.02), activity_regularizer="l1"
                ),
                layers.Dense(3, activation="softmax", kernel_constraint=densor.constraints.MaxNorm(0.5)),
            ]
        )
        model.compile(densor.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        return model

    model, expected = build(), build()
    loop(model)
    expected.fit(X, Y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    assert same_weights(model, expected)
    _, results = model.compute_gradients(X, Y, return_results=True)
    assert results == model.evaluate(X, Y, verbose=0, return_dict=True)


def test_an_optimizer_that_was_taken_elsewhere_in_between():
    """Its state moves; loops that were bound to the old place are not used again."""
    model, expected = classifier("adam"), classifier("adam")
    other = densor.optimizers.SGD(0.1)
    for x, y in batches():
        model.train_on_batch(x, y)
        gradients = model.compute_gradients(x, y)
        other.apply([0 * gradient for gradient in gradients], model.trainable_variables)
        model.optimizer.apply(gradients)
        expected.train_on_batch(x, y)
        expected.train_on_batch(x, y)
    assert same_weights(model, expected)


def test_batches_one_by_one_are_an_epoch():
    model, (expected, _) = classifier(), in_memory(1)
    for x, y in batches():
        model.train_on_batch(x, y)
    assert same_weights(model, expected)


def test_gradients_are_those_of_the_loss():
    """Against central differences of the loss in float64 arithmetic over float32 evaluations of a linear model."""
    model = regressor(outputs=2)
    y = np.column_stack([X[:, 0], X[:, 1] ** 2])
    gradients, results = model.compute_gradients(X, y, sample_weight=WEIGHT, return_results=True)
    w, b = (array.astype(np.float64) for array in model.get_weights())
    error = X @ w + b - y
    assert results["loss"] == pytest.approx((WEIGHT[:, None] * error**2).mean(), rel=1e-5)
    scaled = 2 * WEIGHT[:, None] * error / error.size
    np.testing.assert_allclose(gradients[0], X.T @ scaled, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gradients[1], scaled.sum(axis=0), rtol=1e-4, atol=1e-6)
    assert [g.shape for g in gradients] == [v.shape for v in model.trainable_weights]


def test_gradients_change_no_weight_and_belong_to_the_caller():
    model = regressor()
    before = model.get_weights()
    first = model.compute_gradients(X, Y)
    kept = [gradient.copy() for gradient in first]
    model.compute_gradients(X[:20], Y[:20])
    assert all((a == b).all() for a, b in zip(first, kept, strict=True))
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    for gradient in first:
        gradient.fill(9.0)
    again = model.compute_gradients(X, Y)
    assert all((a == b).all() for a, b in zip(again, kept, strict=True))


def test_frozen_layers_have_no_gradients():
    model = classifier()
    model.layers[0].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    gradients = model.compute_gradients(X, Y)
    assert [g.shape for g in gradients] == [v.shape for v in model.trainable_weights]
    assert len(gradients) == 4  # gamma, beta, and the last kernel and bias


def test_pairs_of_gradients_and_variables():
    model, expected = classifier("adam"), classifier("adam")
    for x, y in batches():
        gradients = model.compute_gradients(x, y)
        pairs = list(zip(gradients, model.trainable_variables, strict=True))
        model.optimizer.apply_gradients(reversed(pairs))
        expected.train_on_batch(x, y)
    assert same_weights(model, expected)


def test_variables_without_a_gradient_stay_with_their_state():
    model = classifier(densor.optimizers.AdamW(0.01, weight_decay=0.1))
    gradients = model.compute_gradients(X, Y)
    model.optimizer.apply(gradients)
    arena = model.optimizer._state
    kept = [(array.copy(), [slot.copy() for slot in arena.slots]) for array in [arena.parameters]]
    bias = model.layers[0].bias
    place = arena.segment(bias)
    gradients[1] = None
    with pytest.warns(UserWarning, match=r"AdamW.apply\(\): there is no gradient for .*bias"):
        model.optimizer.apply(gradients)
    ((parameters, slots),) = kept
    assert (arena.parameters[place] == parameters[place]).all()
    assert all((new[place] == old[place]).all() for new, old in zip(arena.slots, slots, strict=True))
    assert (arena.parameters != parameters).any()
    only = [(np.ones(bias.shape), bias)]
    before = model.get_weights()
    model.optimizer.apply_gradients(only)
    changed = [(old != new).any() for old, new in zip(before, model.get_weights(), strict=True)]
    assert changed.count(True) == 1


def test_gradients_of_the_caller_do_not_outlive_their_step():
    """A weight that the loss does not reach gets no gradient from an earlier step."""
    inputs = densor.Input((FEATURES,))
    used, unused = layers.Dense(1, name="used"), layers.Dense(1, name="unused")
    model = densor.Model(inputs, [used(inputs), unused(inputs)])
    model.compile("sgd", loss=["mse", None])
    y = X[:, :1]
    gradients = model.compute_gradients(X, [y, None])
    model.optimizer.apply([np.ones_like(gradient) for gradient in gradients])
    before = unused.get_weights()
    model.train_on_batch(X, [y, None])
    assert all((a == b).all() for a, b in zip(before, unused.get_weights(), strict=True))


def test_an_optimizer_without_a_model():
    weight = densor.Variable(np.zeros(3))
    optimizer = densor.optimizers.Adam(0.1)
    optimizer.build([weight])
    assert optimizer.built
    target = np.array([1.0, -2.0, 3.0])
    for _ in range(300):
        optimizer.apply([2 * (weight.numpy() - target)])
    np.testing.assert_allclose(weight.numpy(), target, atol=0.01)


def test_two_optimizers_take_turns_at_one_variable():
    weight = densor.Variable([1.0])
    first, second = densor.optimizers.SGD(0.5, momentum=0.5), densor.optimizers.SGD(0.5)
    first.apply([[1.0]], [weight])
    second.apply([[1.0]], [weight])
    first.apply([[0.0]], [weight])
    assert weight.numpy().tolist() == [1.0 - 0.5 - 0.5 - 0.25]


class Clipping(densor.Sequential):
    """Keras-style: its own step, on gradients that it clips itself."""

    def train_step(self, data):
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        gradients, results = self.compute_gradients(x, y, sample_weight, return_results=True)
        gradients = [np.clip(gradient, -0.01, 0.01) for gradient in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return results


def own(kind, optimizer=None, **options):
    """`classifier`, as an object of another class."""
    made = classifier()
    model = kind(made.layers)
    model.compile(optimizer or "adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


@pytest.mark.parametrize("source", ["arrays", "loader", "steps"])
def test_a_step_of_ones_own(source):
    model = own(Clipping)
    expected = classifier(densor.optimizers.Adam(clipvalue=0.01))
    expected._clock = type(expected._clock)(**vars(model._clock))
    if source == "loader":
        history = model.fit(Loader(), epochs=3, verbose=0)
    else:
        steps = {"steps_per_epoch": len(STARTS)} if source == "steps" else {}
        history = model.fit(X, Y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0, **steps)
    expected.fit(X, Y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert sorted(history.history) == ["accuracy", "loss"]


class Counting(densor.Sequential):
    """Steps that do what they do anyway."""

    steps = 0

    def train_step(self, data):
        self.steps += 1
        return {**super().train_step(data), "steps": self.steps}

    def test_step(self, data):
        return {**super().test_step(data), "tested": 1.0}

    def predict_step(self, data):
        return 2 * super().predict_step(data)


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
def test_steps_that_call_those_of_the_base(shuffle):
    """Weights and running means are those of the native loop, bit for bit."""
    model, expected = own(Counting), own(densor.Sequential)
    options = {"batch_size": BATCH, "epochs": 3, "shuffle": shuffle, "verbose": 0}
    options |= {"validation_split": 0.2, "class_weight": {0: 2.0}}
    expected._clock.seed = model._clock.seed
    history = model.fit(X, Y, **options).history
    reference = expected.fit(X, Y, **options).history
    assert same_weights(model, expected)
    assert history["loss"] == reference["loss"]
    assert history["val_loss"] == pytest.approx(reference["val_loss"], rel=1e-6)
    assert history["steps"] == [4.0, 8.0, 12.0]
    assert history["val_tested"] == [1.0] * 3
    results = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert results.pop("tested") == 1.0
    assert results == pytest.approx(expected.evaluate(X, Y, verbose=0, return_dict=True), rel=1e-6)
    np.testing.assert_array_equal(model.predict(X), 2 * expected.predict(X))
    np.testing.assert_array_equal(model.predict_on_batch(X), 2 * expected.predict(X))
    assert model.test_on_batch(X, Y)[-1] == 1.0
    assert model.train_on_batch(X, Y, return_dict=True)["steps"] == 13.0
    assert expected.optimizer.iterations == 12
    assert model.optimizer.iterations == 13


class Tracked(densor.Model):
    """No compiled loss: an own loss, metrics and weights (Keras' guide to custom training, in NumPy)."""

    def __init__(self):
        super().__init__()
        self.weight = densor.Variable(np.zeros((FEATURES, 1)), "weight")
        self.tracker = densor.metrics.Mean(name="error")

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, data):
        x, y = data
        error = x @ self.weight.numpy() - y
        self.optimizer.apply([2 * x.T @ error / len(x)], [self.weight])
        self.tracker.update_state(error**2)
        return {metric.name: metric.result() for metric in self.metrics}

    def test_step(self, data):
        x, y = data
        self.tracker.update_state((x @ self.weight.numpy() - y) ** 2)
        return {"error": self.tracker.result()}


def test_a_model_without_a_compiled_loss():
    model, y = Tracked(), X[:, :1]
    model.compile(densor.optimizers.SGD(0.1))
    history = model.fit(X, y, batch_size=7, epochs=20, verbose=0, validation_split=0.1).history
    assert list(history) == ["error", "val_error"]
    assert history["error"][-1] < 1e-3
    weight = model.weight.numpy()
    assert model.evaluate(X, y, verbose=0) == pytest.approx(((X @ weight - y) ** 2).mean(), rel=1e-5)
    assert model.fit(X, y, epochs=1, verbose=0, shuffle=False, batch_size=ROWS).history["error"][0] < 1e-3


def test_data_without_targets():
    seen = []

    class Unlabelled(Tracked):
        def train_step(self, data):
            seen.append(data.shape)
            return {"seen": len(seen)}

    model = Unlabelled()
    model.compile("sgd")
    assert model.fit(X, batch_size=32, verbose=0).history == {"seen": [3.0]}
    assert seen == [(32, FEATURES), (32, FEATURES), (6, FEATURES)]


def test_structures_reach_the_step_as_they_were_given():
    a, b = densor.Input((2,), name="a"), densor.Input((3,), name="b")
    got = []

    class Several(densor.Model):
        def __init__(self):
            super().__init__()
            self.inner = densor.Model({"a": a, "b": b}, {"y": layers.Dense(1)(layers.Concatenate()([a, b]))})

        def call(self, inputs):
            return self.inner(inputs)

        def train_step(self, data):
            got.append(data)
            return super().train_step(data)

    model = Several()
    model.compile("sgd", {"y": "mse"})
    model.fit({"b": X[:, :3], "a": X[:, :2]}, {"y": X[:, 0]}, sample_weight=WEIGHT, batch_size=50, verbose=0)
    x, y, weight = got[0]
    assert {name: array.shape for name, array in x.items()} == {"a": (50, 2), "b": (50, 3)}
    assert y["y"].shape == (50,)
    assert weight.shape == (50,)


@pytest.mark.parametrize(
    ("result", "pattern"),
    [
        (None, r"train_step\(\): must return a dict of results by name, got NoneType"),
        ({"loss": np.zeros(3)}, r"train_step\(\): argument 'loss': the results must be single numbers"),
        ({"loss": "small"}, r"train_step\(\): argument 'loss': the results must be numbers, got str"),
    ],
)
def test_steps_that_return_something_else(result, pattern):
    model = own(type("Own", (densor.Sequential,), {"train_step": lambda self, data: result}))
    with pytest.raises(TypeError, match="^" + pattern):
        model.fit(X, Y, verbose=0)
    assert not model._training.taken


def test_what_a_step_of_ones_own_may_not_do():
    class Greedy(densor.Sequential):
        def train_step(self, data):
            return self.fit(*data)

    with pytest.raises(densor.errors.BusyError, match=r"fit\(\): this model is already being trained"):
        own(Greedy).fit(X, Y, verbose=0)


def test_an_exception_in_a_step_leaves_the_model_usable():
    class Failing(Clipping):
        def train_step(self, data):
            if self.optimizer.iterations == 2:
                raise OSError("disk")
            return super().train_step(data)

    model = own(Failing)
    with pytest.raises(OSError, match="disk"):
        model.fit(X, Y, batch_size=BATCH, verbose=0)
    assert model.optimizer.iterations == 2
    model.optimizer.iterations = 3
    model.fit(X, Y, batch_size=BATCH, verbose=0)
    assert model.optimizer.iterations == 8
