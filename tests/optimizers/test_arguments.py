"""Constructors: Keras' signatures, and the refusal of every wrong argument."""

import inspect

import pytest

from densor import optimizers
from densor.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Muon,
    Nadam,
    RAdam,
    RMSprop,
    ScheduleFreeAdamW,
)

ALL = (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam, RAdam, Lion, Lamb, Ftrl, Adafactor, Muon,
       ScheduleFreeAdamW)  # fmt: skip

TAIL = {
    "weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None, "use_ema": False,
    "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}  # fmt: skip
BETAS = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
HEADS = {
    SGD: {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    RMSprop: {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    Adagrad: {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    Adam: {"learning_rate": 0.001, **BETAS, "amsgrad": False},
    AdamW: {"learning_rate": 0.001, "weight_decay": 0.004, **BETAS, "amsgrad": False},
    Adamax: {"learning_rate": 0.001, **BETAS},
    Nadam: {"learning_rate": 0.001, **BETAS},
    RAdam: {"learning_rate": 0.001, **BETAS},
    Lamb: {"learning_rate": 0.001, **BETAS},
    Lion: {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
    Adadelta: {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
    Adafactor: {
        "learning_rate": 0.001, "beta_2_decay": -0.8, "epsilon_1": 1e-30, "epsilon_2": 1e-3, "clip_threshold": 1.0,
        "relative_step": True,
    },
    Muon: {
        "learning_rate": 0.001, "adam_beta_1": 0.9, "adam_beta_2": 0.999, "adam_weight_decay": 0.004, "epsilon": 1e-7,
        "weight_decay": 0.004,
    },
    ScheduleFreeAdamW: {"learning_rate": 0.0025, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "warmup_steps": 0},
    Ftrl: {
        "learning_rate": 0.001, "learning_rate_power": -0.5, "initial_accumulator_value": 0.1,
        "l1_regularization_strength": 0.0, "l2_regularization_strength": 0.0,
        "l2_shrinkage_regularization_strength": 0.0, "beta": 0.0,
    },
}  # fmt: skip
OURS = {
    Adam: {"epsilon_mode": "keras"},
    AdamW: {"epsilon_mode": "keras"},
    Nadam: {"momentum_decay": 1.0},
    Muon: {  # Keras' own, behind the name
        "exclude_layers": None, "exclude_embeddings": True, "muon_a": 3.4445, "muon_b": -4.775, "muon_c": 2.0315,
        "adam_lr_ratio": 1, "momentum": 0.95, "ns_steps": 5, "nesterov": True, "rms_rate": 0.2,
    },
}  # fmt: skip


@pytest.mark.parametrize("cls", ALL)
def test_signatures_are_those_of_keras(cls):
    parameters = list(inspect.signature(cls).parameters.values())
    expected = {**HEADS[cls], **{k: v for k, v in TAIL.items() if k not in HEADS[cls]}, "name": None}
    expected |= OURS.get(cls, {})  # behind those of Keras
    given = {p.name: p.default for p in parameters if p.kind is not p.VAR_KEYWORD}
    assert list(given.items()) == list(expected.items())


CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")
WRONG_VALUES = [
    (SGD, "momentum", [-0.1, 1.1, float("nan")]),
    (RMSprop, "rho", [-0.1, 1.0, float("nan")]),
    (RMSprop, "momentum", [-0.1, 1.0]),
    (RMSprop, "epsilon", [0, -1e-7, float("inf")]),
    (Adagrad, "initial_accumulator_value", [-0.1, float("nan")]),
    (Adagrad, "epsilon", [0]),
    *((cls, "beta_1", [-0.1, 1.0, 2, float("nan")]) for cls in (Adam, AdamW, Adamax, Nadam)),
    *((cls, "beta_2", [-0.1, 1.0, 2, float("nan")]) for cls in (Adam, AdamW, Adamax, Nadam)),
    *((cls, "epsilon", [0.0, -1.0, float("nan")]) for cls in (Adam, AdamW, Adamax, Nadam)),
    *((cls, "weight_decay", [-0.1, float("nan"), float("inf")]) for cls in ALL),
    *((cls, clip, [0.0, -1, float("nan"), float("inf")]) for cls in ALL for clip in CLIPS),
    *((cls, "ema_momentum", [-0.1, 1.1, float("nan"), "poliak"]) for cls in ALL),
    *((cls, "ema_overwrite_frequency", [0, -1]) for cls in ALL),
    *((cls, "loss_scale_factor", [0.0, -2.0, float("inf")]) for cls in ALL),
    *((cls, "gradient_accumulation_steps", [1, 0, -4]) for cls in ALL),
    *((cls, "epsilon_mode", ["torch", ""]) for cls in (Adam, AdamW)),
    (Nadam, "momentum_decay", [-0.1, float("nan")]),
    *((cls, "beta_2", [-0.1, 1.0]) for cls in (RAdam, Lion, Lamb)),
    (Adadelta, "rho", [-0.1, 1.0]),
    (Ftrl, "learning_rate_power", [0.1, float("-inf")]),
    *((Ftrl, name, [-0.1, float("nan")]) for name in HEADS[Ftrl] if "rate" not in name),
    *((cls, "name", [""]) for cls in ALL),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cls", "argument", "value"),
    [(cls, argument, value) for cls, argument, values in WRONG_VALUES for value in values],
)
def test_wrong_values(cls, argument, value):
    with pytest.raises(ValueError, match=rf"^{cls.__name__}\(\): argument '{argument}': ") as error:
        cls(**{argument: value})
    assert argument == "name" or str(value) in str(error.value)


@pytest.mark.parametrize(
    ("cls", "argument", "value"),
    [
        (SGD, "momentum", "0.9"),
        (SGD, "momentum", None),
        (SGD, "nesterov", 1),
        (RMSprop, "centered", "yes"),
        (RMSprop, "rho", [0.9]),
        (Adagrad, "initial_accumulator_value", None),
        (Adam, "beta_1", True),
        (AdamW, "weight_decay", None),
        (AdamW, "weight_decay", False),
        (Adamax, "epsilon", "small"),
        (Nadam, "beta_2", None),
        (SGD, "clipnorm", "1"),
        (SGD, "name", 3),
        (SGD, "use_ema", 1),
        (SGD, "ema_momentum", None),
        (SGD, "ema_overwrite_frequency", 2.5),
        (SGD, "loss_scale_factor", "big"),
        (SGD, "gradient_accumulation_steps", 2.0),
        (Adam, "amsgrad", "yes"),
        (Adam, "epsilon_mode", 1),
        (Ftrl, "beta", None),
    ],
)
def test_wrong_kinds(cls, argument, value):
    with pytest.raises(TypeError, match=rf"^{cls.__name__}\(\): argument '{argument}': "):
        cls(**{argument: value})


@pytest.mark.parametrize("cls", ALL)
def test_unknown_arguments_name_the_nearest(cls):
    with pytest.raises(
        TypeError, match=rf"^{cls.__name__}\(\): argument 'learning_rte': .*'learning_rate'\?$"
    ):
        cls(learning_rte=0.1)
    with pytest.raises(TypeError, match=r"argument 'clip_norm': .*did you mean 'clipnorm'"):
        cls(clip_norm=1.0)


@pytest.mark.parametrize(
    "pair", [("clipnorm", "clipvalue"), ("clipnorm", "global_clipnorm"), ("clipvalue", "global_clipnorm")]
)
def test_only_one_clipping(pair):
    with pytest.raises(
        ValueError, match=rf"^SGD\(\): argument '{pair[1]}': at most one .* but {pair[0]} is too"
    ):
        SGD(**dict.fromkeys(pair, 1.0))
    for name in pair:
        assert getattr(SGD(**{name: 2}), name) == 2.0


@pytest.mark.parametrize("cls", ALL)
def test_names_classes_configurations_and_instances(cls):
    instance = cls(0.5)
    assert optimizers.get(instance) is instance
    assert type(optimizers.get(cls)) is cls
    for name in (cls.__name__, cls.__name__.lower(), cls.__name__.upper()):
        assert type(optimizers.get(name)) is cls
    assert optimizers.get(optimizers.serialize(instance)).learning_rate == 0.5


def test_get_refuses_the_rest():
    with pytest.raises(
        ValueError, match=r"'adamm' is not a known optimizer: 'sgd', .*did you mean 'adam'\?$"
    ):
        optimizers.get("adamm")
    for wrong in (3, None, object(), [SGD()], int):
        with pytest.raises(TypeError, match=r"^optimizers.get\(\): argument 'identifier': must be a name"):
            optimizers.get(wrong)


def test_the_base_class_is_no_optimizer():
    with pytest.raises(NotImplementedError, match="use SGD"):
        optimizers.Optimizer(0.1).coefficients(0, 1)
