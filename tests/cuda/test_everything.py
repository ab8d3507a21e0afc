"""Whatever models can use: every layer, loss, metric, optimizer, constraint and regularizer takes steps on the device
and agrees with the CPU, or stands in REFUSED with the reason."""

import numpy as np
import pytest

import densor as keras
from densor import constraints, layers, losses, metrics, optimizers, regularizers
from tests.cuda.models import needs_device, on_both
from tests.layers.test_augmentation import MAKE as AUGMENTATIONS
from tests.layers.test_layers import CASES as LAYERS
from tests.layers.test_noise import MAKE as NOISES

pytestmark = needs_device

# Class: why it does not run on a device.
REFUSED = {
    "MixUp": "labels change with the images: it takes batches of arrays, on the host, before they are trained on",
    "CutMix": "as MixUp",
}
NO_STEPS = {"Layer", "InputLayer", "Lambda", "Loss", "Metric", "Optimizer", "Constraint", "Regularizer"}
ROWS = 12
MORE_IMAGES = {
    "AutoContrast": lambda **k: layers.AutoContrast(**k),
    "Equalization": lambda **k: layers.Equalization(**k),
    "RandAugment": lambda **k: layers.RandAugment(**k),
    "RandomColorDegeneration": lambda **k: layers.RandomColorDegeneration((0.5, 0.9), **k),
    "RandomColorJitter": lambda **k: layers.RandomColorJitter(
        brightness_factor=0.2, saturation_factor=(0.4, 0.6), **k
    ),
    "RandomGrayscale": lambda **k: layers.RandomGrayscale(0.5, **k),
    "RandomHue": lambda **k: layers.RandomHue((0.2, 0.4), **k),
    "RandomSaturation": lambda **k: layers.RandomSaturation((0.3, 0.6), **k),
    "RandomCrop": lambda **k: layers.RandomCrop(5, 6, **k),
    "Pipeline": lambda **k: layers.Pipeline([layers.RandomFlip(**k), layers.RandomHue((0.2, 0.3), **k)]),
}


def rng():
    return np.random.default_rng(5)


def ended(outputs, x, y, device, loss="sparse_categorical_crossentropy", optimizer="sgd", **options):
    """Weights, losses and predictions after an epoch of a model: two whole batches and a part of one."""
    model = keras.Model(*outputs)
    model.compile(optimizer, loss, device=device, **options)
    history = model.fit(x, y, batch_size=5, epochs=1, shuffle=False, verbose=0).history
    results = model.evaluate(x, y, batch_size=5, verbose=0, return_dict=True)
    return model.get_weights(), history, results, model.predict(x, verbose=0)


def behind(layer, shapes, device, images=False, dense=False, many=False):
    """The layer between inputs (`many`: a list of them) and a classifier.

    `dense` puts something that learns before it, as backward wants.
    """
    keras.utils.set_random_seed(3)
    inputs = [keras.Input(shape) for shape in shapes]
    before = inputs
    if dense:
        before = [
            layers.Reshape(shape)(layers.Dense(int(np.prod(shape)))(layers.Flatten()(x)))
            for x, shape in zip(inputs, shapes, strict=True)
        ]
    y = layer(before if many else before[0])
    outputs = layers.Dense(3, activation="softmax")(layers.Flatten()(y))
    numbers = rng()
    x = [numbers.uniform(0, 255 if images else 1, (ROWS, *shape)).astype(np.float32) for shape in shapes]
    return ended((inputs, outputs), x if len(x) > 1 else x[0], numbers.integers(0, 3, ROWS), device)


@pytest.mark.parametrize("name", [name for name, case in LAYERS.items() if case.shape != ()])
def test_layers(name):
    case = LAYERS[name]
    shapes = case.shape if case.many else [case.shape]
    dense = case.gradient and all(shapes)
    on_both(lambda device: behind(case.make(), shapes, device, dense=dense, many=case.many))


@pytest.mark.parametrize("name", NOISES)
def test_noises(name):
    on_both(lambda device: behind(NOISES[name](seed=3), [(5, 8)], device, dense=True))


@pytest.mark.parametrize("name", AUGMENTATIONS | MORE_IMAGES)
def test_augmentations(name):
    make = (AUGMENTATIONS | MORE_IMAGES)[name]
    # Before the classifier values are small again, so that training stays calm.
    layer = lambda x: layers.Rescaling(1 / 255)(make(seed=3)(x))  # noqa: E731
    on_both(lambda device: behind(layer, [(8, 7, 3)], device, images=True))


def of(module, base):
    found = {name for name, item in vars(module).items() if isinstance(item, type) and issubclass(item, base)}
    return sorted(found - NO_STEPS)


SHARES = {"KLDivergence", "Poisson", "MeanSquaredLogarithmicError", "Dice", "Tversky"}
SPARSE = {"SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy"}
SIGNED = {"Hinge", "SquaredHinge"}
FUNCTION = {"LossFunctionWrapper": lambda y, p: keras.ops.square(y - p)}


def targets_of(name, numbers):
    classes = numbers.integers(0, 3, ROWS)
    if name in SPARSE or name.startswith("Sparse"):
        return classes
    if name == "Circle":
        return classes
    if name in SIGNED:
        return np.where(numbers.random((ROWS, 3)) < 0.5, -1.0, 1.0).astype(np.float32)
    if name in SHARES or "Percentage" in name:
        return (numbers.random((ROWS, 3)) + 0.1).astype(np.float32)
    return np.eye(3, dtype=np.float32)[classes]


def small(activation="softmax"):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6,))
    return inputs, layers.Dense(3, activation=activation)(layers.Dense(7, activation="tanh")(inputs))


@pytest.mark.parametrize("name", of(losses, losses.Loss))
def test_losses(name):
    make = getattr(losses, name)
    loss = (lambda: make(FUNCTION[name])) if name in FUNCTION else make

    def run(device):
        numbers = rng()
        x, y = numbers.random((ROWS, 6)).astype(np.float32), targets_of(name, numbers)
        return ended(small("linear" if name == "Circle" else "softmax"), x, y, device, loss())

    on_both(run)


ARGUMENTS = {
    "MeanMetricWrapper": (lambda y, p: keras.ops.square(y - p),),
    "IoU": (3, [0, 2]),
    "MeanIoU": (3,),
    "OneHotIoU": (3, [0, 2]),
    "OneHotMeanIoU": (3,),
    "BinaryIoU": ([0, 1],),
    "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,),
    "SensitivityAtSpecificity": (0.5,),
    "SpecificityAtSensitivity": (0.5,),
}
OF_VALUES = {"Mean", "Sum"}  # of numbers, not of predictions: no model has them as a metric
OF_CLASSES = {"Accuracy", "IoU", "MeanIoU"}  # compare predicted class numbers with those of the data


@pytest.mark.parametrize("name", sorted(set(of(metrics, metrics.Metric)) - OF_VALUES))
def test_metrics(name):
    make = getattr(metrics, name)

    def run(device):
        numbers = rng()
        x, y = numbers.random((ROWS, 6)).astype(np.float32), targets_of(name, numbers)
        loss = "sparse_categorical_crossentropy" if y.ndim == 1 else "mse"
        outputs = small()
        if name in OF_CLASSES:
            inputs = outputs[0]
            outputs = inputs, layers.Dense(1, activation="sigmoid")(inputs)
            y, loss = y[:, :1] if y.ndim > 1 else y[:, None] * 1.0, "mse"
        return ended(outputs, x, y, device, loss, metrics=[make(*ARGUMENTS.get(name, ()), name="metric")])

    on_both(run)


@pytest.mark.parametrize("name", of(optimizers, optimizers.Optimizer))
def test_optimizers(name):
    make = getattr(optimizers, name)

    def run(device):
        numbers = rng()
        x, y = numbers.random((ROWS, 6)).astype(np.float32), numbers.integers(0, 3, ROWS)
        return ended(small(), x, y, device, optimizer=make())

    on_both(run)


def penalized(device, **options):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6,))
    outputs = layers.Dense(3, activation="softmax")(layers.Dense(5, **options)(inputs))
    numbers = rng()
    return ended(
        (inputs, outputs), numbers.random((ROWS, 6)).astype(np.float32), numbers.integers(0, 3, ROWS), device
    )


CONSTRAINTS = {"FunctionConstraint": lambda: constraints.get(lambda w: keras.ops.clip(w, -0.3, 0.3))}
REGULARIZERS = {
    "FunctionRegularizer": lambda: regularizers.get(lambda w: 0.01 * keras.ops.sum(keras.ops.square(w))),
}


@pytest.mark.parametrize("name", of(constraints, constraints.Constraint))
def test_constraints(name):
    make = CONSTRAINTS.get(name, getattr(constraints, name))
    on_both(lambda device: penalized(device, kernel_constraint=make()))


@pytest.mark.parametrize("name", of(regularizers, regularizers.Regularizer))
@pytest.mark.parametrize("place", ["kernel_regularizer", "activity_regularizer"])
def test_regularizers(name, place):
    if name == "OrthogonalRegularizer" and place == "activity_regularizer":
        pytest.skip("it is for matrices of weights")
    make = REGULARIZERS.get(name, getattr(regularizers, name))
    on_both(lambda device: penalized(device, **{place: make()}))


def test_every_layer_is_here():
    names = (
        {type(case.make()).__name__ for case in LAYERS.values()}
        | set(AUGMENTATIONS)
        | set(MORE_IMAGES)
        | set(NOISES)
    )
    assert set(of(layers, layers.Layer)) - names - set(REFUSED) == {"SpectralNormalization"}
