"""MixUp and CutMix: images and labels are mixed by the same shares."""

import numpy as np
import pytest

import densor
from densor import layers

# Image i holds i everywhere: what was mixed into it can be read off.
ROWS = 40
IMAGES = np.tile(np.arange(ROWS, dtype=np.float32).reshape(-1, 1, 1, 1), (1, 12, 10, 2))
BATCH = {"images": IMAGES, "labels": np.eye(ROWS)}


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 5.0])
def test_mix_up(alpha):
    mixed = layers.MixUp(alpha, seed=1)(BATCH)
    assert mixed["images"].shape == IMAGES.shape
    np.testing.assert_allclose(mixed["labels"].sum(axis=1), 1.0, rtol=1e-6)
    means = mixed["labels"] @ np.arange(ROWS)
    np.testing.assert_allclose(mixed["images"], IMAGES * 0 + means.reshape(-1, 1, 1, 1), rtol=1e-5, atol=1e-4)


def test_shares_of_mix_up_have_their_distribution():
    images = np.arange(20000, dtype=np.float32).reshape(-1, 1, 1)
    own = layers.MixUp(2.0, seed=3)(
        {"images": images, "labels": np.stack([images[:, 0, 0], 0 * images[:, 0, 0] + 1], 1)}
    )
    assert own["labels"][:, 1].min() == pytest.approx(1.0)
    kept = layers.MixUp(2.0, seed=3)({"images": images, "labels": np.eye(2)[np.arange(20000) % 2]})[
        "labels"
    ].max(axis=1)
    kept = kept[kept < 1]
    # Beta(2, 2), folded at 1/2: mean 1/2 + 3/16.
    assert abs(kept.mean() - 0.6875) < 0.01


def test_cut_mix():
    mixed = layers.CutMix(seed=1)(BATCH)
    boxes = 0
    for i, (image, label) in enumerate(zip(mixed["images"], mixed["labels"], strict=True)):
        others = np.unique(image[image != i])
        assert len(others) <= 1
        covered = (image[..., 0] != i).mean()
        np.testing.assert_array_equal(image[..., 0], image[..., 1])
        assert abs(1 - label[i] - covered) < 0.2 or len(others) == 0  # the label counts parts of pixels
        boxes += len(others)
        if len(others):
            assert label[int(others[0])] == pytest.approx(1 - label[i], abs=1e-6)
            rows, cols = np.nonzero(image[..., 0] != i)
            assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(cols) + 1)
    assert boxes > ROWS / 4


@pytest.mark.parametrize("make", [layers.MixUp, layers.CutMix])
def test_calls(make):
    layer = make(seed=3)
    first, second = layer(BATCH), layer(BATCH)
    assert not np.array_equal(first["images"], second["images"])
    np.testing.assert_array_equal(make(seed=3)(BATCH)["images"], first["images"])
    np.testing.assert_array_equal(make(seed=3)(IMAGES), first["images"])
    assert layer(BATCH, training=False) is BATCH
    assert make(seed=1)({"images": IMAGES[..., 0]})["images"].shape == IMAGES.shape[:3]
    assert make.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("make", [layers.MixUp, layers.CutMix])
def test_wrong_calls(make):
    with pytest.raises(TypeError, match="labels change with the images, so it cannot be part of a model"):
        densor.Sequential([densor.Input((4, 4)), make()])
    with pytest.raises(ValueError, match=r"argument 'labels': are class numbers.*to_categorical"):
        make()({"images": IMAGES, "labels": np.arange(ROWS)})
    with pytest.raises(ValueError, match=r"argument 'labels': expected 40 rows"):
        make()({"images": IMAGES, "labels": np.eye(3)})
    with pytest.raises(ValueError, match=r"argument 'images': expected \(batch, height, width"):
        make()(np.ones((4, 5)))


@pytest.mark.parametrize("make", [layers.MixUp, layers.CutMix])
def test_training_on_mixed_batches(make):
    layer, images = make(seed=1), np.random.default_rng(0).random((60, 6, 6)).astype(np.float32)
    labels = np.eye(2)[(images.mean(axis=(1, 2)) > 0.5).astype(int)]
    model = densor.Sequential([densor.Input((6, 6)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")

    def batches():
        while True:
            yield tuple(layer({"images": images, "labels": labels}).values())

    history = model.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
