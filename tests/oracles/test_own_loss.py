"""Losses that layers add, and `compute_loss` of a subclass, against Keras over 50 steps."""

import numpy as np
import pytest

import densor
from densor import ops as our_ops

ROWS, FEATURES = 64, 5


def parts(framework, ops):
    """A layer that adds to the loss and a model with its own loss, of either framework."""

    class Energy(framework.layers.Layer):
        def call(self, inputs):
            self.add_loss(0.3 * ops.mean(ops.square(inputs)))
            self.add_loss(0.01 * ops.sum(ops.abs(inputs), axis=-1))
            return inputs

    class Own(framework.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
            return loss + ops.mean(ops.abs(y_pred)) + 0.1 * ops.mean(ops.square(x))

    return Energy, Own


def model(framework, ops, own, loss):
    energy, special = parts(framework, ops)
    layers = [
        framework.Input((FEATURES,)),
        framework.layers.Dense(8, activation="tanh", kernel_regularizer=framework.regularizers.L2(0.01)),
        energy(),
        framework.layers.Dense(3, activity_regularizer=framework.regularizers.L2(0.02)),
    ]
    net = (special if own else framework.Sequential)(layers)
    net.compile(framework.optimizers.SGD(0.02, momentum=0.8), loss=loss)
    return net


@pytest.mark.parametrize(("own", "loss"), [(False, "mse"), (False, None), (True, "mse"), (True, "huber")])
def test_trajectories(keras, own, loss):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((ROWS, FEATURES)).astype(np.float32)
    y = rng.standard_normal((ROWS, 3)).astype(np.float32)
    theirs, ours = model(keras, keras.ops, own, loss), model(densor, our_ops, own, loss)
    ours.set_weights(theirs.get_weights())
    for net in (theirs, ours):
        net.fit(x, y, batch_size=10, epochs=7, shuffle=False, verbose=0)
    for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-5)
    np.testing.assert_allclose(ours.history.history["loss"], theirs.history.history["loss"], rtol=1e-5)
    assert ours.evaluate(x, y, batch_size=ROWS, verbose=0) == pytest.approx(
        theirs.evaluate(x, y, batch_size=ROWS, verbose=0), rel=1e-5
    )
    theirs(x), ours(x)
    np.testing.assert_allclose(
        ours.losses, [keras.ops.convert_to_numpy(keras.ops.sum(one)) for one in theirs.losses], rtol=1e-5
    )
