"""The recorded optimizer steps against the optimizers of Keras and PyTorch, gradient by gradient."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from tests.golden import make_optimizers

GOLDEN = json.loads(make_optimizers.PATH.read_text())


# On PyTorch Keras moves z before it has read the old one; on JAX, whose arrays do not change, it does not.
ON_JAX = [name for name in GOLDEN["cases"] if "schedule_free" in name]
KERAS = [
    name
    for name in GOLDEN["cases"]
    if name not in ON_JAX and not re.search("radam|paper|momentum_decay", name)
]
TORCH = {
    "radam": ("RAdam", {"lr": 0.01, "eps": 1e-7}),
    "radam_betas_epsilon": ("RAdam", {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-4}),
    "adam_paper": ("Adam", {"lr": 0.01, "eps": 1e-4}),
    "nadam_momentum_decay": ("NAdam", {"lr": 0.01, "eps": 1e-7, "momentum_decay": 0.004}),
}


def test_every_case_has_an_oracle():
    assert {*KERAS, *ON_JAX, *TORCH} == GOLDEN["cases"].keys()


@pytest.mark.parametrize("name", TORCH)
def test_torch_makes_the_same_steps(name):
    torch = pytest.importorskip("torch")
    kind, arguments = TORCH[name]
    leaves = [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in GOLDEN["start"]]
    optimizer = getattr(torch.optim, kind)(leaves, **arguments)
    for gradients, expected in zip(GOLDEN["gradients"], GOLDEN["cases"][name]["weights"], strict=True):
        for leaf, gradient in zip(leaves, gradients, strict=True):
            leaf.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        actual = np.concatenate([leaf.detach().numpy().ravel() for leaf in leaves])
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-10)


def compare_with_keras(keras, name):
    case = GOLDEN["cases"][name]
    optimizer = getattr(keras.optimizers, case["class"])(**case["arguments"])
    variables = [keras.Variable(np.array(w, np.float32)) for w in GOLDEN["start"]]
    for step, (gradients, expected) in enumerate(zip(GOLDEN["gradients"], case["weights"], strict=True)):
        arrays = [keras.ops.convert_to_tensor(np.array(g, np.float32)) for g in gradients]
        optimizer.apply(arrays, variables)
        actual = np.concatenate([np.ravel(keras.ops.convert_to_numpy(v)) for v in variables])
        np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=5e-6, err_msg=f"step {step}")


@pytest.mark.parametrize("name", KERAS)
def test_keras_makes_the_same_steps(keras, name):
    compare_with_keras(keras, name)


def test_keras_on_jax_makes_the_same_steps(keras):
    pytest.importorskip("jax")
    program = "import keras; from tests.oracles.test_golden import ON_JAX, compare_with_keras\n"
    program += "for name in ON_JAX: compare_with_keras(keras, name)"
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
