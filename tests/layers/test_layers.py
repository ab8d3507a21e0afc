"""Every layer through the harness."""

from functools import reduce

import numpy as np
import pytest

import densor
from densor import layers
from tests.layers.harness import Case, check
from tests.reference import (
    activation,
    batch_norm,
    dense,
    elementary_activation,
    layer_norm,
    softmax,
    standardize,
)

ONE_OR_MORE = (
    layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum, layers.Concatenate
)  # fmt: skip


def elementwise(name, alpha=0.0):
    return lambda x, weights, training: activation.forward(x, name, alpha)


def normalized(*axes):
    """Batch normalization whose columns are the places of these axes, by default the last one."""

    def reference(x, weights, training):
        kept = [axis % x.ndim for axis in axes or (-1,)]
        order = [axis for axis in range(x.ndim) if axis not in kept] + kept
        moved = x.transpose(order)
        gamma, beta, mean, variance = (w.reshape(-1) for w in weights)
        flat = moved.reshape(-1, gamma.size)
        y = (
            batch_norm.forward(flat, gamma, beta, 1e-3)[0]
            if training
            else batch_norm.inference(flat, gamma, beta, mean, variance, 1e-3)[0]
        )
        return y.reshape(moved.shape).transpose(np.argsort(order))

    return reference


def normalized_rows(kind, epsilon, *axes):
    """Normalization over these axes of every sample."""

    def reference(x, weights, training):
        kept = [axis % x.ndim for axis in axes]
        order = [axis for axis in range(x.ndim) if axis not in kept] + kept
        moved = x.transpose(order)
        rows = moved.reshape(-1, int(np.prod([x.shape[axis] for axis in kept])))
        gamma, beta = ([w.reshape(1, -1) for w in weights] + [None, None])[:2]
        return (
            layer_norm.forward(rows, gamma, beta, epsilon, kind)
            .reshape(moved.shape)
            .transpose(np.argsort(order))
        )

    return reference


def normalized_groups(groups, axis):
    """Group normalization as Keras writes it: moments over all axes but the batch and the groups."""

    def reference(x, weights, training):
        x = np.moveaxis(x.astype(np.float64), axis, -1)
        split = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
        mean, variance = (f(split, axis=(1, 3), keepdims=True) for f in (np.mean, np.var))
        y = ((split - mean) / np.sqrt(variance + 1e-3)).reshape(x.shape) * weights[0] + weights[1]
        return np.moveaxis(y, -1, axis)

    return reference


def product(name="linear"):
    def reference(x, weights, training):
        flat = x.reshape(-1, x.shape[-1])
        y = dense.forward(flat, *weights)[0] if len(weights) == 2 else dense.forward(flat, weights[0])[0]
        y = softmax.forward(y) if name == "softmax" else activation.forward(y, name, 0.2)
        return y.reshape(*x.shape[:-1], -1)

    return reference


def merged(combine, inputs):
    return reduce(combine, [x.astype(np.float64) for x in inputs])


def cosine(a, b):
    a, b = (x.astype(np.float64) for x in (a, b))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return ((a * b).sum(1) / lengths)[:, None]


def sloped(x, weights, training):
    return np.where(x > 0, x, weights[0] * x)


WITH_TESTS_OF_THEIR_OWN = {
    layers.Dropout,
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.SpectralNormalization,
    layers.AutoContrast,
    layers.CutMix,
    layers.Equalization,
    layers.MixUp,
    layers.Pipeline,
    layers.RandAugment,
    layers.RandomBrightness,
    layers.RandomColorDegeneration,
    layers.RandomColorJitter,
    layers.RandomContrast,
    layers.RandomCrop,
    layers.RandomElasticTransform,
    layers.RandomErasing,
    layers.RandomFlip,
    layers.RandomGamma,
    layers.RandomGaussianBlur,
    layers.RandomGrayscale,
    layers.RandomHue,
    layers.RandomInvert,
    layers.RandomPerspective,
    layers.RandomPosterization,
    layers.RandomRotation,
    layers.RandomSaltAndPepper,
    layers.RandomSaturation,
    layers.RandomSharpness,
    layers.RandomShear,
    layers.RandomTranslation,
    layers.RandomZoom,
    layers.Solarization,
}
KERNEL, AFFINE = ["kernel", "bias"], ["gamma", "beta"]
ADAPTED = ["mean", "variance", "count"]
BIAS = [*AFFINE, "moving_mean", "moving_variance"]
CASES = {
    "dense": Case(lambda **k: layers.Dense(4, **k), (3,), product(), "dense", (4,), KERNEL),
    "dense_no_bias": Case(
        lambda **k: layers.Dense(4, "relu", use_bias=False, **k), (3,), product("relu"), "dense", (4,), ["kernel"]
    ),
    "dense_softmax": Case(
        lambda **k: layers.Dense(4, activation="softmax", **k), (3,), product("softmax"), "dense", (4,), KERNEL
    ),
    "dense_layer_as_activation": Case(
        lambda **k: layers.Dense(4, activation=layers.LeakyReLU(alpha=0.2), **k),
        (3,), product("leaky_relu"), "dense", (4,), KERNEL,
    ),
    "dense_rank_3": Case(lambda **k: layers.Dense(4, "tanh", **k), (2, 3), product("tanh"), "dense", (2, 4), KERNEL),
    "flatten": Case(layers.Flatten, (2, 3), lambda x, w, t: x.reshape(len(x), -1), "add", (6,)),
    "flatten_rank_1": Case(layers.Flatten, (), lambda x, w, t: x[:, None], "add", (1,)),
    "activation": Case(lambda **k: layers.Activation("gelu", **k), (3,), elementwise("gelu"), "activation", (3,)),
    "activation_leaky": Case(
        lambda **k: layers.Activation("leaky_relu", **k), (3,), elementwise("leaky_relu", 0.2), "activation", (3,)
    ),
    "activity_regularization": Case(
        lambda **k: layers.ActivityRegularization(0.1, 0.2, **k), (2, 3), elementwise("linear"), "add", (2, 3)
    ),
    "relu": Case(layers.ReLU, (2, 3), elementwise("relu"), "activation", (2, 3)),
    "relu_slope": Case(
        lambda **k: layers.ReLU(negative_slope=0.1, **k), (3,), elementwise("leaky_relu", 0.1), "activation", (3,)
    ),
    "relu_bounded": Case(
        lambda **k: layers.ReLU(max_value=0.6, negative_slope=0.1, threshold=0.2, **k), (2, 3),
        lambda x, w, t: elementary_activation.relu(x.astype(np.float64), 0.1, 0.6, 0.2), "expression", (2, 3),
    ),
    "prelu": Case(layers.PReLU, (2, 3), sloped, "expression", (2, 3), ["alpha"]),
    "prelu_shared": Case(
        lambda **k: layers.PReLU(shared_axes=[1], **k), (2, 3), sloped, "expression", (2, 3), ["alpha"]
    ),
    "prelu_shared_columns": Case(
        lambda **k: layers.PReLU(shared_axes=2, **k), (2, 3), sloped, "expression", (2, 3), ["alpha"]
    ),
    "swish": Case(lambda **k: layers.Swish(1.5, **k), (3,), elementwise("silu", 1.5), "activation", (3,)),
    "swish_trainable": Case(
        lambda **k: layers.Swish(trainable_beta=True, **k), (3,),
        lambda x, w, t: activation.forward(x, "silu", w[0]), "expression", (3,), ["beta"],
    ),
    "activation_expression": Case(
        lambda **k: layers.Activation("mish", **k), (3,),
        lambda x, w, t: elementary_activation.DEFINITIONS["mish"](x.astype(np.float64)), "expression", (3,),
    ),
    "leaky_relu": Case(layers.LeakyReLU, (3,), elementwise("leaky_relu", 0.3), "activation", (3,)),
    "elu": Case(lambda **k: layers.ELU(0.7, **k), (3,), elementwise("elu", 0.7), "activation", (3,)),
    "softmax": Case(layers.Softmax, (2, 3), lambda x, w, t: softmax.forward(x.reshape(-1, 3)).reshape(x.shape),
                    "softmax", (2, 3)),
    "softmax_axes": Case(
        lambda **k: layers.Softmax(axis=[1, 2], **k), (2, 3),
        lambda x, w, t: softmax.forward(x.reshape(-1, 6)).reshape(x.shape), "softmax", (2, 3),
    ),
    "batch_norm": Case(layers.BatchNormalization, (3,), normalized(), "batch_norm", (3,), BIAS),
    "batch_norm_rank_3": Case(layers.BatchNormalization, (2, 3), normalized(), "batch_norm", (2, 3), BIAS),
    "batch_norm_axis_1": Case(
        lambda **k: layers.BatchNormalization(axis=1, **k), (2, 3), normalized(1), "batch_norm", (2, 3), BIAS
    ),
    "batch_norm_axes": Case(
        lambda **k: layers.BatchNormalization(axis=[1, 2], **k), (2, 3), normalized(1, 2), "batch_norm", (2, 3), BIAS
    ),
    "batch_norm_axes_apart": Case(
        lambda **k: layers.BatchNormalization(axis=[-1, 1], **k), (2, 3, 2), normalized(1, 3), "batch_norm",
        (2, 3, 2), BIAS,
    ),
    "batch_norm_options": Case(
        lambda **k: layers.BatchNormalization(init_from_first_batch=True, unbiased_running_variance=True, **k),
        (3,), normalized(), "batch_norm", (3,), BIAS,
    ),
    "normalization": Case(
        layers.Normalization, (2, 3), lambda x, w, t: standardize.forward(x, w[0], w[1]), "standardize", (2, 3), ADAPTED
    ),
    "normalization_axis_1": Case(
        lambda **k: layers.Normalization(axis=1, **k), (2, 3),
        lambda x, w, t: standardize.forward(x, w[0][:, None], w[1][:, None]), "standardize", (2, 3), ADAPTED,
    ),
    "normalization_axes_inverse": Case(
        lambda **k: layers.Normalization(axis=[1, 2], invert=True, **k), (2, 3),
        lambda x, w, t: standardize.forward(x, w[0], w[1], invert=True), "standardize", (2, 3), ADAPTED,
    ),
    "normalization_of_all": Case(
        lambda **k: layers.Normalization(axis=None, **k), (2, 3), lambda x, w, t: standardize.forward(x, w[0], w[1]),
        "standardize", (2, 3), ADAPTED,
    ),
    "normalization_given": Case(
        lambda **k: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 1.0, 0.25], **k), (2, 3),
        lambda x, w, t: standardize.forward(x, [1.0, 2.0, 3.0], [4.0, 1.0, 0.25]), "standardize", (2, 3),
    ),
    "layer_norm": Case(layers.LayerNormalization, (5,), normalized_rows("layer", 1e-3, -1), "layer_norm", (5,), AFFINE),
    "layer_norm_axes": Case(
        lambda **k: layers.LayerNormalization(axis=[1, 2], **k), (2, 3), normalized_rows("layer", 1e-3, 1, 2),
        "layer_norm", (2, 3), AFFINE,
    ),
    "layer_norm_axis_1": Case(
        lambda **k: layers.LayerNormalization(axis=1, **k), (4, 3), normalized_rows("layer", 1e-3, 1), "layer_norm",
        (4, 3), AFFINE,
    ),
    "layer_norm_plain": Case(
        lambda **k: layers.LayerNormalization(center=False, scale=False, **k), (5,),
        normalized_rows("layer", 1e-3, -1), "layer_norm", (5,),
    ),
    "rms_norm": Case(layers.RMSNormalization, (5,), normalized_rows("rms", 1e-6, -1), "layer_norm", (5,), ["scale"]),
    "rms_norm_axes": Case(
        lambda **k: layers.RMSNormalization(axis=[-2, -1], **k), (2, 3), normalized_rows("rms", 1e-6, 1, 2),
        "layer_norm", (2, 3), ["scale"],
    ),
    "unit_norm": Case(layers.UnitNormalization, (5,), normalized_rows("unit", 1e-12, -1), "layer_norm", (5,)),
    "unit_norm_axes": Case(
        lambda **k: layers.UnitNormalization(axis=[1, 2], **k), (2, 3), normalized_rows("unit", 1e-12, 1, 2),
        "layer_norm", (2, 3),
    ),
    "group_norm": Case(
        lambda **k: layers.GroupNormalization(2, **k), (6,), normalized_groups(2, -1), "layer_norm", (6,), AFFINE
    ),
    "group_norm_rank_3": Case(
        lambda **k: layers.GroupNormalization(groups=2, **k), (3, 4), normalized_groups(2, -1), "layer_norm", (3, 4),
        AFFINE,
    ),
    "group_norm_axis_1": Case(
        lambda **k: layers.GroupNormalization(groups=2, axis=1, **k), (4, 3), normalized_groups(2, 1), "layer_norm",
        (4, 3), AFFINE,
    ),
    "instance_norm": Case(
        lambda **k: layers.GroupNormalization(groups=-1, **k), (4, 3), normalized_groups(3, -1), "layer_norm", (4, 3),
        AFFINE,
    ),
    "add": Case(layers.Add, [(2, 3)] * 3, lambda x, w, t: sum(a.astype(np.float64) for a in x), "activation", (2, 3),
                gradient=False),
    "concatenate": Case(layers.Concatenate, [(2, 3), (2, 1)], lambda x, w, t: np.concatenate(x, -1), "concatenate",
                        (2, 4), gradient=False),
    "concatenate_axis_1": Case(
        lambda **k: layers.Concatenate(axis=1, **k), [(2, 3), (1, 3)], lambda x, w, t: np.concatenate(x, 1),
        "concatenate", (3, 3), gradient=False,
    ),
    "subtract": Case(layers.Subtract, [(2, 3)] * 2, lambda x, w, t: merged(np.subtract, x), "activation", (2, 3),
                     gradient=False),
    "multiply": Case(layers.Multiply, [(2, 3)] * 3, lambda x, w, t: merged(np.multiply, x), "activation", (2, 3),
                     gradient=False),
    "multiply_by_a_column": Case(layers.Multiply, [(3,), (1,)], lambda x, w, t: merged(np.multiply, x), "activation",
                                 (3,), gradient=False),
    "average": Case(layers.Average, [(3,)] * 3, lambda x, w, t: merged(np.add, x) / 3, "activation", (3,),
                    gradient=False),
    "maximum": Case(layers.Maximum, [(3,)] * 3, lambda x, w, t: merged(np.maximum, x), "activation", (3,),
                    gradient=False),
    "minimum": Case(layers.Minimum, [(3,)] * 3, lambda x, w, t: merged(np.minimum, x), "activation", (3,),
                    gradient=False),
    **{f"{cls.__name__.lower()}_of_one": Case(cls, [(3,)], lambda x, w, t: x[0], "add", (3,), gradient=False)
       for cls in ONE_OR_MORE},
    "dot": Case(lambda **k: layers.Dot(1, **k), [(7,)] * 2, lambda x, w, t: merged(np.multiply, x).sum(1)[:, None],
                "dense", (1,), gradient=False),
    "cosine": Case(lambda **k: layers.Dot([-1, 1], True, **k), [(7,)] * 2, lambda x, w, t: cosine(*x), "layer_norm",
                   (1,), gradient=False),
    "reshape": Case(
        lambda **k: layers.Reshape((3, -1), **k), (2, 6), lambda x, w, t: x.reshape(-1, 3, 4), "add", (3, 4)
    ),
    "permute": Case(
        lambda **k: layers.Permute((3, 1, 2), **k), (2, 3, 4), lambda x, w, t: x.transpose(0, 3, 1, 2), "add", (4, 2, 3)
    ),
    "identity": Case(layers.Identity, (3,), lambda x, w, t: x, "add", (3,)),
    "lambda": Case(
        lambda **k: layers.Lambda(densor.activations.leaky_relu, arguments={"negative_slope": 0.4}, **k),
        (3,), elementwise("leaky_relu", 0.4), "activation", (3,),
    ),
    "rescaling": Case(
        lambda **k: layers.Rescaling(0.5, 2.0, **k), (3,), lambda x, w, t: x * 0.5 + 2.0, "rescale", (3,)
    ),
    "rescaling_columns": Case(
        lambda **k: layers.Rescaling([0.5, 2.0, -1.0], np.array([1, 0, 4]), **k), (3,),
        lambda x, w, t: x * [0.5, 2.0, -1.0] + [1, 0, 4], "rescale", (3,),
    ),
    "rescaling_rows_of_rows": Case(
        lambda **k: layers.Rescaling(0.5, ((1.0,), (2.0,)), **k), (2, 3),
        lambda x, w, t: x * 0.5 + [[1.0], [2.0]], "rescale", (2, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_layer(name):
    check(CASES[name])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.shape and not case.many])
def test_a_saved_layer_comes_back(name, tmp_path):
    case = CASES[name]
    layer = case.built(name="layer")
    model = densor.Sequential([layers.Input(case.shape), layer])
    x = case.arrays()
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model")
    again = densor.models.load_model(tmp_path / "model")
    assert np.array_equal(again.predict(x, verbose=0), expected)
    assert again.layers[0].get_config() == layer.get_config()
    for a, b in zip(layer.weights, again.layers[0].weights, strict=True):
        assert np.array_equal(a.array, b.array)
        assert a.path == b.path


def test_every_layer_is_in_the_table():
    made = {type(case.make()) for case in CASES.values()}
    public = {cls for cls in vars(layers).values() if isinstance(cls, type) and issubclass(cls, layers.Layer)}
    assert public - made == {layers.Layer, layers.InputLayer, *WITH_TESTS_OF_THEIR_OWN}
