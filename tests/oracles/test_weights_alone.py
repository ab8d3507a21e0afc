"""What the `call` of an own layer computes of its weights alone, trained side by side with Keras."""

import numpy as np
import pytest

import densor

keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 48, 5)).astype(np.float32)
CALLS = {
    "exp": lambda o, x, w, v: x * o.exp(w) + v,
    "gate": lambda o, x, w, v: o.sigmoid(w) * x + (1 - o.sigmoid(w)) * o.tanh(v),
    "operators": lambda o, x, w, v: x * (w * w) - v / 2 + (-w),
    "two weights": lambda o, x, w, v: x * (w * v) + abs(v - w),
    "softplus": lambda o, x, w, v: x / o.softplus(w) + o.gelu(v),
    "clip": lambda o, x, w, v: x * o.clip(w, 0.1, 0.5) + o.maximum(v, w),
    "power": lambda o, x, w, v: x**2 * o.square(w) + o.power(o.abs(v), 1.5),
    "where": lambda o, x, w, v: x * o.where(w > 0, w, 2 * w) + o.relu(w + v),
    "slopes": lambda o, x, w, v: o.relu(x) - o.exp(w) * o.relu(-x) + v,
}


def trained(library, call, shape):
    class Own(library.layers.Layer):
        def build(self, input_shape):
            constant = library.initializers.Constant
            self.w = self.add_weight(shape=shape, initializer=constant(0.3), name="w")
            self.v = self.add_weight(shape=(input_shape[-1],), initializer=constant(-0.2), name="v")

        def call(self, inputs):
            return call(library.ops, inputs, self.w, self.v)

    start = library.Input((5,))
    model = library.Model(start, Own()(start))
    model.compile(library.optimizers.SGD(0.1), "mse")
    losses = model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]
    return losses, model.get_weights()


@pytest.mark.parametrize("shape", [(5,), ()], ids=["vector", "number"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_it_is_trained_as_in_keras(call, shape):
    (losses, weights), (wanted, references) = trained(densor, call, shape), trained(keras, call, shape)
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)
    for weight, reference in zip(weights, references, strict=True):
        np.testing.assert_allclose(weight, reference, rtol=1e-4, atol=1e-6)
