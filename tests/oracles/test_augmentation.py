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

    # Of an inherited constructor Python before 3.11.4 shows a class the signature of `__new__`.
    theirs, ours = (
        inspect.signature(getattr(library.layers, layer).__init__).parameters for library in (keras, densor)
    )
    named = [
        name
        for name, one in theirs.items()
        if one.kind is not inspect.Parameter.VAR_KEYWORD and name not in ("self", "name")
    ]
    assert named == [name for name in ours if name in named]
    for name in named:
        assert theirs[name].default == ours[name].default, name


PHOTO = np.random.default_rng(3).integers(0, 256, (4, 8, 9, 3)).astype(np.float32)


@pytest.mark.parametrize("turn", [-0.4, -0.1, 0.05, 0.3, 0.5])
def test_hue(keras, turn):
    theirs = keras.layers.RandomHue(0.5).transform_images(
        PHOTO, {"factor": np.full(4, turn, np.float32)}, training=True
    )
    ours = densor.ops.image_color(PHOTO, "hue", np.full((4, 1), turn))
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), atol=2e-3)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_saturation(keras, factor):
    """For images in [0, 1], where Keras bounds saturations by 1, too."""
    images = PHOTO / 255
    layer = keras.layers.RandomSaturation(0.5, value_range=(0, 1))
    theirs = layer.transform_images(images, {"factor": np.full(4, factor, np.float32)}, training=True)
    ours = densor.ops.image_color(images, "saturation", np.full((4, 1), factor), value_range=(0, 1))
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomColorDegeneration", [(0.3, 0.3)]),
        ("RandomColorDegeneration", [(-0.5, -0.5)]),
        ("RandomGrayscale", [1.0]),
        ("RandomGrayscale", [0.0]),
        ("RandomPosterization", [(1, 1)]),
        ("RandomPosterization", [(3, 3)]),
        ("RandomPosterization", [(8, 8)]),
        ("Solarization", [0.0, 0.0]),
        ("AutoContrast", []),
    ],
)
def test_tones(keras, name, arguments):
    theirs, ours = (getattr(library.layers, name)(*arguments) for library in (keras, densor))
    images = PHOTO.copy()
    images[2, :, :, 1] = 7.0  # one value in a channel
    expected = keras.ops.convert_to_numpy(theirs(images, training=True))
    np.testing.assert_allclose(ours(images, training=True), expected, atol=2e-3)


@pytest.mark.parametrize("arguments", [[], [(0, 255), 64], [(0, 255), 2]])
def test_equalization(keras, arguments):
    """Image by image: Keras takes the values of a whole batch together."""
    theirs, ours = (library.layers.Equalization(*arguments) for library in (keras, densor))
    expected = [
        keras.ops.convert_to_numpy(theirs(PHOTO[i : i + 1], training=True))[0] for i in range(len(PHOTO))
    ]
    np.testing.assert_array_equal(ours(PHOTO, training=True), expected)


def test_solarization(keras):
    added, threshold = np.float32([0.0, 30.0, 80.0, 10.0]), np.float32([100.0, 128.0, 200.0, 0.0])
    drawn = {"additions": added, "thresholds": threshold}
    theirs = keras.layers.Solarization(0.5, 0.5).transform_images(
        keras.ops.convert_to_tensor(PHOTO),
        {name: keras.ops.convert_to_tensor(value.reshape(4, 1, 1, 1)) for name, value in drawn.items()},
        training=True,
    )
    ours = densor.ops.image_color(PHOTO, "solarize", np.stack([added, threshold], axis=1) / 255)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), atol=1e-3)
