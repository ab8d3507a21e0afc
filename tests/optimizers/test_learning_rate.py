"""`optimizer.learning_rate`: what it takes, what it returns, when it cannot be set."""

import copy
import pickle

import numpy as np
import pytest

from densor.graph import Variable
from densor.optimizers import SGD, Adam
from densor.optimizers.schedules import CosineDecay, ExponentialDecay


def test_it_is_kept_as_float32():
    optimizer = SGD(0.1)
    assert float(optimizer.learning_rate) == float(np.float32(0.1)) != 0.1
    assert optimizer.learning_rate.numpy() == np.float32(0.1)
    assert optimizer.learning_rate.numpy().dtype == np.float32
    assert round(optimizer.learning_rate, 5) == 0.1
    assert np.asarray(optimizer.learning_rate).shape == ()


@pytest.mark.parametrize("value", [0.5, 2, np.float32(0.5), np.int64(1), np.array(0.25), 0])
def test_the_setter_takes_numbers_and_ints(value):
    optimizer = SGD(0.1)
    optimizer.learning_rate = value
    assert optimizer.learning_rate == float(value)
    assert optimizer.coefficients(0, 1)[0, 1] == float(value)


def test_assign_is_the_setter():
    optimizer = SGD(0.1)
    optimizer.learning_rate.assign(0.5)
    assert optimizer.learning_rate == 0.5


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), -1])
def test_the_setter_refuses_wrong_values(value):
    optimizer = SGD(0.1)
    with pytest.raises(
        ValueError, match=r"^SGD\(\): argument 'learning_rate': must be finite and at least 0"
    ):
        optimizer.learning_rate = value
    assert optimizer.learning_rate == np.float32(0.1)


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1], {"a": 1}])
def test_the_setter_refuses_other_kinds(value):
    optimizer = SGD(0.1)
    with pytest.raises(TypeError, match=r"^SGD\(\): argument 'learning_rate': must be a number"):
        optimizer.learning_rate = value
    assert optimizer.learning_rate == np.float32(0.1)


def test_the_constructor_refuses_an_int_as_keras_does():
    with pytest.raises(TypeError, match=r"^SGD\(\): argument 'learning_rate': .* got 1; write 1\.0$"):
        SGD(learning_rate=1)
    assert SGD(learning_rate=np.float32(0.5)).learning_rate == 0.5


@pytest.mark.parametrize("value", [0.0, -0.1, float("nan"), float("inf")])
def test_the_constructor_refuses_wrong_values(value):
    with pytest.raises(
        ValueError, match=r"^Adam\(\): argument 'learning_rate': must be finite and greater than 0"
    ):
        Adam(value)


@pytest.mark.parametrize("value", ["fast", None, True, [0.1], float])
def test_the_constructor_refuses_other_kinds(value):
    with pytest.raises(
        TypeError, match=r"^Adam\(\): argument 'learning_rate': must be a float or a schedule"
    ):
        Adam(value)


def test_a_schedule_is_read_at_the_next_step_and_cannot_be_set():
    optimizer = SGD(ExponentialDecay(0.5, 1, 0.5))
    assert optimizer.learning_rate == 0.5
    optimizer.iterations = 2
    assert optimizer.learning_rate == 0.125
    with pytest.raises(TypeError, match=r"^SGD\(\): argument 'learning_rate': .* follows a ExponentialDecay"):
        optimizer.learning_rate = 0.1
    with pytest.raises(TypeError, match="follows a ExponentialDecay"):
        optimizer.learning_rate.assign(0.1)
    optimizer.learning_rate = CosineDecay(0.25, 10)
    optimizer.iterations = 0
    assert optimizer.learning_rate == 0.25


def test_a_schedule_as_configuration():
    config = {"class_name": "ExponentialDecay", "config": ExponentialDecay(0.5, 1, 0.5).get_config()}
    assert SGD(config).coefficients(0, 2)[:, 1].tolist() == [0.5, 0.25]


def test_a_rate_can_be_copied_without_its_optimizer():
    rate = SGD(0.5).learning_rate
    for duplicate in (copy.deepcopy(rate), pickle.loads(pickle.dumps(rate))):
        assert type(duplicate) is float
        assert duplicate == 0.5


def test_lr_is_the_old_name():
    with pytest.warns(DeprecationWarning, match=r"^SGD\(\): 'lr' is now 'learning_rate'"):
        optimizer = SGD(lr=0.5)
    assert optimizer.learning_rate == 0.5
    with pytest.warns(DeprecationWarning, match="'lr'"), pytest.raises(ValueError, match="'learning_rate'"):
        Adam(lr=-1.0)


def test_iterations():
    optimizer = SGD()
    assert optimizer.iterations == 0
    optimizer.iterations = np.int64(5)
    assert optimizer.iterations == 5
    with pytest.raises(ValueError, match=r"^SGD\(\): argument 'iterations': must be at least 0, got -1"):
        optimizer.iterations = -1
    with pytest.raises(TypeError, match=r"^SGD\(\): argument 'iterations': must be an integer"):
        optimizer.iterations = 1.0
    assert optimizer.iterations == 5


@pytest.mark.parametrize("setting", ["learning_rate", "iterations"])
def test_what_is_read_answers_to_the_methods_of_variables(setting):
    optimizer = SGD(4.0)
    optimizer.iterations = 4
    read = getattr(optimizer, setting)
    assert read.numpy() == read.value == np.asarray(read) == 4
    assert read.numpy().dtype == read.dtype == {"learning_rate": "float32", "iterations": "int32"}[setting]
    assert (read.shape, read.ndim) == ((), 0)
    read.assign_add(3)
    read.assign_sub(1)
    assert (getattr(optimizer, setting), read) == (6, 4)
    read.assign(2)
    assert getattr(optimizer, setting) == 2
    with pytest.raises(ValueError, match=rf"^SGD\(\): argument '{setting}': must be .*at least 0"):
        read.assign_sub(3)
    assert getattr(optimizer, setting) == 2


def test_iterations_can_be_copied_without_their_optimizer():
    for duplicate in (copy.deepcopy(SGD().iterations), pickle.loads(pickle.dumps(SGD().iterations))):
        assert type(duplicate) is int


def test_steps_go_by_the_iterations_that_were_assigned():
    """Adam's first step is the rate whatever the gradient; its second is so again only where the count starts anew."""
    moved = []
    for start_anew in (False, True):
        weight = Variable([0.0])
        optimizer = Adam(0.5, beta_1=0.5, beta_2=0.5)
        optimizer.apply([[1.0]], [weight])
        if start_anew:
            optimizer.iterations.assign(0)
        before = weight.numpy()
        optimizer.apply([[1.0]], [weight])
        assert optimizer.iterations == 2 - start_anew
        moved.append(float((before - weight.numpy())[0]))
    np.testing.assert_allclose(moved, [0.5, 0.5 * 0.5**0.5 / 0.5 * 0.75 / 0.75**0.5], rtol=1e-5)
