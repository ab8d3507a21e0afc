"""The public names: those of Keras, reachable in every way programs reach for them, and quick to import."""

import subprocess
import sys

import numpy as np
import pytest

import densor

NAMES = [
    "Input", "Model", "Regularizer", "Sequential", "__version__", "activations.relu", "backend.clear_session",
    "backend.get_value", "backend.set_value", "callbacks.EarlyStopping", "config.num_threads", "constraints.max_norm",
    "datasets.fashion_mnist.load_data", "datasets.mnist.load_data",
    "initializers.HeNormal", "keras.keras.layers.Dense", "layers.Dense", "losses.MeanSquaredError",
    "metrics.BinaryAccuracy", "models.Sequential", "models.clone_model", "models.load_model", "ops.dense",
    "optimizers.Adam", "optimizers.schedules.ExponentialDecay", "random.normal", "random.set_seed", "regularizers.l2",
    "utils.clear_session", "utils.is_keras_tensor", "utils.plot_model",
    "utils.set_random_seed",
    "utils.to_categorical",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_name(name):
    found = densor
    for part in name.split("."):
        found = getattr(found, part)


@pytest.mark.parametrize(
    "line",
    [
        "from densor import keras",
        "from densor.keras import layers",
        "from densor.keras.layers import Dense; import densor; assert Dense is densor.layers.Dense",
        "import densor.keras.optimizers.schedules as s; import densor; assert s is densor.optimizers.schedules",
        "import densor as tf; tf.keras.models.Sequential([tf.keras.layers.Dense(1)])",
        "from densor.keras.datasets import fashion_mnist",
    ],
)
def test_import(line):
    subprocess.run([sys.executable, "-c", line], check=True)


def test_value_functions_of_the_backend():
    optimizer = densor.optimizers.SGD(0.5)
    densor.backend.set_value(optimizer.learning_rate, 0.25)
    assert densor.backend.get_value(optimizer.learning_rate) == 0.25
    variable = densor.Variable([1.0, 2.0])
    densor.backend.set_value(variable, [3, 4])
    np.testing.assert_array_equal(densor.backend.get_value(variable), [3, 4])
    with pytest.raises(TypeError, match=r"set_value\(\): argument 'x'"):
        densor.backend.set_value(3, 4)


def test_clear_session_counts_names_anew():
    densor.backend.clear_session()
    assert densor.layers.Dense(1).name == "dense"
    assert densor.layers.Dense(1).name == "dense_1"


def test_import_loads_nothing_heavy():
    program = "import sys, densor; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    for module in (
        "rich",
        "safetensors",
        "matplotlib",
        "urllib.request",
        "subprocess",
        "multiprocessing",
        "asyncio",
    ):
        assert module not in loaded
