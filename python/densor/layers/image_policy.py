"""Augmentations made of others: colour jitter, pipelines, RandAugment."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from densor import ops
from densor._check import bad_type, choice, integer, show
from densor.graph import Tensor
from densor.layers._image import INTERPOLATIONS, ImageLayer, Pair, checked_range, probability
from densor.layers._registry import deserialize, register, serialize
from densor.layers.image_blur import RandomSharpness
from densor.layers.image_color import RandomBrightness, RandomContrast
from densor.layers.image_tone import (
    AutoContrast,
    Equalization,
    RandomColorDegeneration,
    RandomHue,
    RandomPosterization,
    RandomSaturation,
    Solarization,
)
from densor.layers.image_warp import RandomRotation, RandomShear, RandomTranslation
from densor.layers.layer import Layer
from densor.ops.reshape import reshape_rows

__all__ = ["Pipeline", "RandAugment", "RandomColorJitter"]

PipelineType = TypeVar("PipelineType", bound="Pipeline")


@register
class RandomColorJitter(ImageLayer):
    """In training, changes brightness, contrast, saturation and hue of each image; in inference images pass unchanged.

    Args:
        value_range: lowest and highest value (0 and 255).
        brightness_factor, contrast_factor, saturation_factor, hue_factor: those of `RandomBrightness`,
            `RandomContrast`, `RandomSaturation` and `RandomHue`; None leaves one out (None).
        seed: an integer repeats the noise; None draws a seed from `densor.random`.
        data_format: "channels_last" or None. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandomColorJitter(brightness_factor=(0.1, 0.1))([[[[10.0, 20.0, 250.0]]]]).tolist()
        [[[[35.5, 45.5, 255.0]]]]
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        self.value_range = checked_range(type(self).__name__, value_range)
        super().__init__(seed, data_format, **keywords)
        self._factors = {
            "brightness_factor": brightness_factor,
            "contrast_factor": contrast_factor,
            "saturation_factor": saturation_factor,
            "hue_factor": hue_factor,
        }
        kinds = RandomBrightness, RandomContrast, RandomSaturation, RandomHue
        self.steps = [
            kind(factor, self.value_range, seed=seed)
            for kind, factor in zip(kinds, self._factors.values(), strict=True)
            if factor is not None
        ]

    def augment(self, images: Tensor) -> Any:
        for step in self.steps:
            images = step(images, training=True)
        return images

    def get_config(self) -> dict[str, Any]:
        factors = {
            name: list(factor) if isinstance(factor, tuple) else factor
            for name, factor in self._factors.items()
        }
        return super().get_config() | {"value_range": list(self.value_range)} | factors


@register
class Pipeline(Layer):
    """Layers, one after the other, as one layer.

    Args:
        layers: a list of layers. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError: something that is no layer.

    Source: Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.Pipeline([layers.Rescaling(2.0), layers.Rescaling(1.0, 3.0)])([[1.0]]).tolist()
        [[5.0]]
    """

    def __init__(self, layers: Sequence[Layer], **keywords: Any) -> None:
        if not isinstance(layers, list | tuple) or not all(isinstance(layer, Layer) for layer in layers):
            raise bad_type(type(self).__name__, "layers", f"must be a list of layers, got {show(layers)}")
        super().__init__(**keywords)
        self.layers = list(layers)

    def __call__(self, inputs: Any, training: bool | None = None, **keywords: Any) -> Any:
        """Call the layers; on arrays in training mode unless `training=False`, as layers that augment."""
        if isinstance(inputs, Mapping):
            for layer in self.layers:
                inputs = layer(inputs, training=training)
            return inputs
        augments = any(isinstance(layer, ImageLayer | Pipeline) for layer in self.layers)
        if training is None and augments and not isinstance(inputs, Tensor):
            training = True
        return super().__call__(inputs, training, **keywords)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        for layer in self.layers:
            takes = "training" in inspect.signature(layer.call).parameters
            inputs = layer(inputs, training=training) if takes else layer(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"layers": [serialize(layer) for layer in self.layers]}

    @classmethod
    def from_config(cls: type[PipelineType], config: dict[str, Any]) -> PipelineType:
        """A new layer with the arguments of `get_config`."""
        return cls(**{**config, "layers": [deserialize(layer) for layer in config["layers"]]})


@register
class RandAugment(ImageLayer):
    """In training, changes each image by some of eleven augmentations, drawn anew; in inference images pass unchanged.

    They are shear, translation, rotation, brightness, colour degeneration, contrast, sharpness, solarization,
    posterization, auto-contrast and equalization. Every image draws its own (Keras draws for the batch); all eleven
    are computed for each.

    Args:
        value_range: lowest and highest value (0 and 255).
        num_ops: how many are applied, one after the other, 1 to 11 (2).
        factor: how strong: two numbers in [0, 1]; f stands for (0, f) (0.5).
        interpolation: "bilinear" or "nearest".
        seed: an integer repeats the noise; None draws a seed from `densor.random`.
        data_format: "channels_last" or None. name, trainable, dtype, input_shape: as for `Layer`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or out of range; no color images, when called.

    Source: Cubuk et al. 2020, as Keras 3.

    Example:
        >>> from densor import layers
        >>> layers.RandAugment(seed=1)([[[[10.0, 20.0, 250.0]] * 4] * 4]).shape
        (1, 4, 4, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        self.value_range = checked_range(function, value_range)
        self.num_ops = integer(function, "num_ops", num_ops, 1, 11)
        self.factor = probability(function, "factor", factor)
        self.interpolation = choice(function, "interpolation", interpolation, INTERPOLATIONS)
        super().__init__(seed, data_format, **keywords)
        self.steps = [self._choices(seed) for _ in range(self.num_ops)]

    def _choices(self, seed: int | None) -> list[Layer]:
        factor: Pair = self.factor
        warp: dict[str, Any] = {"interpolation": self.interpolation, "seed": seed}
        tone: dict[str, Any] = {"value_range": self.value_range, "seed": seed}
        bits = max(1, int(8 * factor[1]))
        return [
            RandomShear(factor, factor, **warp),
            RandomTranslation(factor, factor, **warp),
            RandomRotation(factor, **warp),
            RandomBrightness(factor, **tone),
            RandomColorDegeneration(factor, **tone),
            RandomContrast(factor, **tone),
            RandomSharpness(factor, **tone),
            Solarization(factor, factor, **tone),
            RandomPosterization(bits, **tone),
            AutoContrast(self.value_range),
            Equalization(self.value_range),
        ]

    def augment(self, images: Tensor) -> Any:
        features, shape = (images.features,), tuple(size for size in images.shape[1:] if size is not None)
        for choices in self.steps:
            drawn = self.draws(images, (0.0, float(len(choices))))
            chosen = reshape_rows(images, features)
            for place, layer in enumerate(choices):
                changed = reshape_rows(layer(images, training=True), features)
                mine = ops.logical_and(drawn >= float(place), drawn < float(place + 1))
                chosen = ops.where(mine, changed, chosen)
            images = reshape_rows(chosen, shape)
        return images

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "value_range": list(self.value_range),
            "num_ops": self.num_ops,
            "factor": list(self.factor),
            "interpolation": self.interpolation,
        }
