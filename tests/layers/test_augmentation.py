"""Layers that augment images: when they work, what they may do, and that training goes through them."""

import numpy as np
import pytest

import densor
from densor import _core, layers

RNG = np.random.default_rng(0)
COLOR = RNG.uniform(0, 255, (6, 8, 7, 3)).astype(np.float32)
GRAY = COLOR[..., 0]
MAKE = {
    "RandomFlip": lambda **k: layers.RandomFlip(**k),
    "RandomRotation": lambda **k: layers.RandomRotation(0.2, **k),
    "RandomTranslation": lambda **k: layers.RandomTranslation(0.2, 0.3, **k),
    "RandomShear": lambda **k: layers.RandomShear(0.3, 0.2, **k),
    "RandomZoom": lambda **k: layers.RandomZoom(0.3, **k),
    "RandomPerspective": lambda **k: layers.RandomPerspective((0.9, 1.0), 0.5, **k),
    "RandomElasticTransform": lambda **k: layers.RandomElasticTransform((0.9, 1.0), (0.5, 1.0), **k),
    "RandomBrightness": lambda **k: layers.RandomBrightness(0.2, **k),
    "RandomContrast": lambda **k: layers.RandomContrast(0.4, **k),
    "RandomGamma": lambda **k: layers.RandomGamma(0.4, **k),
    "RandomInvert": lambda **k: layers.RandomInvert((0.5, 0.5), **k),
    "RandomSaltAndPepper": lambda **k: layers.RandomSaltAndPepper((0.2, 0.3), **k),
    "RandomErasing": lambda **k: layers.RandomErasing((0.9, 1.0), (0.2, 0.3), **k),
    "RandomGaussianBlur": lambda **k: layers.RandomGaussianBlur((0.9, 1.0), (3, 5), (0.5, 1.0), **k),
    "RandomSharpness": lambda **k: layers.RandomSharpness((0.6, 1.0), **k),
    "RandomPosterization": lambda **k: layers.RandomPosterization((1, 6), **k),
    "Solarization": lambda **k: layers.Solarization(0.4, (0.3, 0.6), **k),
}
# Red, green and blue only.
COLORS = {
    "RandomHue": lambda **k: layers.RandomHue((0.2, 0.9), **k),
    "RandomSaturation": lambda **k: layers.RandomSaturation((0.1, 0.4), **k),
    "RandomColorDegeneration": lambda **k: layers.RandomColorDegeneration((0.2, 0.9), **k),
    "RandomGrayscale": lambda **k: layers.RandomGrayscale(0.5, **k),
    "RandomColorJitter": lambda **k: layers.RandomColorJitter(
        brightness_factor=0.2, contrast_factor=0.3, saturation_factor=(0.3, 0.8), hue_factor=0.5, **k
    ),
    "RandAugment": lambda **k: layers.RandAugment(num_ops=2, factor=(0.2, 0.4), **k),
}


@pytest.mark.parametrize("name", COLORS)
def test_layers_of_colors(name):
    """Inference passes; training changes, every call in another way, each image in its own, the same for one seed."""
    make = COLORS[name]
    np.testing.assert_array_equal(make()(COLOR, training=False), COLOR)
    model = densor.Sequential([densor.Input(COLOR.shape[1:]), make()])
    np.testing.assert_array_equal(model.predict(COLOR, verbose=0), COLOR)
    layer = make(seed=3)
    first, second = layer(COLOR), layer(COLOR, training=True)
    assert first.shape == COLOR.shape
    assert first.min() >= -1e-3
    assert first.max() <= 255 + 1e-3
    assert not np.array_equal(first, COLOR)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(make(seed=3)(COLOR), first)
    same = np.tile(COLOR[:1], (12, 1, 1, 1))
    changed = make(seed=2)(same)
    assert len(np.unique(changed.reshape(12, -1), axis=0)) > 1
    np.testing.assert_array_equal(make(seed=2)(same[:5]), changed[:5])
    again = layers.deserialize(layers.serialize(make(seed=5)))
    np.testing.assert_array_equal(again(COLOR), make(seed=5)(COLOR))
    with pytest.raises(ValueError, match="needs three channels, got 1"):
        layers.RandomHue(0.5)(GRAY)


def test_settled_layers():
    """AutoContrast works in both modes, Equalization in training; neither draws anything."""
    stretched = layers.AutoContrast()(COLOR, training=False)
    np.testing.assert_array_equal(layers.AutoContrast()(COLOR), stretched)
    np.testing.assert_allclose(stretched.min(axis=(1, 2)), 0.0, atol=1e-3)
    np.testing.assert_allclose(stretched.max(axis=(1, 2)), 255.0, atol=1e-3)
    np.testing.assert_array_equal(layers.Equalization()(COLOR, training=False), COLOR)
    spread = layers.Equalization(bins=64)(COLOR)
    np.testing.assert_array_equal(layers.Equalization(bins=64)(COLOR), spread)
    for layer in (layers.AutoContrast((0, 1)), layers.Equalization((-1, 1), bins=9)):
        again = layers.deserialize(layers.serialize(layer))
        assert again.get_config() == layer.get_config()


def test_pipeline_and_training_through_all_of_them():
    steps = [make(seed=1) for make in COLORS.values()]
    pipeline = layers.Pipeline(
        [*steps, layers.AutoContrast(), layers.Equalization(), layers.Rescaling(1 / 255)]
    )
    np.testing.assert_allclose(pipeline(COLOR, training=False), layers.AutoContrast()(COLOR) / 255, rtol=1e-6)
    assert not np.array_equal(pipeline(COLOR), pipeline(COLOR, training=False))
    again = layers.deserialize(layers.serialize(pipeline))
    np.testing.assert_array_equal(again(COLOR, training=False), pipeline(COLOR, training=False))
    model = densor.Sequential(
        [densor.Input(COLOR.shape[1:]), pipeline, layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(COLOR, np.arange(6) % 2, epochs=2, verbose=0).history["loss"]).all()
    labelled = layers.Pipeline(steps)({"images": COLOR, "labels": np.arange(6)})
    assert set(labelled) == {"images", "labels"}
    with pytest.raises(TypeError, match=r"Pipeline\(\): argument 'layers': must be a list of layers"):
        layers.Pipeline([3])


@pytest.mark.parametrize("name", MAKE)
def test_inference_passes_the_images(name):
    for images in (COLOR, GRAY):
        np.testing.assert_array_equal(MAKE[name]()(images, training=False), images)
        model = densor.Sequential([densor.Input(images.shape[1:]), MAKE[name]()])
        np.testing.assert_array_equal(model.predict(images, verbose=0), images)


@pytest.mark.parametrize("name", MAKE)
def test_training_changes_images_and_every_call_in_another_way(name):
    for images in (COLOR, GRAY):
        layer = MAKE[name](seed=3)
        first, second = layer(images), layer(images, training=True)
        assert first.shape == images.shape
        assert np.isfinite(first).all()
        assert first.min() >= -1e-3
        assert first.max() <= 255 + 1e-3
        assert not np.array_equal(first, images)
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(MAKE[name](seed=3)(images), first)


@pytest.mark.parametrize("name", MAKE)
def test_images_have_noise_of_their_own(name):
    same = np.tile(COLOR[:1], (12, 1, 1, 1))
    changed = MAKE[name](seed=2)(same)
    assert len(np.unique(changed.reshape(12, -1), axis=0)) > 1
    np.testing.assert_array_equal(
        MAKE[name](seed=2)(same[:5]), changed[:5]
    )  # whatever the batch holds besides


@pytest.mark.parametrize("name", MAKE)
def test_bits_do_not_depend_on_threads(name):
    threads, found = _core.num_threads(), []
    many = np.tile(COLOR, (40, 1, 1, 1))
    try:
        for count in (1, 2, 3):
            _core.set_num_threads(count)
            found.append(MAKE[name](seed=5)(many))
    finally:
        _core.set_num_threads(threads)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize("name", MAKE)
def test_config(name, tmp_path):
    layer = MAKE[name](seed=3, name="augmentation")
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    model = densor.Sequential([densor.Input(COLOR.shape[1:]), layer])
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    assert loaded.layers[0].get_config() == layer.get_config()
    np.testing.assert_array_equal(loaded(COLOR, training=True), model(COLOR, training=True))


@pytest.mark.parametrize("name", MAKE)
def test_a_model_trains_behind_it(name):
    model = densor.Sequential(
        [
            densor.Input(GRAY.shape[1:]),
            MAKE[name](),
            layers.Flatten(),
            layers.Rescaling(1 / 255),
            layers.Dense(4, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(GRAY, [0, 1] * 3, epochs=3, batch_size=4, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("name", [*MAKE, "RandomCrop"])
def test_other_shapes_are_refused(name):
    make = MAKE.get(name, lambda: layers.RandomCrop(2, 2))
    with pytest.raises(ValueError, match=r"argument 'x': expected images \(batch, height, width\)"):
        make()(np.ones((4, 5)), training=True)


def test_no_gradient_passes():
    model = densor.Sequential(
        [densor.Input((4, 4)), layers.Dense(4), layers.RandomRotation(0.2), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="no gradient passes an augmentation; put it in front"):
        model.fit(np.ones((4, 4, 4)), np.ones(4), verbose=0)


def test_what_zero_factors_leave_out():
    for layer in (
        layers.RandomRotation(0.0),
        layers.RandomTranslation(0.0, 0.0),
        layers.RandomShear(),
        layers.RandomZoom(0.0),
        layers.RandomPerspective(0.0),
        layers.RandomElasticTransform(0.0),
        layers.RandomInvert(0.0),
        layers.RandomErasing(0.0),
        layers.RandomSaltAndPepper(0.0),
        layers.RandomGaussianBlur(0.0),
    ):
        np.testing.assert_array_equal(layer(COLOR), COLOR)


def test_each_image_is_cropped_at_a_place_of_its_own():
    places = np.arange(8 * 7, dtype=np.float32).reshape(1, 8, 7)
    crops = layers.RandomCrop(3, 4, seed=1)(np.tile(places, (200, 1, 1)))
    corners = {(int(crop[0, 0]) // 7, int(crop[0, 0]) % 7) for crop in crops}
    assert corners == {(i, j) for i in range(6) for j in range(4)}
    for crop in crops:
        np.testing.assert_array_equal(crop - crop[0, 0], places[0, :3, :4])


def test_inference_resizes_the_middle():
    x = np.arange(4 * 8, dtype=np.float32).reshape(1, 4, 8)
    middle = layers.RandomCrop(2, 2)(x, training=False)
    np.testing.assert_allclose(middle, [[[6.5, 8.5], [22.5, 24.5]]])
    np.testing.assert_array_equal(layers.RandomCrop(4, 4)(x, training=False), x[:, :, 2:6])
    np.testing.assert_array_equal(layers.RandomCrop(4, 8)(x), x)


def test_flips_are_fair():
    x = np.tile(np.array([[1.0, 2.0]], np.float32), (4000, 1, 1))
    share = (layers.RandomFlip("horizontal", seed=1)(x)[:, 0, 0] == 2.0).mean()
    assert abs(share - 0.5) < 0.04
    np.testing.assert_array_equal(layers.RandomFlip("vertical", seed=1)(x), x)


def test_chances_of_a_change():
    x = np.full((4000, 1, 1), 200.0, np.float32)
    for factor, expected in ((1.0, 0.5), ((0.3, 0.3), 0.3), ((1.0, 1.0), 1.0)):
        assert abs((layers.RandomInvert(factor, seed=1)(x) == 55.0).mean() - expected) < 0.04


def test_erasing_covers_by_the_fill_value():
    boxes = layers.RandomErasing((1.0, 1.0), (0.25, 0.25), fill_value=(7.0, 8.0, 9.0), seed=1)(COLOR)
    for image, before in zip(boxes, COLOR, strict=True):
        covered = (image == [7.0, 8.0, 9.0]).all(axis=2)
        assert covered.sum() in (4 * 3, 4 * 4)
        np.testing.assert_array_equal(image[~covered], before[~covered])
    with pytest.raises(ValueError, match=r"RandomErasing\(\): argument 'fill_value'.*3 numbers.*1 channels"):
        layers.RandomErasing(fill_value=(7.0, 8.0, 9.0))(GRAY)


def test_a_dictionary_keeps_its_labels():
    labels = np.arange(6)
    result = layers.RandomFlip(seed=1)({"images": COLOR, "labels": labels})
    np.testing.assert_array_equal(result["images"], layers.RandomFlip(seed=1)(COLOR))
    assert result["labels"] is labels
    for wrong in ({"labels": labels}, {"images": COLOR, "bounding_boxes": []}):
        with pytest.raises(ValueError, match=r"RandomFlip\(\): argument 'inputs'"):
            layers.RandomFlip()(wrong)
