"""get_config and from_config, copies, and weight decay by variable."""

import copy
import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from densor import optimizers
from densor.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Nadam,
    RAdam,
    RMSprop,
)
from densor.optimizers.schedules import CosineDecay, LearningRateSchedule

EXAMPLES = [
    SGD(0.5, momentum=0.8, nesterov=True, clipvalue=0.5),
    RMSprop(0.5, rho=0.8, momentum=0.1, epsilon=1e-5, centered=True, global_clipnorm=2.0),
    Adagrad(0.5, initial_accumulator_value=0.3, epsilon=1e-5, weight_decay=0.01),
    Adam(CosineDecay(0.5, 100), beta_1=0.8, beta_2=0.9, epsilon=1e-5, clipnorm=1.0),
    AdamW(0.5, weight_decay=0.1, name="mine"),
    Adamax(0.5, beta_1=0.8),
    Nadam(0.5, beta_2=0.9),
    Nadam(0.5, momentum_decay=0.004, gradient_accumulation_steps=3),
    Adam(0.5, amsgrad=True, epsilon_mode="paper", use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=7),
    SGD(0.5, use_ema=True, ema_momentum="polyak", loss_scale_factor=4.0, gradient_accumulation_steps=2),
    Adadelta(0.5, rho=0.8, epsilon=1e-5),
    RAdam(0.5, beta_1=0.8),
    Lion(0.5, beta_2=0.9, weight_decay=0.1),
    Lamb(0.5, epsilon=1e-5),
    Ftrl(
        0.5, learning_rate_power=-0.7, l1_regularization_strength=0.1, beta=0.2, initial_accumulator_value=0.3
    ),
]


@pytest.mark.parametrize("optimizer", EXAMPLES, ids=lambda o: type(o).__name__)
def test_round_trip(optimizer):
    config = json.loads(json.dumps(optimizers.serialize(optimizer), allow_nan=False))
    twin = optimizers.deserialize(config)
    assert type(twin) is type(optimizer)
    assert twin.get_config() == optimizer.get_config()
    assert twin.rule == optimizer.rule
    assert twin.slots == optimizer.slots
    np.testing.assert_array_equal(twin.coefficients(3, 20), optimizer.coefficients(3, 20))


@pytest.mark.parametrize("optimizer", EXAMPLES, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["copy", "pickle"]
)
def test_copies(optimizer, duplicate):
    twin = duplicate(optimizer)
    assert twin.get_config() == optimizer.get_config()
    np.testing.assert_array_equal(twin.coefficients(0, 5), optimizer.coefficients(0, 5))


def test_the_configuration_has_the_rate_of_now():
    optimizer = SGD(0.5)
    optimizer.learning_rate = 0.25
    assert SGD.from_config(optimizer.get_config()).learning_rate == 0.25


def test_decay_survives_without_a_second_warning():
    with pytest.warns(DeprecationWarning, match="decay"):
        optimizer = SGD(0.5, decay=1.0)
    twin = optimizers.deserialize(optimizers.serialize(optimizer))
    np.testing.assert_array_equal(twin.coefficients(0, 3), optimizer.coefficients(0, 3))
    assert "decay" not in SGD(0.5).get_config()


class Constant(LearningRateSchedule):
    def __call__(self, step):
        return 0.5

    def get_config(self):
        return {}


def test_custom_schedules_are_passed_in():
    config = Adam(Constant()).get_config()
    twin = Adam.from_config(config, custom_objects={"Constant": Constant})
    assert twin.learning_rate == 0.5
    with pytest.raises(ValueError, match="'Constant' is not a known schedule"):
        Adam.from_config(config)


def variable(path):
    return SimpleNamespace(path=path, name=path.split("/")[-1])


KERNEL, BIAS, GAMMA = (variable(path) for path in ("dense/kernel", "dense/bias", "batch_normalization/gamma"))


def test_without_weight_decay_nothing_decays():
    assert not SGD().decays(KERNEL)
    assert not SGD(weight_decay=0.0).decays(KERNEL)


def test_weight_decay_reaches_everything_until_told_otherwise():
    optimizer = AdamW()
    assert all(optimizer.decays(v) for v in (KERNEL, BIAS, GAMMA))
    optimizer.exclude_from_weight_decay(var_names=["bias", "^batch_norm"])
    assert [optimizer.decays(v) for v in (KERNEL, BIAS, GAMMA)] == [True, False, False]
    optimizer.exclude_from_weight_decay(var_list=[KERNEL])
    assert [optimizer.decays(v) for v in (KERNEL, variable("dense/kernel"), BIAS)] == [False, True, True]
    optimizer.exclude_from_weight_decay()
    assert optimizer.decays(KERNEL)


def test_names_that_do_not_decay_are_part_of_the_configuration():
    optimizer = AdamW()
    assert "exclude_from_weight_decay" not in optimizer.get_config()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    twin = AdamW.from_config(optimizer.get_config())
    assert [twin.decays(v) for v in (KERNEL, BIAS)] == [True, False]
    assert twin.get_config() == optimizer.get_config()


def test_exclusions_are_checked():
    optimizer = AdamW()
    where = r"^AdamW.exclude_from_weight_decay\(\): argument "
    with pytest.raises(TypeError, match=where + "'var_names': must be a list"):
        optimizer.exclude_from_weight_decay(var_names="bias")
    with pytest.raises(TypeError, match=where + "'var_names': must be a string, got 3"):
        optimizer.exclude_from_weight_decay(var_names=[3])
    with pytest.raises(ValueError, match=where + r"'var_names': '\(': "):
        optimizer.exclude_from_weight_decay(var_names=["("])
    with pytest.raises(TypeError, match=where + "'var_list': must hold variables, got 'bias'"):
        optimizer.exclude_from_weight_decay(var_list=["bias"])
    assert optimizer.decays(BIAS)


def test_exclusions_come_before_training():
    optimizer = AdamW()
    assert not optimizer.built
    optimizer._state = object()
    assert optimizer.built
    with pytest.raises(RuntimeError, match=r"^AdamW.exclude_from_weight_decay\(\) must be called before"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


def test_variables_are_copies_of_the_state():
    optimizer = optimizers.Adam(0.5)
    assert [(v.name, v.path, v.shape, v.dtype) for v in optimizer.variables] == [
        ("iteration", "adam/iteration", (), "int32"),
        ("learning_rate", "adam/learning_rate", (), "float32"),
    ]
    scheduled = optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))
    assert [v.name for v in scheduled.variables] == ["iteration"]
    optimizer.iterations = 7
    before = optimizer.variables
    optimizer.iterations = 8
    assert [int(v.numpy()) for v in (before[0], optimizer.variables[0])] == [7, 8]
    with pytest.raises(TypeError, match=r"assign\(\): adam/iteration is a copy of the state"):
        before[0].assign(3)
