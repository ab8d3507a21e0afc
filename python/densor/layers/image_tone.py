"""Augmentations that change the colours of images, and those that go through all the values of a channel."""

from __future__ import annotations

from typing import Any, ClassVar

from densor import ops
from densor._check import integer, number
from densor.graph import Tensor
from densor.layers._image import (
    ImageLayer,
    Pair,
    checked_range,
    number_or_pair,
    probability,
)
from densor.layers._registry import register

__all__ = [
    "AutoContrast",
    "Equalization",
    "RandomColorDegeneration",
    "RandomGrayscale",
    "RandomHue",
    "RandomPosterization",
    "RandomSaturation",
    "Solarization",
]

_MOST_BINS = 4096  # room for the table in the kernel


class _Tone(ImageLayer):
    """What these layers share: the range of the values."""

    def __init__(
        self,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **keywords: Any,
    ) -> None:
        self.value_range = checked_range(type(self).__name__, value_range)
        super().__init__(seed, data_format, **keywords)

    def toned(self, images: Tensor, kind: str, parameters: Any) -> Any:
        """The images with other colours."""
        return ops.image_color(images, kind, parameters, value_range=self.value_range)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"value_range": list(self.value_range)}


class _Factor(_Tone):
    """One of them with a factor: a number or two of them within the bounds."""

    kind: ClassVar[str]
    bounds: ClassVar[Pair] = (0.0, 1.0)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **keywords: Any,
    ) -> None:
        self.factor = number_or_pair(type(self).__name__, "factor", factor, *self.bounds)
        super().__init__(value_range, data_format, seed, **keywords)

    def augment(self, images: Tensor) -> Any:
        return self.toned(images, self.kind, self.draws(images, self.factor))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factor": list(self.factor)}


@register
class RandomHue(_Factor):
    """In training, turns the hues of each image by a random angle; in inference images pass unchanged.

    Args:
        factor: two numbers in [0, 1] between which the share of half the circle of hues is drawn, either way round;
            f stands for (0, f).
        value_range: lowest and highest value (0 and 255).
        data_format: "channels_last" or None. Images are red, green and blue.
        seed: an integer repeats the noise; None draws a seed from `densor.random`.
        name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range; no color images, when called.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomHue((1.0, 1.0))([[[[255.0, 0.0, 0.0]]]]).round().tolist()
        [[[[0.0, 255.0, 255.0]]]]
    """

    def augment(self, images: Tensor) -> Any:
        low, high = self.factor
        turns = self.draws(images, (0.5 * low, 0.5 * high))
        side = self.draws(images, (0.0, 1.0))
        return self.toned(images, "hue", ops.where(side > 0.5, -turns, turns))


@register
class RandomSaturation(_Factor):
    """In training, multiplies the saturation of each image by f / (1 - f), f random; in inference images pass.

    f = 0.5 changes nothing, 0 leaves no colour. Saturations are bounded by 1 (Keras bounds them by the largest value
    of the images, which are then no longer in their range).

    Args:
        factor: two numbers in [-1, 1] between which f is drawn; f stands for (-f, f). Below 0 there is no colour.
        value_range, data_format, seed, name, trainable, dtype, input_shape: as for `RandomHue`.

    Raises:
        TypeError, ValueError: as `RandomHue`.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomSaturation((0.0, 0.0))([[[[200.0, 100.0, 50.0]]]]).tolist()
        [[[[200.0, 200.0, 200.0]]]]
    """

    bounds = (-1.0, 1.0)

    def augment(self, images: Tensor) -> Any:
        share = self.draws(images, self.factor)
        return self.toned(images, "saturation", share / (1.0 - share + 1e-7))


@register
class RandomColorDegeneration(_Factor):
    """In training, mixes each image with its shades of grey: x + f * (grey - x), f random; in inference images pass.

    Args:
        factor: two numbers in [-1, 1] between which f is drawn; f stands for (-f, f). Below 0 colours become stronger.
        value_range, data_format, seed, name, trainable, dtype, input_shape: as for `RandomHue`.

    Raises:
        TypeError, ValueError: as `RandomHue`.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomColorDegeneration((1.0, 1.0))([[[[100.0, 100.0, 0.0]]]]).round(2).tolist()
        [[[[88.58999633789062, 88.58999633789062, 88.58999633789062]]]]
    """

    kind, bounds = "gray", (-1.0, 1.0)


@register
class RandomGrayscale(ImageLayer):
    """In training, takes the colour from images chosen at random; in inference images pass unchanged.

    Args:
        factor: the probability, in [0, 1] (0.5).
        data_format, seed, name, trainable, dtype, input_shape: as for `RandomHue`.

    Raises:
        TypeError, ValueError: as `RandomHue`.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomGrayscale(1.0)([[[[100.0, 100.0, 0.0]]]]).round(2).tolist()
        [[[[88.58999633789062, 88.58999633789062, 88.58999633789062]]]]
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **keywords: Any
    ) -> None:
        self.factor = number(type(self).__name__, "factor", factor, 0.0, 1.0)
        super().__init__(seed, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        share = ops.less(self.draws(images, (0.0, 1.0)), self.factor)
        return ops.image_color(images, "gray", share, value_range=None)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factor": self.factor}


@register
class RandomPosterization(_Factor):
    """In training, keeps the first bits of the values of each image as bytes; in inference images pass unchanged.

    Args:
        factor: two numbers in [1, 8]: the bits are drawn from the integers of [low, high), or are low if both are
            the same; f stands for (1, f).
        value_range, data_format, seed, name, trainable, dtype, input_shape: as for `RandomHue`. Any channels.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomPosterization((2, 2))([[[0.0, 63.0, 64.0, 255.0]]]).tolist()
        [[[0.0, 0.0, 64.0, 192.0]]]
    """

    kind, bounds = "posterize", (1.0, 8.0)


@register
class Solarization(_Tone):
    """In training, adds a random number to each image and inverts what is bright; in inference images pass unchanged.

    v = x + a, bounded; v below the threshold, highest - v from there on. Both are shares of the range of the values.

    Args:
        addition_factor: two numbers in [0, 1] between which a is drawn; f stands for (0, f) (0.0).
        threshold_factor: the same for the threshold (0.0: all is inverted).
        value_range, seed, name, trainable, dtype, input_shape: as for `RandomHue`. Any channels.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3, as it is documented: there the lower of the two numbers is taken as a value, not as a share.

    Example:
        >>> from densor import layers
        >>> layers.Solarization(threshold_factor=(0.5, 0.5))([[[10.0, 250.0]]]).tolist()
        [[[10.0, 5.0]]]
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.addition_factor = probability(function, "addition_factor", addition_factor)
        self.threshold_factor = probability(function, "threshold_factor", threshold_factor)
        super().__init__(value_range, seed=seed, **keywords)

    def augment(self, images: Tensor) -> Any:
        return self.toned(images, "solarize", self.draws(images, self.addition_factor, self.threshold_factor))

    def get_config(self) -> dict[str, Any]:
        factors = {"addition_factor": self.addition_factor, "threshold_factor": self.threshold_factor}
        return super().get_config() | {name: list(pair) for name, pair in factors.items()}


class _Settled(_Tone):
    """Layers that draw nothing."""

    def settled(self, images: Tensor, kind: str, value: float) -> Any:
        """The images, all changed with one parameter."""
        return self.toned(images, kind, self.draws(images, (value, value)))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("seed", None)
        return config


@register
class AutoContrast(_Settled):
    """Stretches each channel of each image to the whole range of values, in training and in inference.

    Args:
        value_range, data_format, name, trainable, dtype, input_shape: as for `RandomHue`. Any channels; one whose
            values are all the same stays as it is.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.AutoContrast()([[[10.0, 20.0, 30.0]]]).tolist()
        [[[0.0, 127.5, 255.0]]]
    """

    def __init__(self, value_range: Any = (0, 255), **keywords: Any) -> None:
        super().__init__(value_range, **keywords)

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        """The images, changed in both modes."""
        return self.settled(inputs, "stretch", 1.0)


@register
class Equalization(_Settled):
    """In training, spreads the values of each channel evenly over their range; in inference images pass unchanged.

    Each image goes by its own histogram (Keras takes the values of all images of the batch together).

    Args:
        value_range: as for `RandomHue`.
        bins: of the histogram, 2 to 4096 (256).
        data_format, name, trainable, dtype, input_shape: as for `RandomHue`. Any channels.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.Equalization()([[[10.0, 10.0, 20.0, 30.0]]]).tolist()
        [[[0.0, 0.0, 128.0, 255.0]]]
    """

    def __init__(
        self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **keywords: Any
    ) -> None:
        self.bins = integer(type(self).__name__, "bins", bins, 2, _MOST_BINS)
        super().__init__(value_range, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        return self.settled(images, "equalize", float(self.bins))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"bins": self.bins}
