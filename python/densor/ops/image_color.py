"""Changes of the values of images: brightness, contrast, gamma, inversion, blends, salt and pepper, erased boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor import _core
from densor._check import bad_value, choice
from densor.graph import Lowering, Tensor
from densor.ops._eager import empty
from densor.ops._images import ImageNode, bounds, image_shape, images, rows_beside

__all__ = ["ImageColorNode", "image_color"]

# How many parameters an image has, and what else is read: nothing, a value for each pixel, or for each value.
KINDS = {
    "brightness": (1, None),
    "contrast": (1, None),
    "gamma": (1, None),
    "invert": (2, None),
    "blend": (1, "values"),
    "salt": (1, "pixels"),
    "erase": (6, "values"),
    "hue": (1, None),
    "saturation": (1, None),
    "gray": (1, None),
    "solarize": (2, None),
    "posterize": (1, None),
    "stretch": (1, None),
    "equalize": (1, None),
}


class ImageColorNode(ImageNode):
    """Images, their parameters, and the second array where the kind has one."""

    stem = "image_color"

    def __init__(self, inputs: Sequence[Tensor], options: dict[str, Any]) -> None:
        self.options = options
        super().__init__(inputs, inputs[0].shape)

    def forward(self, lowering: Lowering) -> None:
        x, parameters, other = (
            None if tensor is None else lowering.value(tensor, tensor.features)
            for tensor in (*self.inputs, None)[:3]
        )
        y = lowering.result(self.output, self.output.features)
        lowering.emit("image_color", y=y, x=x, other=other, parameters=parameters, **self.options)


def image_color(
    x: Any, kind: str, parameters: Any, *, other: Any = None, value_range: Sequence[float] | None = (0, 255)
) -> Any:
    """Change the values of each image by its own parameters. No gradient passes.

    Args:
        x: (batch, height, width) or (batch, height, width, channels), a symbolic tensor or real numbers.
        kind: one of those below.
        parameters: (batch, n). A chance below its probability changes the image; coins lie in [0, 1).
            brightness: the share of the range that is added. contrast: the factor of the distance from the mean of
            the channel. gamma: the exponent of the share of the range. invert: probability and chance.
            blend: s in `x + s * (other - x)`. salt: the share of pixels, those with the smallest and largest noise
            in `other`, that become lowest and highest. erase: probability, chance, the squares of the shares of
            height and width that a box takes, and coins for its place; inside it `other` stands.
            Of red, green and blue, hue: the share of the circle by which hues turn; saturation: its factor; gray: s of
            `x + s * (luma - x)`. solarize: the shares of the range that are added, and from which on values are
            inverted. posterize: how many of 8 bits stay. stretch: how far each channel goes towards the whole range,
            1 for all the way. equalize: the bins of the histogram of each channel, 2 to 4096.
        other: shaped like `x` for "blend" and "erase", (batch, height, width) for "salt".
        value_range: lowest and highest value; results beyond are bounded. None: no bounds.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind, unknown or of the wrong shape.

    Source: Keras 3 `RandomBrightness`, `RandomContrast`, `RandomInvert`, `RandomErasing`, `MixUp`, `RandomHue`,
    `RandomSaturation`, `RandomColorDegeneration`, `Solarization`, `RandomPosterization`, `AutoContrast`,
    `Equalization`.

    Example:
        >>> from densor import ops
        >>> ops.image_color([[[10.0, 250.0]]], "brightness", [[0.1]]).tolist()
        [[[35.5, 255.0]]]
    """
    function = "image_color"
    count, second = KINDS[choice(function, "kind", kind, KINDS)]
    found = images(function, x)
    low, high = bounds(function, value_range)
    options: dict[str, Any] = {"kind": kind, "shape": image_shape(found), "low": low, "high": high}
    beside = [rows_beside(function, "parameters", parameters, found, count)]
    if second is not None:
        height, width, channels = image_shape(found)
        columns = height * width * (channels if second == "values" else 1)
        beside.append(rows_beside(function, "other", other, found, columns))
    elif other is not None:
        raise bad_value(function, "other", f"{kind!r} has none")
    if isinstance(found, Tensor):
        return ImageColorNode([found, *beside], options).output
    y = empty((len(found), math.prod(found.shape[1:])), found)
    settings, noise = [*beside, None][:2]
    _core.image_color(y, found.reshape(y.shape), noise, settings, **options).run()
    return y.reshape(found.shape)
