"""optimizer.variables and optimizer.name, against Keras."""

import numpy as np
import pytest

import densor

OPTIMIZERS = {
    "SGD": [{}, {"momentum": 0.9}, {"use_ema": True}, {"gradient_accumulation_steps": 2}],
    "Adam": [{}, {"amsgrad": True}],
    "AdamW": [{}],
    "Nadam": [{}],
    "RMSprop": [{"momentum": 0.9, "centered": True}],
    "Adadelta": [{}],
    "Adagrad": [{}],
    "Adamax": [{}],
    "Lion": [{}],
    "Lamb": [{}],
    "Ftrl": [{}],
}
CASES = [(name, options) for name, several in OPTIMIZERS.items() for options in several]


def trained(library, name, options, start=None):
    model = library.Sequential([library.Input((3,)), library.layers.Dense(2, name="d")])
    if start is not None:
        model.set_weights(start)
    model.compile(getattr(library.optimizers, name)(learning_rate=0.01, **options), "mse")
    x = np.random.default_rng(1).standard_normal((8, 3)).astype(np.float32)
    before = [w.copy() for w in model.get_weights()]
    model.fit(x, x[:, :2], batch_size=4, epochs=3, shuffle=False, verbose=0)
    return model.optimizer, before


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_variables(keras, name, options):
    theirs, start = trained(keras, name, options)
    ours, _ = trained(densor, name, options, start)
    assert len(ours.variables) == len(theirs.variables)
    for mine, other in zip(ours.variables, theirs.variables, strict=True):
        if not other.path.startswith("variable"):  # the number that Nadam keeps has no name
            assert other.name.endswith(mine.name)
            assert mine.path == f"{ours.name}/{mine.name}"
        assert (mine.shape, mine.dtype) == (tuple(other.shape), str(other.dtype))
        np.testing.assert_allclose(mine.numpy(), np.asarray(other), rtol=2e-4, atol=1e-6, err_msg=mine.name)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_names(keras, name):
    keras.backend.clear_session()  # which counts names: "adam_1" is its second
    assert getattr(densor.optimizers, name)().name == getattr(keras.optimizers, name)().name
    assert getattr(densor.optimizers, name)(name="mine").name == "mine"
