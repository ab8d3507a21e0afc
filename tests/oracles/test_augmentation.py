"""Augmentations against Keras 3 where ranges of one point leave nothing to chance."""

import numpy as np
import pytest

import densor

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 9, 12, 3)).astype(np.float32)
FILLS = ["reflect", "wrap", "constant", "nearest"]


def both(keras, name, *arguments, **keywords):
    theirs, ours = (getattr(library.layers, name)(*arguments, **keywords) for library in (keras, densor))
    return keras.ops.convert_to_numpy(theirs(IMAGES, training=True)), ours(IMAGES, training=True)


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("RandomRotation", [(0.07, 0.07)]),
        ("RandomRotation", [(-0.2, -0.2)]),
        ("RandomTranslation", [(0.2, 0.2), (-0.3, -0.3)]),
        ("RandomZoom", [(0.3, 0.3)]),
        ("RandomZoom", [(-0.4, -0.4), (0.23, 0.23)]),
    ],
)
def test_geometry(keras, name, factors, interpolation, fill_mode):
    keywords = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 17.0}
    expected, actual = both(keras, name, *factors, **keywords)
    np.testing.assert_allclose(actual, expected, atol=2e-2)


@pytest.mark.parametrize("fill_mode", FILLS)
def test_shear(keras, fill_mode):
    """The sign of the slope is drawn: every image is one of the two that Keras makes."""
    ours = densor.layers.RandomShear((0.3, 0.3), (0.2, 0.2), fill_mode=fill_mode, seed=1)(
        IMAGES, training=True
    )
    layer = keras.layers.RandomShear((0.3, 0.3), (0.2, 0.2), fill_mode=fill_mode)
    sides = []
    for sign in (1.0, -1.0):
        slopes = keras.ops.convert_to_tensor(np.array([[0.3, 0.2]] * 3, np.float32) * sign)
        made = layer.transform_images(IMAGES, {"shear_factor": slopes, "input_shape": IMAGES.shape})
        sides.append(keras.ops.convert_to_numpy(made))
    for row, image in enumerate(ours):
        assert min(np.abs(image - side[row]).max() for side in sides) < 2e-2


def test_perspective(keras):
    shares = np.random.default_rng(1).uniform(-0.2, 0.2, (3, 8)).astype(np.float32)
    start = np.array([[0, 0], [11, 0], [0, 8], [11, 8]], np.float32)
    ends = start * (1 + shares.reshape(3, 4, 2))
    expected = keras.ops.image.perspective_transform(
        IMAGES, np.tile(start, (3, 1, 1)), ends.astype(np.float32), fill_value=9.0
    )
    parameters = np.concatenate([np.ones((3, 1)), np.zeros((3, 1)), shares], axis=1)
    actual = densor.ops.image_warp(IMAGES, "perspective", parameters, fill_mode="constant", fill_value=9.0)
    np.testing.assert_allclose(actual, keras.ops.convert_to_numpy(expected), atol=5e-2)


@pytest.mark.parametrize(
    ("name", "arguments", "keywords"),
    [
        ("RandomBrightness", [(0.3, 0.3)], {}),
        ("RandomBrightness", [(-0.2, -0.2)], {"value_range": (0, 200)}),
        ("RandomContrast", [(0.0, 0.0)], {}),
        ("RandomInvert", [(1.0, 1.0)], {}),
        ("RandomSharpness", [(0.9, 0.9)], {}),
        ("RandomSharpness", [(0.1, 0.1)], {}),
        ("RandomGaussianBlur", [(1.0, 1.0), 3, (0.8, 0.8)], {}),
        ("RandomGaussianBlur", [(1.0, 1.0), 7, (1.0, 1.0)], {}),
        ("RandomErasing", [(1.0, 1.0), (1.0, 1.0)], {"fill_value": 7.0}),
        ("RandomElasticTransform", [0.0], {}),
    ],
)
def test_values(keras, name, arguments, keywords):
    expected, actual = both(keras, name, *arguments, **keywords)
    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_contrast(keras):
    layer = keras.layers.RandomContrast(0.5)
    images = keras.ops.convert_to_tensor(IMAGES)
    expected = layer.transform_images(images, {"contrast_factor": 1.4})
    actual = densor.ops.image_color(IMAGES, "contrast", [[1.4]] * 3)
    np.testing.assert_allclose(actual, keras.ops.convert_to_numpy(expected), atol=1e-3)


@pytest.mark.parametrize(
    "layer",
    ["RandomFlip", "RandomRotation", "RandomTranslation", "RandomShear", "RandomZoom", "RandomCrop",
     "RandomPerspective", "RandomElasticTransform", "RandomBrightness", "RandomContrast",
     "RandomInvert", "RandomErasing",
     "RandomGaussianBlur", "RandomSharpness", "MixUp", "CutMix"],
)  # fmt: skip
def test_signatures(keras, layer):
    """Keras' arguments in Keras' order, with Keras' defaults."""
    import inspect

    theirs, ours = (
        inspect.signature(getattr(library.layers, layer)).parameters for library in (keras, densor)
    )
    named = [
        name
        for name, one in theirs.items()
        if one.kind is not inspect.Parameter.VAR_KEYWORD and name != "name"
    ]
    assert named == [name for name in ours if name in named]
    for name in named:
        assert theirs[name].default == ours[name].default, name
