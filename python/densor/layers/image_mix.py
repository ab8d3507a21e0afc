"""Augmentations that mix the images and the labels of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import ops
from densor._array import float32_array, real_array
from densor._check import bad_type, bad_value, boolean, number
from densor.graph import Tensor
from densor.layers._image import ImageLayer, images_of, number_or_pair
from densor.layers._registry import register

__all__ = ["CutMix", "MixUp"]

Array = NDArray[Any]


class _Mix(ImageLayer):
    """What both share: batches of arrays come in, since labels change with the images."""

    def __init__(self, seed: int | None = None, data_format: str | None = None, **keywords: Any) -> None:
        super().__init__(seed, data_format, **keywords)
        self._step = 0

    def __call__(self, inputs: Any, training: bool | None = None, **keywords: Any) -> Any:
        """Mix a batch of arrays: `{"images": ..., "labels": ...}`, or images alone."""
        function = type(self).__name__
        if isinstance(inputs, Tensor):
            raise bad_type(
                function,
                "inputs",
                "labels change with the images, so it cannot be part of a model; call it on batches of arrays, "
                '{"images": x, "labels": y}, before they are trained on',
            )
        if training is not None and not boolean(function, "training", training):
            return inputs
        batch = inputs if isinstance(inputs, Mapping) else {"images": inputs}
        images = float32_array(function, "images", images_of(function, batch))
        if images.ndim not in (3, 4):
            raise bad_value(
                function, "images", f"expected (batch, height, width[, channels]), got {images.shape}"
            )
        labels = self._labels(batch["labels"], len(images)) if "labels" in batch else None
        noise = np.random.Generator(np.random.Philox(key=np.array([self._noise_seed, self._step], np.uint64)))
        self._step += 1
        mixed, partner, kept = self.mix(images, noise)
        if not isinstance(inputs, Mapping):
            return mixed
        if labels is None:
            return {"images": mixed}
        share = kept.reshape(-1, *(1,) * (labels.ndim - 1)).astype(np.float32)
        return {"images": mixed, "labels": share * labels + (1 - share) * labels[partner]}

    def mix(self, images: Array, noise: np.random.Generator) -> tuple[Array, Array, Array]:
        """The mixed images, the partner of each, and the share that each keeps."""
        raise NotImplementedError(f"{type(self).__name__} does not implement mix()")

    def _labels(self, value: Any, rows: int) -> Array:
        function = type(self).__name__
        labels = real_array(function, "labels", value)
        if labels.ndim == 0 or len(labels) != rows:
            raise bad_value(
                function, "labels", f"expected {rows} rows as the images have, got shape {labels.shape}"
            )
        if labels.dtype.kind in "iub" and (labels.ndim == 1 or labels.shape[1:] == (1,)):
            raise bad_value(
                function, "labels", "are class numbers, which have no mean; use utils.to_categorical(labels)"
            )
        return float32_array(function, "labels", labels)


@register
class MixUp(_Mix):
    """Blends each image, and its labels, with another one of the batch, by a share of their own.

    Called on arrays: `{"images": x, "labels": y}` gives the same dictionary, mixed; an array of images gives images.
    It mixes unless `training=False`. Labels are one-hot, probabilities or targets, not class numbers. `fit` trains on
    mixed batches where a generator or `PyDataset` yields them.

    Args:
        alpha: above 0; the share that an image keeps has the distribution Beta(alpha, alpha).
        data_format: "channels_last" or None. seed: an integer repeats the noise.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError: symbolic tensors: labels are no input of a model. ValueError: an argument out of range, labels that
            are class numbers or that do not belong to the images.

    Source: Zhang et al. 2018, as Keras 3.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> batch = {"images": np.ones((2, 3, 3)), "labels": np.eye(2)}
        >>> mixed = layers.MixUp(seed=1)(batch)
        >>> mixed["images"].shape, mixed["labels"].sum(axis=1).tolist()
        ((2, 3, 3), [1.0, 1.0])
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **keywords: Any
    ) -> None:
        self.alpha = number(type(self).__name__, "alpha", alpha, low=0.0, include_low=False)
        super().__init__(seed, data_format, **keywords)

    def mix(self, images: Array, noise: np.random.Generator) -> tuple[Array, Array, Array]:
        partner, kept = noise.permutation(len(images)), noise.beta(self.alpha, self.alpha, len(images))
        shares = (1 - kept).reshape(-1, 1)
        mixed = ops.image_color(images, "blend", shares, other=images[partner], value_range=None)
        return mixed, partner, kept

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"alpha": self.alpha}


@register
class CutMix(_Mix):
    """Covers a random box of each image with that of another one of the batch, and mixes labels by the areas.

    Called as `MixUp` is.

    Args:
        factor: two numbers in [0, 1] between which alpha is drawn for each batch; f stands for (0, f). The share that
            an image keeps has the distribution Beta(alpha, alpha).
        seed, data_format, name, trainable, dtype, input_shape: as for `MixUp`.

    Raises:
        TypeError, ValueError: as `MixUp`.

    Source: Yun et al. 2019, as Keras 3.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> batch = {"images": np.ones((2, 3, 3)), "labels": np.eye(2)}
        >>> layers.CutMix(seed=1)(batch)["labels"].sum(axis=1).tolist()
        [1.0, 1.0]
    """

    def __init__(
        self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **keywords: Any
    ) -> None:
        self.factor = number_or_pair(type(self).__name__, "factor", factor, 0.0, 1.0)
        super().__init__(seed, data_format, **keywords)

    def mix(self, images: Array, noise: np.random.Generator) -> tuple[Array, Array, Array]:
        count = len(images)
        alpha = noise.uniform(*self.factor) + 1e-6
        area, coins = 1.0 - noise.beta(alpha, alpha, count), noise.random((2, count))
        partner = noise.permutation(count)
        boxes = np.stack([np.ones(count), np.zeros(count), area, area, *coins], axis=1)
        mixed = ops.image_color(images, "erase", boxes, other=images[partner], value_range=None)
        return mixed, partner, 1.0 - area

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factor": list(self.factor)}
