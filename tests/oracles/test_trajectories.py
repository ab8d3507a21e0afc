"""50 training steps from the same weights on the same batches: the weights stay within 1e-5 of Keras'.

ScheduleFreeAdamW is not among them: on PyTorch, Keras reads the old z where it has changed in place. Golden steps, made
by the formulas that Keras follows on JAX, stand in for it.
"""

import numpy as np
import pytest

import densor
from tests.tolerances import assert_close

ROWS, FEATURES, CLASSES, BATCH, EPOCHS = 80, 12, 4, 8, 5  # 10 batches x 5 epochs

OPTIMIZERS = {
    "sgd": ("SGD", {"learning_rate": 0.05}),
    "momentum": ("SGD", {"learning_rate": 0.02, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.002}),
    "rmsprop_momentum": ("RMSprop", {"learning_rate": 0.001, "momentum": 0.8}),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.001, "centered": True, "epsilon": 1e-3}),
    "adagrad": ("Adagrad", {"learning_rate": 0.02}),
    "adam": ("Adam", {"learning_rate": 0.005}),
    "adamw": ("AdamW", {"learning_rate": 0.005, "weight_decay": 0.02}),
    "adamax": ("Adamax", {"learning_rate": 0.005}),
    "nadam": ("Nadam", {"learning_rate": 0.005}),
    "adadelta": ("Adadelta", {"learning_rate": 1.0, "epsilon": 1e-3}),
    "amsgrad": ("Adam", {"learning_rate": 0.005, "amsgrad": True}),
    "lion": ("Lion", {"learning_rate": 0.001, "weight_decay": 0.1}),
    "lamb": ("Lamb", {"learning_rate": 0.005, "weight_decay": 0.1}),
    "ftrl": ("Ftrl", {"learning_rate": 0.05, "l2_regularization_strength": 0.01, "beta": 0.1}),
    "ftrl_power": (
        "Ftrl",
        {"learning_rate": 0.05, "learning_rate_power": -0.7, "initial_accumulator_value": 0.5},
    ),
    "adafactor": ("Adafactor", {"learning_rate": 0.05}),
    "adafactor_settings": (
        "Adafactor",
        {
            "learning_rate": 0.02,
            "beta_2_decay": -0.6,
            "epsilon_2": 0.1,
            "clip_threshold": 0.7,
            "weight_decay": 0.1,
            "clipvalue": 0.05,
        },
    ),
    "adafactor_ema_loss_scale": (
        "Adafactor",
        {"learning_rate": 0.05, "use_ema": True, "loss_scale_factor": 64.0, "epsilon_1": 1e-8},
    ),
    "muon": ("Muon", {"learning_rate": 0.01}),
    "muon_settings": (
        "Muon",
        {
            "learning_rate": 0.005,
            "nesterov": False,
            "ns_steps": 3,
            "rms_rate": None,
            "adam_lr_ratio": 2.0,
            "weight_decay": 0.1,
            "adam_weight_decay": 0.05,
            "global_clipnorm": 0.2,
            "use_ema": True,
        },
    ),
    "muon_excludes": (
        "Muon",
        {"learning_rate": 0.01, "exclude_layers": ["dense_1", "kernel"], "momentum": 0.5},
    ),
    "sgd_ema": ("SGD", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.9}),
    "adam_ema_overwrites": (
        "Adam",
        {"learning_rate": 0.005, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 7},
    ),
    "momentum_accumulates": (
        "SGD",
        {"learning_rate": 0.05, "momentum": 0.9, "gradient_accumulation_steps": 4, "clipnorm": 0.2},
    ),
    "adamw_accumulates": (
        "AdamW",
        {"learning_rate": 0.01, "weight_decay": 0.1, "gradient_accumulation_steps": 3, "use_ema": True},
    ),
    "nadam_accumulates": ("Nadam", {"learning_rate": 0.01, "gradient_accumulation_steps": 2}),
    "sgd_loss_scale": ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 1024.0, "clipnorm": 0.1}),
    "sgd_clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.01}),
    "adam_clipnorm": ("Adam", {"learning_rate": 0.005, "clipnorm": 0.05}),
    "momentum_global_clipnorm": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "global_clipnorm": 0.1}),
    "sgd_weight_decay": ("SGD", {"learning_rate": 0.05, "weight_decay": 0.1}),
    "rmsprop_weight_decay_clipnorm": (
        "RMSprop",
        {"learning_rate": 0.002, "weight_decay": 0.05, "clipnorm": 0.5},
    ),
}


def data():
    rng = np.random.default_rng(50)
    x = rng.standard_normal((ROWS, FEATURES)).astype(np.float32)
    return x, rng.integers(0, CLASSES, ROWS)


def network(keras, batch_norm):
    """Smooth activations: a kink would turn a rounding into another trajectory. No bias before batch norm."""
    hidden = [
        keras.layers.Dense(16, use_bias=not batch_norm, activation=None if batch_norm else "tanh"),
        *(
            [keras.layers.BatchNormalization(momentum=0.9), keras.layers.Activation("tanh")]
            if batch_norm
            else []
        ),
        keras.layers.Dense(9, activation="silu"),
    ]
    return keras.Sequential(
        [keras.Input((FEATURES,)), *hidden, keras.layers.Dense(CLASSES, activation="softmax")]
    )


def schedule(keras):
    return keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=10, decay_rate=0.5)


def train(keras, model, optimizer, sample_weight=None):
    x, y = data()
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, sample_weight=sample_weight
    )
    return history.history


def compare(keras, make_optimizer, batch_norm, sample_weight=None):
    models = network(keras, batch_norm), network(densor, batch_norm)
    compare_models(keras, *models, make_optimizer, sample_weight)


def compare_models(keras, theirs, ours, make_optimizer, sample_weight=None):
    ours.set_weights(theirs.get_weights())
    start = [w.copy() for w in theirs.get_weights()]
    expected = train(keras, theirs, make_optimizer(keras), sample_weight)
    actual = train(densor, ours, make_optimizer(densor), sample_weight)
    moved = 0.0
    for before, want, got in zip(start, theirs.get_weights(), ours.get_weights(), strict=True):
        moved = max(moved, float(np.abs(want - before).max()))
        assert_close(got, want, "trajectory")
    assert moved > 1e-2, "the training did nothing, so nothing was compared"
    assert sorted(actual) == sorted(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(actual[key], values, rtol=1e-5, atol=1e-5, err_msg=key)
    x, y = data()
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5, err_msg="predictions"
    )
    np.testing.assert_allclose(
        ours.evaluate(x, y, verbose=0),
        theirs.evaluate(x, y, verbose=0),
        rtol=1e-4,
        atol=1e-5,
        err_msg="evaluation",
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch_norm"])
def test_trajectory(keras, name, batch_norm):
    optimizer, arguments = OPTIMIZERS[name]
    if name == "lion":
        # It moves weights by signs. From the weights of the seed before, one sum comes so close to 0 that weights that
        # differ by 4e-7 of themselves make it the other sign, and so do the roundings of some CPUs.
        keras.utils.set_random_seed(2)
    compare(keras, lambda library: getattr(library.optimizers, optimizer)(**arguments), batch_norm)


def test_trajectory_of_radam():
    """PyTorch has the rule that Keras lacks: a linear model with squared errors, gradients by hand."""
    torch = pytest.importorskip("torch")
    x, y = data()
    targets = np.eye(CLASSES, dtype=np.float32)[y]
    model = densor.Sequential([densor.Input((FEATURES,)), densor.layers.Dense(CLASSES)])
    leaves = [torch.tensor(w, requires_grad=True) for w in model.get_weights()]
    theirs = torch.optim.RAdam(leaves, lr=0.01, eps=1e-7)
    model.compile(densor.optimizers.RAdam(0.01), loss="mse")
    model.fit(x, targets, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    for _ in range(EPOCHS):
        for begin in range(0, ROWS, BATCH):
            rows = slice(begin, begin + BATCH)
            theirs.zero_grad()
            residual = torch.tensor(x[rows]) @ leaves[0] + leaves[1] - torch.tensor(targets[rows])
            residual.square().mean().backward()
            theirs.step()
    for got, want in zip(model.get_weights(), leaves, strict=True):
        assert_close(got, want.detach().numpy(), "trajectory")


@pytest.mark.filterwarnings("ignore:compile.*l2 penalty")
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_swapped_averages_in_validation(keras, swap_on_epoch):
    x, y = data()
    histories, models = [], [network(keras, False), network(densor, False)]
    models[1].set_weights(models[0].get_weights())
    for library, model in zip((keras, densor), models, strict=True):
        optimizer = library.optimizers.SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.9)
        model.compile(optimizer, loss="sparse_categorical_crossentropy")
        fitted = model.fit(
            x, y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0, validation_data=(x, y),
            callbacks=[library.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)],
        )  # fmt: skip
        histories.append(fitted.history)
    for key, values in histories[0].items():
        np.testing.assert_allclose(histories[1][key], values, rtol=1e-5, err_msg=key)
    for want, got in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        assert_close(got, want, "trajectory")


def test_trajectory_with_a_schedule(keras):
    compare(keras, lambda library: library.optimizers.SGD(schedule(library), momentum=0.9), True)


def test_trajectory_with_sample_weights(keras):
    weight = np.random.default_rng(1).uniform(0.1, 2.0, ROWS).astype(np.float32)
    compare(keras, lambda library: library.optimizers.Adam(0.005), True, weight)


def test_trajectory_without_decay_of_biases(keras):
    def optimizer(library):
        instance = library.optimizers.AdamW(0.005, weight_decay=0.1)
        instance.exclude_from_weight_decay(var_names=["bias"])
        return instance

    compare(keras, optimizer, False)


def regularized(keras, layers):
    return keras.Sequential([keras.Input((FEATURES,)), *layers(keras)])


PENALTIES = {
    "l2": lambda k: [
        k.layers.Dense(16, activation="tanh", kernel_regularizer=k.regularizers.l2(0.01)),
        k.layers.Dense(CLASSES, activation="softmax", kernel_regularizer="l2", bias_regularizer="l2"),
    ],
    "l1_l2_and_activity": lambda k: [
        k.layers.Dense(
            16,
            activation="tanh",
            kernel_regularizer=k.regularizers.l1_l2(0.001, 0.02),
            activity_regularizer=k.regularizers.L2(0.05),
        ),
        k.layers.ActivityRegularization(l1=0.01, l2=0.02),
        k.layers.Dense(CLASSES, activation="softmax", bias_regularizer=k.regularizers.L1L2(0.0, 0.1)),
    ],
    "activity_of_probabilities": lambda k: [
        k.layers.Dense(16, activation="silu"),
        k.layers.Dense(CLASSES, activation="softmax", activity_regularizer=k.regularizers.L2(0.3)),
    ],
    "batch_norm": lambda k: [
        k.layers.Dense(16, use_bias=False, kernel_regularizer="l2"),
        k.layers.BatchNormalization(momentum=0.9, gamma_regularizer="l2", beta_regularizer="l2"),
        k.layers.Activation("tanh"),
        k.layers.Dense(CLASSES, activation="softmax"),
    ],
    "max_norm": lambda k: [
        k.layers.Dense(16, activation="tanh", kernel_constraint=k.constraints.max_norm(0.7)),
        k.layers.Dense(CLASSES, activation="softmax", bias_constraint=k.constraints.MaxNorm(0.05)),
    ],
    "norms": lambda k: [
        k.layers.Dense(16, activation="tanh", kernel_constraint=k.constraints.UnitNorm()),
        k.layers.Dense(
            9, activation="silu", kernel_constraint=k.constraints.MinMaxNorm(0.5, 0.9, 0.3, axis=1)
        ),
        k.layers.Dense(CLASSES, activation="softmax", kernel_constraint=k.constraints.NonNeg()),
    ],
    "orthogonal": lambda k: [
        k.layers.Dense(16, activation="tanh", kernel_regularizer=k.regularizers.OrthogonalRegularizer(0.5)),
        k.layers.Dense(
            CLASSES,
            activation="softmax",
            kernel_regularizer=k.regularizers.OrthogonalRegularizer(0.5, "columns"),
        ),
    ],
    "both": lambda k: [
        k.layers.Dense(16, activation="tanh", kernel_regularizer="l2", kernel_constraint="max_norm"),
        k.layers.Dense(CLASSES, activation="softmax", kernel_constraint="non_neg", bias_regularizer="l2"),
    ],
}


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("optimizer", ["nesterov", "adam_clipnorm"])
@pytest.mark.filterwarnings("ignore:compile.*l2 penalty")
def test_trajectory_with_penalties_and_constraints(keras, name, optimizer):
    theirs, ours = (regularized(library, PENALTIES[name]) for library in (keras, densor))
    kind, arguments = OPTIMIZERS[optimizer]
    compare_models(keras, theirs, ours, lambda library: getattr(library.optimizers, kind)(**arguments))


def test_trajectory_with_a_partial_last_batch(keras):
    """80 rows in batches of 32: the last batch of 16 counts by its rows."""
    theirs, ours = network(keras, True), network(densor, True)
    ours.set_weights(theirs.get_weights())
    x, y = data()
    for library, model in ((keras, theirs), (densor, ours)):
        model.compile(library.optimizers.SGD(0.05), loss="sparse_categorical_crossentropy")
        model.history = model.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(ours.history.history["loss"], theirs.history.history["loss"], rtol=1e-5)
    for want, got in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        assert_close(got, want, "trajectory")
