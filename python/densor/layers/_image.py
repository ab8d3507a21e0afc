"""What the layers that augment images share: when they work, their factors and their random numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from densor import ops
from densor._check import bad_type, bad_value, choice, is_number, number, show, unsupported
from densor.graph import Tensor
from densor.layers._noise import NoiseLayer

__all__ = [
    "CHANCE",
    "ImageLayer",
    "Pair",
    "checked_range",
    "images_of",
    "is_zero",
    "number_or_pair",
    "probability",
]

Pair = tuple[float, float]


class ImageLayer(NoiseLayer):
    """A layer that changes images in training, each in its own way, and passes them in inference.

    Inputs are (batch, height, width) or (batch, height, width, channels). The random numbers are a function of (seed,
    layer, step, image): the bits depend neither on threads nor on the device. Called by itself on arrays, a layer
    augments unless `training=False`, as in Keras; a dictionary with "images" keeps its "labels". No gradient passes.
    """

    def __init__(self, seed: int | None = None, data_format: str | None = None, **keywords: Any) -> None:
        function = type(self).__name__
        unsupported(function, "data_format", data_format or "channels_last", "channels_last")
        unsupported(function, "bounding_box_format", keywords.pop("bounding_box_format", None), None)
        super().__init__(seed, **keywords)

    def __call__(self, inputs: Any, training: bool | None = None, **keywords: Any) -> Any:
        """Augment images: symbolic tensors, arrays, or the array at "images" of a dictionary."""
        if isinstance(inputs, Mapping):
            return {**inputs, "images": self(images_of(type(self).__name__, inputs), training, **keywords)}
        if training is None and not isinstance(inputs, Tensor):
            training = True
        return super().__call__(inputs, training, **keywords)

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        """What the mode asks for, on symbolic images."""
        return self.augment(inputs) if training else inputs

    def augment(self, images: Tensor) -> Any:
        """The images, changed."""
        raise NotImplementedError(f"{type(self).__name__} does not implement augment()")

    def draws(self, images: Tensor, *ranges: Pair) -> Any:
        """A uniform number from each range for each image."""
        low, high = zip(*ranges, strict=True)
        return ops.random_rows(images, low, high, self._noise_seed)


CHANCE = (0.0, 1.0)
FILL_MODES = ("reflect", "wrap", "constant", "nearest", "mirror")
INTERPOLATIONS = ("bilinear", "nearest")


class WarpLayer(ImageLayer):
    """A layer that moves pixels: how they are read between and beyond those of the image."""

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.fill_mode = choice(function, "fill_mode", fill_mode, FILL_MODES)
        self.interpolation = choice(function, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = number(function, "fill_value", fill_value, low=-1e38, high=1e38)
        super().__init__(seed, data_format, **keywords)

    def warped(self, images: Tensor, kind: str, parameters: Any, field: Any = None) -> Any:
        """The images, read as this layer reads."""
        return ops.image_warp(
            images,
            kind,
            parameters,
            field=field,
            fill_mode=self.fill_mode,
            interpolation=self.interpolation,
            fill_value=self.fill_value,
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


def images_of(function: str, inputs: Mapping[Any, Any]) -> Any:
    """The images of a dictionary, which may hold labels beside them and nothing else."""
    for key in inputs:
        if key not in ("images", "labels"):
            raise bad_value(function, "inputs", f"{show(key)} is not supported, only 'images' and 'labels'")
    if "images" not in inputs:
        raise bad_value(function, "inputs", f"has no 'images', only {list(inputs)}")
    return inputs["images"]


def sides_of(images: Tensor) -> tuple[int, int]:
    """Height and width of symbolic images."""
    height, width = images.shape[1:3] if images.ndim in (3, 4) else (None, None)
    if height is None or width is None:
        raise bad_value("image_warp", "x", "expected images (batch, height, width) or (batch, height, width, "
                        f"channels), got shape {images.shape}")  # fmt: skip
    return height, width


def number_or_pair(
    function: str, argument: str, value: Any, low: float, high: float, *, include_low: bool = True
) -> Pair:
    """A pair of numbers in [low, high], put in order; a number f stands for (-|f|, |f|), cut at low."""
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise bad_value(function, argument, f"must be a number or two of them, got {show(value)}")
        first, second = (number(function, argument, one, low, high, include_low) for one in value)
        return min(first, second), max(first, second)
    if not is_number(value):
        raise bad_type(function, argument, f"must be a number or two of them, got {show(value)}")
    size = abs(number(function, argument, value, low, high, include_low))
    return max(-size, low), size


def probability(function: str, argument: str, value: Any) -> Pair:
    """Where the probability of a change is drawn from: two numbers in [0, 1]; f stands for (0, f)."""
    return number_or_pair(function, argument, value, 0.0, 1.0)


def checked_range(function: str, value: Any) -> Pair:
    """Lowest and highest value of the images."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise bad_type(function, "value_range", f"must be two numbers, got {show(value)}")
    low, high = sorted(number(function, "value_range", one, low=-1e38, high=1e38) for one in value)
    if low == high:
        raise bad_value(function, "value_range", f"must be two different numbers, got {show(value)}")
    return low, high


def is_zero(*ranges: Sequence[float]) -> bool:
    """Whether only zeros can be drawn from the ranges."""
    return not any(number for pair in ranges for number in pair)
