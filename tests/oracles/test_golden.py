"""The recorded optimizer steps against Keras' optimizers, gradient by gradient."""

import json

import numpy as np
import pytest

from tests.golden import make_optimizers

GOLDEN = json.loads(make_optimizers.PATH.read_text())


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_keras_makes_the_same_steps(keras, name):
    case = GOLDEN["cases"][name]
    optimizer = getattr(keras.optimizers, case["class"])(**case["arguments"])
    variables = [keras.Variable(np.array(w, np.float32)) for w in GOLDEN["start"]]
    for step, (gradients, expected) in enumerate(zip(GOLDEN["gradients"], case["weights"], strict=True)):
        arrays = [keras.ops.convert_to_tensor(np.array(g, np.float32)) for g in gradients]
        optimizer.apply(arrays, variables)
        actual = np.concatenate([np.ravel(keras.ops.convert_to_numpy(v)) for v in variables])
        np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=5e-6, err_msg=f"step {step}")
