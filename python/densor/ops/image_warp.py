"""Images read along a map: flips, rotations, crops, perspectives, elastic distortions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from densor import _core
from densor._check import bad_type, bad_value, choice, number, positive_int, show
from densor.graph import Lowering, Tensor
from densor.ops._eager import empty
from densor.ops._images import LARGEST, ImageNode, image_shape, images, rows_beside

__all__ = ["FILL_MODES", "INTERPOLATIONS", "ImageWarpNode", "image_warp"]

FILL_MODES = ("constant", "nearest", "reflect", "wrap", "mirror")
INTERPOLATIONS = ("nearest", "bilinear")

# How many parameters an image has, by kind.
PARAMETERS = {
    "projection": 8,
    "flip": 3,
    "rotation": 1,
    "translation": 2,
    "shear": 3,
    "zoom": 2,
    "crop": 2,
    "fit": 0,
    "perspective": 10,
    "elastic": 3,
}


class ImageWarpNode(ImageNode):
    """Images, parameters and a field of displacements, the last two where the kind has them."""

    stem = "image_warp"

    def __init__(self, inputs: Sequence[Tensor], size: tuple[int, int], options: dict[str, Any]) -> None:
        self.options = options
        x = inputs[0]
        super().__init__(inputs, (x.shape[0], *size, *x.shape[3:]))

    def forward(self, lowering: Lowering) -> None:
        x, *beside = self.inputs
        values = [lowering.value(tensor, tensor.features) for tensor in beside]
        parameters, field = [*values, None, None][:2]
        lowering.emit(
            "image_warp",
            y=lowering.result(self.output, self.output.features),
            x=lowering.value(x, x.features),
            parameters=parameters,
            field=field,
            **self.options,
        )


def image_warp(
    x: Any,
    kind: str,
    parameters: Any = None,
    *,
    field: Any = None,
    size: Sequence[int] | None = None,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> Any:
    """Warp each image by its own parameters. No gradient passes.

    With "projection", pixel (u, v) of the output, u to the right and v down, is read at
    `((a0 u + a1 v + a2) / d, (b0 u + b1 v + b2) / d)` with `d = c0 u + c1 v + 1`; the other kinds make such a map.

    Args:
        x: (batch, height, width) or (batch, height, width, channels), a symbolic tensor or real numbers.
        kind: one of those below.
        parameters: (batch, n). A chance below its probability changes the image; coins lie in [0, 1).
            projection: a0, a1, a2, b0, b1, b2, c0, c1. flip: a coin, across and down (0 or 1). rotation: turns.
            translation: down and right, in heights and widths. shear: a coin for the sign, x by y, y by x.
            zoom: vertical and horizontal, above 0 outwards. crop: coins for the first row and column.
            fit: none; the largest window in the middle with the shape of `size`, resized.
            perspective: probability, chance, then by which share of itself x and y of each corner move.
            elastic: probability, chance, and the deviation of the blur that `field` had.
        field: (batch, height, width, 2), the x and y displacements of "elastic".
        size: height and width of the output of "crop" and "fit".
        fill_mode: beyond the border: "constant" (`fill_value`), "nearest", "reflect" (dcba|abcd|dcba), "wrap",
            "mirror" (dcb|abcd|cba).
        interpolation: "bilinear" or "nearest".

    Returns:
        A symbolic tensor, or a new float32 array, with the rank of `x`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind, unknown or of the wrong shape.

    Source: Keras 3 `ops.image.affine_transform`, `perspective_transform`, `elastic_transform`.

    Example:
        >>> from densor import ops
        >>> ops.image_warp([[[1.0, 2.0, 3.0]]], "flip", [[0.0, 1.0, 0.0]]).tolist()
        [[[3.0, 2.0, 1.0]]]
    """
    function = "image_warp"
    count = PARAMETERS[choice(function, "kind", kind, PARAMETERS)]
    found = images(function, x)
    shape, target = image_shape(found), _target(kind, found, size)
    options: dict[str, Any] = {
        "kind": kind,
        "shape": shape,
        "target": list(target),
        "fill_mode": choice(function, "fill_mode", fill_mode, FILL_MODES),
        "fill_value": number(function, "fill_value", fill_value, low=-LARGEST, high=LARGEST),
        "nearest": choice(function, "interpolation", interpolation, INTERPOLATIONS) == "nearest",
    }
    beside = []
    if count:
        beside.append(rows_beside(function, "parameters", parameters, found, count))
    elif parameters is not None:
        raise bad_value(function, "parameters", f"{kind!r} has none, got {show(parameters)}")
    if kind == "elastic":
        beside.append(rows_beside(function, "field", field, found, 2 * target[0] * target[1]))
    elif field is not None:
        raise bad_value(function, "field", f"{kind!r} has none")
    if isinstance(found, Tensor):
        return ImageWarpNode([found, *beside], target, options).output
    y = empty((len(found), target[0] * target[1] * shape[2]), found)
    _core.image_warp(
        y, found.reshape(len(found), math.prod(found.shape[1:])), *[*beside, None, None][:2], **options
    ).run()
    return y.reshape((len(found), *target, *found.shape[3:]))


def _target(kind: str, x: Any, size: Sequence[int] | None) -> tuple[int, int]:
    function = "image_warp"
    height, width = x.shape[1:3]
    if kind not in ("crop", "fit"):
        if size is not None:
            raise bad_value(function, "size", f"{kind!r} does not change the size, got {show(size)}")
        return height, width
    if not isinstance(size, list | tuple) or len(size) != 2:
        raise bad_type(function, "size", f"must be height and width, got {show(size)}")
    wanted = (positive_int(function, "size", size[0]), positive_int(function, "size", size[1]))
    if kind == "crop" and (wanted[0] > height or wanted[1] > width):
        raise bad_value(function, "size", f"{wanted} is larger than the images, {(height, width)}")
    return wanted
