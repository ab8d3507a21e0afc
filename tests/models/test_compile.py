"""compile: what it takes and what it refuses."""

import pytest

import densor
from tests.models.build import data, same_weights


def named_outputs(loss, outputs=dict):
    x = densor.Input((6,))
    p, q = (
        densor.layers.Dense(n, kernel_initializer="ones", name=name)(x) for name, n in (("p", 1), ("q", 2))
    )
    model = densor.Model(x, {"p": p, "q": q} if outputs is dict else [p, q])
    model.compile("sgd", loss)
    return model


def test_a_dict_of_losses_for_some_outputs_of_a_dict():
    x = data()[0]
    model, whole = named_outputs({"p": "mse"}), named_outputs({"p": "mse", "q": None})
    one = model.fit(x, {"p": x[:, :1]}, epochs=2, shuffle=False, verbose=0)
    other = whole.fit(x, {"p": x[:, :1], "q": x[:, :2]}, epochs=2, shuffle=False, verbose=0)
    assert one.history == other.history
    assert list(one.history) == ["loss"]
    assert same_weights(model, whole)
    with pytest.raises(ValueError, match="output 'q' has no loss"):
        named_outputs({"p": "mse"}, list)


@pytest.mark.parametrize("steps", [0, -1, 1.5, "2", None])
def test_steps_per_execution_is_a_number_of_steps(steps):
    with pytest.raises((TypeError, ValueError), match=r"compile\(\): argument 'steps_per_execution'"):
        densor.Sequential([densor.layers.Dense(1)]).compile("sgd", "mse", steps_per_execution=steps)
