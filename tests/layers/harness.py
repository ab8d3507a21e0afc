"""What every layer must pass: shapes, values in both modes, gradients, config and weights."""

import copy
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from densor import layers, ops
from densor.graph import Tensor
from tests.graph.build import MSE, check_gradients
from tests.tolerances import assert_close

ROWS = 5


@dataclass
class Case:
    """One layer with its expectations.

    make: makes the layer from keyword arguments (`name=`). shape: of one row, or a list of shapes.
    reference: (inputs, weights, training) -> outputs in float64. weights: their names in order.
    op: the row of the table of tolerances.
    """

    make: Any
    shape: Any
    reference: Any
    op: str
    output_shape: tuple
    weights: list = field(default_factory=list)
    gradient: bool = True

    @property
    def many(self):
        return isinstance(self.shape, list)

    def arrays(self, rows=ROWS):
        rng = np.random.default_rng(2)
        shapes = self.shape if self.many else [self.shape]
        found = [rng.uniform(-1, 1, (rows, *shape)).astype(np.float32) for shape in shapes]
        return found if self.many else found[0]

    def symbols(self):
        shapes = self.shape if self.many else [self.shape]
        found = [Tensor((None, *shape)) for shape in shapes]
        return found if self.many else found[0]

    def built(self, **keywords):
        """The layer, built, with weights that are not what they start from."""
        layer = self.make(**keywords)
        layer(self.symbols())
        rng = np.random.default_rng(3)
        layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
        return layer


def check(case):
    check_shapes(case)
    check_values(case)
    check_config(case)
    check_weights(case)
    check_copies(case)
    if case.gradient:
        check_gradient(case)


def check_shapes(case):
    layer = case.make()
    assert not layer.built
    assert layer(case.symbols()).shape == (None, *case.output_shape)
    assert layer.built
    shapes = [(None, *shape) for shape in (case.shape if case.many else [case.shape])]
    assert case.make().compute_output_shape(shapes if case.many else shapes[0]) == (None, *case.output_shape)
    for rows in (ROWS, 1, 0):
        result = case.make()(case.arrays(rows))
        assert result.shape == (rows, *case.output_shape)
        assert result.dtype == np.float32


def check_values(case):
    """Calls on arrays in both modes against the reference; the inputs stay as they are."""
    x = case.arrays()
    for training in (False, True):
        layer = case.built()
        weights = [w.astype(np.float64) for w in layer.get_weights()]
        expected = case.reference(x, weights, training)
        assert_close(layer(x, training=training), expected, case.op)
        before = copy.deepcopy(x)
        layer(x, training=training)
        for array, old in zip(x if case.many else [x], before if case.many else [before], strict=True):
            assert np.array_equal(array, old), "the input was changed"


def check_config(case):
    layer = case.make(name="given")
    config = layer.get_config()
    assert config["name"] == "given"
    assert json.loads(json.dumps(config, allow_nan=False)) == config
    again = type(layer).from_config(config)
    assert again.get_config() == config
    assert type(layers.deserialize(layers.serialize(layer))) is type(layer)
    for wrong in ({"no_such_argument": 1}, {"name": 3}, {"trainable": "yes"}, {"dtype": "float16"}):
        with pytest.raises((TypeError, ValueError), match=rf"^{type(layer).__name__}\(\): argument '\w+'"):
            type(layer).from_config({**config, **wrong})


def check_weights(case):
    layer = case.built(name="l")
    assert [v.name for v in layer.weights] == case.weights
    assert [v.path for v in layer.weights] == [f"l/{name}" for name in case.weights]
    assert layer.count_params() == sum(v.size for v in layer.weights)
    trainable = list(layer.trainable_weights)
    layer.trainable = False
    assert layer.trainable_weights == []
    assert [v.name for v in layer.weights] == case.weights, "freezing must not change the order"
    layer.trainable = True
    assert layer.trainable_weights == trainable
    values = layer.get_weights()
    other = case.built()
    other.set_weights(values)
    for a, b in zip(values, other.get_weights(), strict=True):
        assert np.array_equal(a, b)
    with pytest.raises(ValueError, match=r"^set_weights\(\): argument 'weights'"):
        layer.set_weights([*values, np.zeros(1)])
    if values:
        with pytest.raises(ValueError, match=r"^set_weights\(\): argument 'weights': expected shape"):
            layer.set_weights([v + 1 for v in values[:-1]] + [np.zeros((7, 7, 7))])
        for a, b in zip(values, layer.get_weights(), strict=True):
            assert np.array_equal(a, b), "a refused call must change nothing"


def check_copies(case):
    layer = case.built()
    x = case.arrays()
    other = copy.deepcopy(layer)
    assert np.array_equal(other(x), layer(x))
    for a, b in zip(layer.weights, other.weights, strict=True):
        assert not np.shares_memory(a.array, b.array)


def check_gradient(case):
    """In training mode, from the layer's weights and from a dense layer before it, in float64."""
    layer = case.built()
    features = int(np.prod(case.shape))
    before = layers.Dense(features, kernel_initializer="glorot_uniform")

    def model(x):
        return ops.flatten(layer(ops.reshape(before(x), (-1, *case.shape))))

    targets = np.random.default_rng(4).uniform(size=(ROWS, int(np.prod(case.output_shape))))
    before.build_for((None, 3))
    check_gradients(model, 3, targets, MSE)
