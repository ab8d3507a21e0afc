"""Gaussian blur of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from densor import _core
from densor._check import bad_type, bad_value, integer, show
from densor.graph import Lowering, Tensor
from densor.ops._eager import empty
from densor.ops._images import ImageNode, bounds, image_shape, images, rows_beside

__all__ = ["ImageBlurNode", "image_blur"]


class ImageBlurNode(ImageNode):
    """Images and their parameters."""

    stem = "image_blur"

    def __init__(self, x: Tensor, parameters: Tensor, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__([x, parameters], x.shape)

    def forward(self, lowering: Lowering) -> None:
        y, x = lowering.result(self.output, self.output.features), self.inputs[0]
        parameters = lowering.value(self.inputs[1])
        lowering.emit(
            "image_blur", y=y, x=lowering.value(x, x.features), parameters=parameters, **self.options
        )


def image_blur(
    x: Any,
    parameters: Any,
    kernel_size: Sequence[int] = (0, 0),
    *,
    value_range: Sequence[float] | None = None,
) -> Any:
    """Blur each image by a Gaussian of its own deviation; pixels outside count as zero. No gradient passes.

    Args:
        x: (batch, height, width) or (batch, height, width, channels), a symbolic tensor or real numbers.
        parameters: (batch, 3): probability, chance, deviation in pixels; or (batch, 4): deviations across and down.
            An image whose chance is not below its probability keeps its values.
        kernel_size: odd numbers of pixels across and down that the Gaussian is cut to; 0: six deviations.
        value_range: lowest and highest value; results beyond are bounded. None: no bounds.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError, ValueError: an argument of the wrong kind or shape, a size that is even.

    Source: Keras 3 `ops.image.gaussian_blur`.

    Example:
        >>> from densor import ops
        >>> ops.image_blur([[[0.0, 3.0, 0.0]]], [[1.0, 0.0, 1e9]], (3, 1)).tolist()
        [[[1.0, 1.0, 1.0]]]
    """
    function = "image_blur"
    found = images(function, x)
    if not isinstance(kernel_size, list | tuple) or len(kernel_size) != 2:
        raise bad_type(function, "kernel_size", f"must be two integers, got {show(kernel_size)}")
    sizes = [integer(function, "kernel_size", size, low=0) for size in kernel_size]
    if any(size % 2 == 0 and size != 0 for size in sizes):
        raise bad_value(function, "kernel_size", f"must be odd, or 0, got {tuple(kernel_size)}")
    low, high = bounds(function, value_range)
    options: dict[str, Any] = {"shape": image_shape(found), "kernel_size": sizes, "low": low, "high": high}
    columns = 3 if np.shape(parameters)[-1:] == (3,) else 4
    beside = rows_beside(function, "parameters", parameters, found, columns)
    if isinstance(found, Tensor):
        return ImageBlurNode(found, beside, options).output
    y = empty((len(found), math.prod(found.shape[1:])), found)
    _core.image_blur(y, found.reshape(y.shape), beside, **options).run()
    return y.reshape(found.shape)
