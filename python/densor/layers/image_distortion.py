"""Augmentations that cut out a part of images, or distort them."""

from __future__ import annotations

import math
from typing import Any

from densor import ops
from densor._check import number, positive_int
from densor.graph import Tensor
from densor.layers._image import (
    CHANCE,
    ImageLayer,
    Pair,
    WarpLayer,
    checked_range,
    is_zero,
    probability,
    sides_of,
)
from densor.layers._registry import register
from densor.ops.reshape import reshape_rows

__all__ = ["RandomCrop", "RandomElasticTransform", "RandomPerspective"]


@register
class RandomCrop(ImageLayer):
    """In training, cuts a window from each image at a random place.

    In inference, and where the images are not larger than the window on both sides, the largest window in the middle
    that has the same shape is resized.

    Args:
        height, width: of the output, in pixels.
        seed, data_format, name, trainable, dtype, input_shape: as for `RandomFlip`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3, with a place of its own for each image, and inference as documented there.

    Example:
        >>> from densor import layers
        >>> layers.RandomCrop(1, 2)([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]).shape
        (1, 1, 2)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.height, self.width = (
            positive_int(function, "height", height),
            positive_int(function, "width", width),
        )
        super().__init__(seed, data_format, **keywords)

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        size = (self.height, self.width)
        height, width = sides_of(inputs)
        if training and height > self.height and width > self.width:
            return ops.image_warp(inputs, "crop", self.draws(inputs, CHANCE, CHANCE), size=size)
        return ops.image_warp(inputs, "fit", size=size, fill_mode="nearest")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"height": self.height, "width": self.width}


@register
class RandomPerspective(WarpLayer):
    """In training, looks at images from the side: their corners move at random. In inference images pass unchanged.

    Args:
        factor: two numbers in [0, 1] between which the probability of a change is drawn; f stands for (0, f).
        scale: in [0, 1]: each corner moves by up to half this share of its own coordinates.
        interpolation: "bilinear" or "nearest". fill_value: beyond the border.
        seed, data_format, name, trainable, dtype, input_shape: as for `RandomFlip`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomPerspective(1.0, 0.5)([[[1.0, 2.0], [3.0, 4.0]]]).shape
        (1, 2, 2)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.factor = probability(function, "factor", factor)
        self.scale = number(function, "scale", scale, low=0.0, high=1.0)
        super().__init__("constant", interpolation, seed, fill_value, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        if is_zero(self.factor):
            return images
        shares = [(-0.5 * self.scale, 0.5 * self.scale)] * 8
        return self.warped(images, "perspective", self.draws(images, self.factor, CHANCE, *shares))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() | {"factor": list(self.factor), "scale": self.scale}
        del config["fill_mode"]
        return config


@register
class RandomElasticTransform(WarpLayer):
    """In training, moves the pixels of images along a smooth random field; in inference images pass unchanged.

    Args:
        factor: two numbers in [0, 1] between which the probability of a change is drawn; f stands for (0, f).
        scale: two numbers in [0, 1] between which the strength s is drawn; f stands for (0, f). The field is normal
            noise blurred with deviation `0.05 * s * smaller side`.
        interpolation, fill_mode, fill_value: as for `RandomRotation`. value_range: results beyond are bounded.
        seed, data_format, name, trainable, dtype, input_shape: as for `RandomFlip`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Simard et al. 2003, as Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomElasticTransform()([[[1.0, 2.0], [3.0, 4.0]]]).shape
        (1, 2, 2)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.factor = probability(function, "factor", factor)
        self.scale = probability(function, "scale", scale)
        self.value_range = checked_range(function, value_range)
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        if is_zero(self.factor) or is_zero(self.scale):
            return images
        sides = sides_of(images)
        draws = self.draws(images, self.factor, CHANCE, _scaled(self.scale, 0.05 * min(sides)))
        zeros = [(0.0, 0.0)] * (2 * math.prod(sides))
        field = ops.gaussian_noise(self.draws(images, *zeros), 1.0, self._noise_seed)
        field = ops.image_blur(reshape_rows(field, (*sides, 2)), draws)
        return ops.clip(self.warped(images, "elastic", draws, field), *self.value_range)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "factor": list(self.factor),
            "scale": list(self.scale),
            "value_range": list(self.value_range),
        }


def _scaled(pair: Pair, factor: float) -> Pair:
    return pair[0] * factor, pair[1] * factor
