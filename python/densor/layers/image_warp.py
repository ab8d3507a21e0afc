"""Augmentations that move the pixels of images along straight lines."""

from __future__ import annotations

from typing import Any

from densor import ops
from densor._check import choice
from densor.graph import Tensor
from densor.layers._image import CHANCE, ImageLayer, Pair, WarpLayer, is_zero, number_or_pair
from densor.layers._registry import register

__all__ = ["RandomFlip", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"]

FLIPS = ("horizontal_and_vertical", "horizontal", "vertical")


@register
class RandomFlip(ImageLayer):
    """In training, mirrors every other image, chosen at random; in inference images pass unchanged.

    Args:
        mode: "horizontal" (left and right change places), "vertical", or "horizontal_and_vertical": both at once.
        seed: an integer repeats the noise; None draws a seed from `densor.random`.
        data_format: "channels_last" or None. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or unknown.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomFlip("horizontal", seed=2)([[[1.0, 2.0]]] * 3).tolist()
        [[[2.0, 1.0]], [[2.0, 1.0]], [[1.0, 2.0]]]
    """

    def __init__(
        self,
        mode: str = FLIPS[0],
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        self.mode = choice(type(self).__name__, "mode", mode, FLIPS)
        super().__init__(seed, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        across, down = (float(self.mode != other) for other in ("vertical", "horizontal"))
        return ops.image_warp(images, "flip", self.draws(images, CHANCE, (across, across), (down, down)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"mode": self.mode}


@register
class RandomRotation(WarpLayer):
    """In training, turns each image about its middle by a random angle; in inference images pass unchanged.

    Args:
        factor: two numbers in [-1, 1], in turns of 360 degrees; f stands for (-f, f).
        fill_mode: beyond the border: "reflect", "wrap", "constant" (`fill_value`), "nearest" or "mirror".
        interpolation: "bilinear" or "nearest".
        seed, data_format, name, trainable, dtype, input_shape: as for `RandomFlip`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomRotation((0.5, 0.5))([[[1.0, 2.0], [3.0, 4.0]]]).round(3).tolist()
        [[[4.0, 3.0], [2.0, 1.0]]]
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        self.factor = number_or_pair(type(self).__name__, "factor", factor, -1.0, 1.0)
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        return (
            images
            if is_zero(self.factor)
            else self.warped(images, "rotation", self.draws(images, self.factor))
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"factor": list(self.factor)}


@register
class RandomTranslation(WarpLayer):
    """In training, shifts each image by a random distance; in inference images pass unchanged.

    Args:
        height_factor, width_factor: two numbers in [-1, 1], in heights downwards and widths to the right; f stands
            for (-f, f).
        fill_mode, interpolation, seed, fill_value, data_format, name, ...: as for `RandomRotation`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomTranslation(0.0, (0.5, 0.5), "constant")([[[1.0, 2.0]]]).tolist()
        [[[0.0, 1.0]]]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.height_factor = number_or_pair(function, "height_factor", height_factor, -1.0, 1.0)
        self.width_factor = number_or_pair(function, "width_factor", width_factor, -1.0, 1.0)
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        if is_zero(self.height_factor, self.width_factor):
            return images
        return self.warped(images, "translation", self.draws(images, self.height_factor, self.width_factor))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "height_factor": list(self.height_factor),
            "width_factor": list(self.width_factor),
        }


@register
class RandomShear(WarpLayer):
    """In training, shears each image by a random slope, to either side; in inference images pass unchanged.

    Args:
        x_factor, y_factor: two numbers in [0, 1], pixels to the right by each pixel down, and down by each to the
            right; f stands for (-f, f).
        interpolation, fill_mode, fill_value, data_format, seed, name, ...: as for `RandomRotation`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomShear(0.5)([[[1.0, 2.0], [3.0, 4.0]]]).shape
        (1, 2, 2)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **keywords: Any,
    ) -> None:
        self.x_factor, self.y_factor = self._slopes("x_factor", x_factor), self._slopes("y_factor", y_factor)
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **keywords)

    def _slopes(self, argument: str, value: Any) -> Pair:
        low, high = number_or_pair(type(self).__name__, argument, value, 0.0, 1.0)
        return (low if isinstance(value, list | tuple) else -high), high

    def augment(self, images: Tensor) -> Any:
        if is_zero(self.x_factor, self.y_factor):
            return images
        return self.warped(images, "shear", self.draws(images, CHANCE, self.x_factor, self.y_factor))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            name: _config_of(getattr(self, name)) for name in ("x_factor", "y_factor")
        }


def _config_of(pair: Pair) -> float | list[float]:
    """A pair as an argument: (-f, f) came from f."""
    return pair[1] if pair[0] == -pair[1] else list(pair)


@register
class RandomZoom(WarpLayer):
    """In training, scales each image about its middle at random; in inference images pass unchanged.

    Args:
        height_factor: two numbers in (-1, 1]: 0.2 shows 20 % more than the image, -0.2 a part 20 % smaller; f stands
            for (-f, f).
        width_factor: the same for the width; None: always that of the height.
        fill_mode, interpolation, seed, fill_value, data_format, name, ...: as for `RandomRotation`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomZoom((-0.5, -0.5))([[[0.0, 1.0, 2.0]]]).tolist()
        [[[0.5, 1.0, 1.5]]]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.height_factor = number_or_pair(
            function, "height_factor", height_factor, -1.0, 1.0, include_low=False
        )
        self.width_factor = width_factor if width_factor is None else number_or_pair(
            function, "width_factor", width_factor, -1.0, 1.0, include_low=False
        )  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **keywords)

    def augment(self, images: Tensor) -> Any:
        if is_zero(self.height_factor, self.width_factor or ()):
            return images
        if self.width_factor is not None:
            return self.warped(images, "zoom", self.draws(images, self.height_factor, self.width_factor))
        height = self.draws(images, self.height_factor)
        return self.warped(images, "zoom", ops.concatenate([height, height], axis=-1))

    def get_config(self) -> dict[str, Any]:
        width = None if self.width_factor is None else list(self.width_factor)
        return super().get_config() | {"height_factor": list(self.height_factor), "width_factor": width}
