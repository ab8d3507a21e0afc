"""Distillation against keras.distillation: losses, and weights after whole epochs.

Keras must be given the loss as an instance: of its default, the name "kl_divergence", it finds the function, and
applies that to logits without softmax, temperature squared and all.
"""

import numpy as np
import pytest

import densor
from densor import distillation

FEATURES, CLASSES = 6, 4


def network(package, units, name):
    return package.Sequential(
        [
            package.Input((FEATURES,)),
            package.layers.Dense(units, activation="tanh", name="hidden"),
            package.layers.Dense(CLASSES, name="logits"),
        ],
        name=name,
    )


def distiller(package, module, weights, units, comparisons, share):
    teacher, student = network(package, 10, "teacher"), network(package, units, "student")
    for model, values in zip((teacher, student), weights, strict=True):
        model.set_weights(values)
    found = module.Distiller(
        teacher, student, comparisons(module), distillation_loss_weights=[1.0, 0.5], student_loss_weight=share
    )
    loss = package.losses.SparseCategoricalCrossentropy(from_logits=True)
    found.compile(package.optimizers.SGD(0.2, momentum=0.9), loss=loss, metrics=["accuracy"])
    return found


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_distiller(keras, share):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((80, FEATURES)).astype(np.float32), rng.integers(0, CLASSES, 80)
    units = 10

    def comparisons(module):
        divergence = {} if module is distillation else {"loss": keras.losses.KLDivergence()}
        return [
            module.LogitsDistillation(temperature=3.0, **divergence),
            module.FeatureDistillation("mse", teacher_layer_name="hidden", student_layer_name="hidden"),
        ]

    shapes = [(FEATURES, units), (units,), (units, CLASSES), (CLASSES,)]
    weights = [[rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes] for _ in range(2)]
    ours = distiller(densor, distillation, weights, units, comparisons, share)
    theirs = distiller(keras, keras.distillation, weights, units, comparisons, share)
    options = {"epochs": 5, "batch_size": 16, "shuffle": False, "verbose": 0}
    a, b = (model.fit(x, y, **options).history for model in (ours, theirs))
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=2e-4, atol=1e-5, err_msg=name)
    assert set(b) - set(a) <= {"total_loss"}
    for mine, wanted in zip(ours.student.get_weights(), theirs.student.get_weights(), strict=True):
        np.testing.assert_allclose(mine, wanted, atol=1e-5)
