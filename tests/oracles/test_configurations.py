"""Configurations and signatures against Keras: what one writes, the other's constructor takes."""

import inspect

import pytest

import densor
from densor.models.keras_config import plain
from tests.oracles.test_metrics import METRICS

OPTIMIZERS = {
    "SGD": {"momentum": 0.5, "nesterov": True, "clipnorm": 1.0},
    "RMSprop": {"rho": 0.8, "momentum": 0.1, "centered": True},
    "Adagrad": {"initial_accumulator_value": 0.3, "weight_decay": 0.1},
    "Adadelta": {"rho": 0.8, "use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 5},
    "Adam": {"beta_1": 0.8, "epsilon": 1e-5, "amsgrad": True},
    "AdamW": {"weight_decay": 0.1, "clipvalue": 0.5},
    "Adamax": {"beta_2": 0.9},
    "Nadam": {"beta_1": 0.8, "global_clipnorm": 2.0},
    "Lion": {"beta_2": 0.9, "gradient_accumulation_steps": 3},
    "Lamb": {"beta_1": 0.8, "loss_scale_factor": 8.0},
    "Ftrl": {"learning_rate_power": -0.7, "l1_regularization_strength": 0.1, "beta": 0.5},
}
# Arguments that Keras does not have, after all of its own.
MORE = {
    "Adam": [("epsilon_mode", "keras")],
    "AdamW": [("epsilon_mode", "keras")],
    "Nadam": [("momentum_decay", 1.0)],
}


def parameters(function):
    listed = inspect.signature(function).parameters.values()
    return [(p.name, p.default) for p in listed if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(keras, name):
    theirs, ours = getattr(keras.optimizers, name), getattr(densor.optimizers, name)
    assert parameters(ours) == parameters(theirs) + MORE.get(name, [])
    expected, actual = (
        theirs(0.25, **OPTIMIZERS[name]).get_config(),
        ours(0.25, **OPTIMIZERS[name]).get_config(),
    )
    expected["name"] = actual["name"]  # Keras counts: "adam_1"
    assert actual == expected
    assert ours.from_config(expected).get_config() == actual


SCHEDULES = {
    "ExponentialDecay": (0.5, 10, 0.25),
    "InverseTimeDecay": (0.5, 10, 0.25),
    "PolynomialDecay": (0.5, 10),
    "PiecewiseConstantDecay": ([5, 10], [0.5, 0.25, 0.125]),
    "CosineDecay": (0.5, 10),
    "CosineDecayRestarts": (0.5, 10),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(keras, name):
    theirs, ours = getattr(keras.optimizers.schedules, name), getattr(densor.optimizers.schedules, name)
    assert parameters(ours) == parameters(theirs)
    expected = theirs(*SCHEDULES[name]).get_config()
    assert ours(*SCHEDULES[name]).get_config() == expected
    assert ours.from_config(expected).get_config() == expected


CALLBACKS = [
    "EarlyStopping",
    "ReduceLROnPlateau",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "CSVLogger",
    "TerminateOnNaN",
]


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks(keras, name):
    assert parameters(getattr(densor.callbacks, name)) == parameters(getattr(keras.callbacks, name))


@pytest.mark.parametrize(
    "name",
    [
        "RandomNormal",
        "RandomUniform",
        "TruncatedNormal",
        "VarianceScaling",
        "Constant",
        "HeNormal",
        "GlorotUniform",
        "LecunNormal",
    ],
)
def test_initializers(keras, name):
    theirs, ours = getattr(keras.initializers, name), getattr(densor.initializers, name)
    newer = {"input_axes", "output_axes"}  # kernels of other layouts, which densor has none of
    assert parameters(ours) == [(n, default) for n, default in parameters(theirs) if n not in newer]
    assert ours().get_config().keys() == theirs().get_config().keys() - newer


LOSSES = [
    name
    for name in densor.losses.__all__
    if name[0].isupper() and name not in ("Loss", "LossFunctionWrapper")
]


@pytest.mark.parametrize("name", LOSSES)
def test_losses(keras, name):
    theirs, ours = getattr(keras.losses, name), getattr(densor.losses, name)
    assert parameters(ours) == parameters(theirs)
    expected = theirs().get_config()
    assert (
        ours.from_config(plain({"class_name": name, "config": expected})["config"]).get_config()
        == ours().get_config()
    )
    assert theirs.from_config(ours().get_config()).get_config() == expected


METRIC_CLASSES = {**{name: options for name, options, *_ in METRICS}, "Mean": {}, "Sum": {}}


@pytest.mark.parametrize("name", METRIC_CLASSES)
def test_metrics(keras, name):
    theirs, ours = getattr(keras.metrics, name), getattr(densor.metrics, name)
    assert parameters(ours) == parameters(theirs)
    options = {**METRIC_CLASSES[name], "name": "given"}
    settings = plain({"class_name": name, "config": theirs(**options).get_config()})["config"]
    assert ours.from_config(settings).get_config() == ours(**options).get_config()
    again = theirs.from_config(ours(**options).get_config())
    assert plain({"class_name": name, "config": again.get_config()})["config"] == settings
