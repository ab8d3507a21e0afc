"""Augmentations that blur and sharpen images."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import bad_value, integer, show
from densor.graph import Tensor
from densor.layers._image import CHANCE, ImageLayer, checked_range, is_zero, probability
from densor.layers._registry import register

__all__ = ["RandomGaussianBlur", "RandomSharpness"]

EVEN = (1e9, 1e9)  # a Gaussian so wide that all weights of a short kernel are the same


@register
class RandomGaussianBlur(ImageLayer):
    """In training, blurs images chosen at random; in inference images pass unchanged. Zeros stand outside.

    Args:
        factor: two numbers in [0, 1] between which the probability is drawn for each image; f stands for (0, f).
        kernel_size: an odd number of pixels, or two: across and down.
        sigma: two numbers in [0, 1] between which the deviations across and down are drawn, in pixels, for each image;
            f stands for (0, f).
        value_range: lowest and highest value; results beyond are bounded.
        seed, data_format, name, trainable, dtype, input_shape: as for `RandomFlip`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3, with deviations of its own for each image.

    Example:
        >>> from densor import layers
        >>> layers.RandomGaussianBlur((1.0, 1.0), 3, (0.0, 0.0))([[[0.0, 9.0, 0.0]]]).tolist()
        [[[0.0, 9.0, 0.0]]]
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.factor = probability(function, "factor", factor)
        pair = list(kernel_size) if isinstance(kernel_size, list | tuple) else [kernel_size, kernel_size]
        self.kernel_size = tuple(integer(function, "kernel_size", size, low=1) for size in pair)
        if len(pair) != 2 or any(size % 2 == 0 for size in self.kernel_size):
            raise bad_value(
                function, "kernel_size", f"must be an odd integer or two, got {show(kernel_size)}"
            )
        self.sigma = probability(function, "sigma", sigma)
        self.value_range = checked_range(function, value_range)
        super().__init__(seed, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        if is_zero(self.factor):
            return images
        draws = self.draws(images, self.factor, CHANCE, self.sigma, self.sigma)
        return ops.image_blur(images, draws, self.kernel_size, value_range=self.value_range)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "factor": list(self.factor),
            "kernel_size": list(self.kernel_size),
            "sigma": list(self.sigma),
            "value_range": list(self.value_range),
        }


@register
class RandomSharpness(ImageLayer):
    """In training, moves each image away from, or towards, its smoothed self; in inference images pass unchanged.

    `x + (1 - 2 f) * (smooth - x)` with f drawn for each image: 0 smooths, 0.5 changes nothing, 1 sharpens. Smooth is
    the mean of the 3 x 3 pixels around, the middle one counted five times and pixels outside as zero.

    Args:
        factor: two numbers in [0, 1] between which f is drawn; one number g stands for (0, g).
        value_range: lowest and highest value; results beyond are bounded.
        data_format, seed, name, trainable, dtype, input_shape: as for `RandomFlip`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomSharpness((0.5, 0.5))([[[0.0, 9.0, 0.0]]]).tolist()
        [[[0.0, 9.0, 0.0]]]
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.factor = probability(function, "factor", factor)
        self.value_range = checked_range(function, value_range)
        super().__init__(seed, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        mean = ops.image_blur(images, self.draws(images, (1.0, 1.0), (0.0, 0.0), EVEN), (3, 3))
        # smooth - x is 9 / 13 of the distance from the plain mean.
        smallest, largest = ((1.0 - 2.0 * factor) * 9.0 / 13.0 for factor in reversed(self.factor))
        shares = self.draws(images, (smallest, largest))
        return ops.image_color(images, "blend", shares, other=mean, value_range=self.value_range)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factor": list(self.factor), "value_range": list(self.value_range)}
