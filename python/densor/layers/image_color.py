"""Augmentations that change the values of images."""

from __future__ import annotations

import math
from typing import Any

from densor import ops
from densor._check import bad_value, number
from densor.graph import Tensor
from densor.layers._image import (
    CHANCE,
    ImageLayer,
    Pair,
    checked_range,
    is_zero,
    number_or_pair,
    probability,
    sides_of,
)
from densor.layers._registry import register

__all__ = [
    "RandomBrightness",
    "RandomContrast",
    "RandomErasing",
    "RandomGamma",
    "RandomInvert",
    "RandomSaltAndPepper",
]


class _Color(ImageLayer):
    """What these layers share: a factor, and the range of the values."""

    factor: Pair

    def __init__(
        self,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        self.value_range = checked_range(type(self).__name__, value_range)
        super().__init__(seed, data_format, **keywords)

    def changed(self, images: Tensor, kind: str, parameters: Any, other: Any = None) -> Any:
        """The images with other values."""
        return ops.image_color(images, kind, parameters, other=other, value_range=self.value_range)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factor": list(self.factor), "value_range": list(self.value_range)}


@register
class RandomBrightness(_Color):
    """In training, adds a random number to each image; in inference images pass unchanged.

    Args:
        factor: two numbers in [-1, 1], shares of the range of the values; f stands for (-f, f).
        value_range: lowest and highest value; results beyond are bounded.
        seed: an integer repeats the noise; None draws a seed from `densor.random`.
        data_format: "channels_last" or None. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomBrightness((0.1, 0.1))([[[10.0, 250.0]]]).tolist()
        [[[35.5, 255.0]]]
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **keywords: Any
    ) -> None:
        self.factor = number_or_pair(type(self).__name__, "factor", factor, -1.0, 1.0)
        super().__init__(value_range, seed, **keywords)

    def augment(self, images: Tensor) -> Any:
        return self.changed(images, "brightness", self.draws(images, self.factor))


class _AroundOne(_Color):
    """Layers whose random number lies around 1: the factor is how far below and above."""

    kind: str

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **keywords: Any
    ) -> None:
        function = type(self).__name__
        pair = factor if isinstance(factor, list | tuple) else (factor, factor)
        if len(pair) != 2:
            raise bad_value(function, "factor", f"must be a number or two of them, got {factor!r}")
        below, above = (
            number(function, "factor", one, 0.0, 1.0, include_high=self.kind == "contrast") for one in pair
        )
        self.factor = (below, above)
        super().__init__(value_range, seed, **keywords)

    def augment(self, images: Tensor) -> Any:
        below, above = self.factor
        return self.changed(images, self.kind, self.draws(images, (1.0 - below, 1.0 + above)))


@register
class RandomContrast(_AroundOne):
    """In training, `(x - mean) * c + mean` with a random c for each image and the mean of each channel.

    In inference images pass unchanged.

    Args:
        factor: (below, above), each in [0, 1]: c lies in [1 - below, 1 + above]; f stands for (f, f).
        value_range, seed, name, trainable, dtype, input_shape: as for `RandomBrightness`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3, as it is documented: there one number only ever raises the contrast.

    Example:
        >>> from densor import layers
        >>> layers.RandomContrast(0.0)([[[10.0, 250.0]]]).tolist()
        [[[10.0, 250.0]]]
    """

    kind = "contrast"


@register
class RandomGamma(_AroundOne):
    """In training, raises each image, as shares of its range, to a random power; in inference images pass unchanged.

    Args:
        factor: (below, above), each in [0, 1): the power lies in [1 - below, 1 + above]; f stands for (f, f).
        value_range, seed, name, trainable, dtype, input_shape: as for `RandomBrightness`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> from densor import layers
        >>> layers.RandomGamma(0.5)([[[0.0, 255.0]]]).tolist()
        [[[0.0, 255.0]]]
    """

    kind = "gamma"


@register
class RandomInvert(_Color):
    """In training, `highest value - x` for images chosen at random; in inference images pass unchanged.

    Args:
        factor: two numbers in [0, 1] between which the probability is drawn for each image; f stands for (0, f).
        value_range, seed, name, trainable, dtype, input_shape: as for `RandomBrightness`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomInvert((1.0, 1.0))([[[5.0, 255.0]]]).tolist()
        [[[250.0, 0.0]]]
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        self.factor = probability(type(self).__name__, "factor", factor)
        super().__init__(value_range, seed, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        return (
            images
            if is_zero(self.factor)
            else self.changed(images, "invert", self.draws(images, self.factor, CHANCE))
        )


@register
class RandomSaltAndPepper(_Color):
    """In training, makes random pixels as bright and as dark as can be, as many of both; in inference images pass.

    Args:
        factor: two numbers in [0, 1] between which the share of these pixels is drawn; f stands for (0, f).
        value_range, seed, name, trainable, dtype, input_shape: as for `RandomBrightness`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Example:
        >>> from densor import layers
        >>> sorted(set(layers.RandomSaltAndPepper((1.0, 1.0))([[[5.0] * 50]])[0, 0].tolist()))
        [0.0, 255.0]
    """

    def __init__(
        self, factor: Any = 0.1, value_range: Any = (0, 255), seed: int | None = None, **keywords: Any
    ) -> None:
        self.factor = probability(type(self).__name__, "factor", factor)
        super().__init__(value_range, seed, **keywords)

    def augment(self, images: Tensor) -> Any:
        if is_zero(self.factor):
            return images
        noise = self.draws(images, *[CHANCE] * math.prod(sides_of(images)))
        return self.changed(images, "salt", self.draws(images, self.factor), noise)


@register
class RandomErasing(_Color):
    """In training, covers a random box of each image; in inference images pass unchanged.

    Args:
        factor: two numbers in [0, 1] between which the probability is drawn for each image; f stands for (0, f).
        scale: two numbers in [0, 1] whose square roots bound the shares of height and width that the box takes; f
            stands for (0, f).
        fill_value: what covers the box: a number, one for each channel, or None: normal noise with the highest value
            as its deviation.
        value_range, seed, name, trainable, dtype, input_shape: as for `RandomBrightness`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range; as many fill values as no image has
            channels, when called.

    Source: Zhong et al. 2020, as Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomErasing((1.0, 1.0), (1.0, 1.0), fill_value=7.0)([[[5.0, 6.0]]]).tolist()
        [[[7.0, 7.0]]]
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.factor = probability(function, "factor", factor)
        self.scale = probability(function, "scale", scale)
        listed = fill_value if isinstance(fill_value, list | tuple) else [fill_value]
        if not listed:
            raise bad_value(
                function, "fill_value", "must be a number, a list of them, or None, got an empty list"
            )
        self.fill_value = fill_value
        self._fills = (
            [] if fill_value is None else [number(function, "fill_value", one, -1e38, 1e38) for one in listed]
        )
        super().__init__(value_range, seed, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        if is_zero(self.factor):
            return images
        draws = self.draws(images, self.factor, CHANCE, self.scale, self.scale, CHANCE, CHANCE)
        return self.changed(images, "erase", draws, self._cover(images))

    def _cover(self, images: Tensor) -> Any:
        if not self._fills:
            zeros = self.draws(images, *[(0.0, 0.0)] * images.features)
            return ops.gaussian_noise(zeros, abs(self.value_range[1]), self._noise_seed)
        channels = images.features // math.prod(sides_of(images))
        if len(self._fills) not in (1, channels):
            raise bad_value(
                type(self).__name__,
                "fill_value",
                f"has {len(self._fills)} numbers for images with {channels} channels",
            )
        fills = self._fills * (images.features // len(self._fills))
        return self.draws(images, *[(fill, fill) for fill in fills])

    def get_config(self) -> dict[str, Any]:
        fill = list(self.fill_value) if isinstance(self.fill_value, tuple) else self.fill_value
        return super().get_config() | {"scale": list(self.scale), "fill_value": fill}
