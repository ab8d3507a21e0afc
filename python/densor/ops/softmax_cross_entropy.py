"""Cross-entropy of softmax on logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _core
from densor._array import device_array, real_array
from densor._check import bad_value
from densor.ops._device import gathered
from densor.ops._eager import Float32, matrix, require_shape
from densor.ops._loss import loss_and_gradient

__all__ = ["softmax_cross_entropy"]


def softmax_cross_entropy(x: Any, target: Any, weight: Any = None) -> tuple[float, Float32]:
    """Mean cross-entropy of `softmax(x)`, and its gradient.

    Per row `l = sum(target) * log(sum(exp(x))) - sum(target * x)`; the loss is `sum(weight * l) / rows`.

    Args:
        x: (rows, classes), logits.
        target: (rows,) or (rows, 1) integer labels in [0, classes), or (rows, classes) probabilities.
        weight: (rows,) or None.

    Returns:
        `(loss, gradient)`: a float, and float32 `(rows, classes)`.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit, or a label outside [0, classes).

    Source: Keras 3 categorical_crossentropy with from_logits=True, without clipping.

    Example:
        >>> from densor import ops
        >>> loss, gradient = ops.softmax_cross_entropy([[0.0, 0.0]], [1])
        >>> round(loss, 6), gradient.tolist()
        (0.693147, [[0.5, -0.5]])
    """
    function = "softmax_cross_entropy"
    flat, shape = matrix(function, "x", x)
    if len(shape) != 2:
        raise bad_value(function, "x", f"expected shape (rows, classes), got {shape}")
    there = device_array(function, "target", target)
    values: Any = real_array(function, "target", target) if there is None else there
    if values.shape == shape and not (shape[1] == 1 and values.dtype.kind in "iu"):
        return loss_and_gradient(
            function, _core.softmax_cross_entropy, flat, matrix(function, "target", target)[0], weight, shape
        )
    if values.shape == (shape[0], 1):
        values = values.reshape(shape[0])
    require_shape(function, "target", values.shape, (shape[0],))
    labels = (
        _labels(function, values, shape[1]) if there is None else _labels_there(function, values, shape[1])
    )
    return loss_and_gradient(function, _core.softmax_cross_entropy, flat, labels, weight, shape)


def _labels(function: str, values: Any, classes: int) -> Any:
    bad = ~((values >= 0) & (values < classes) & (values == np.floor(values)))
    if bad.any():
        row = int(bad.argmax())
        raise bad_value(
            function, "target", f"value {values[row]} at row {row} is not a label in [0, {classes})"
        )
    return values.astype(np.int32)


def _labels_there(function: str, values: Any, classes: int) -> Any:
    """The same for labels in the memory of a GPU, which a kernel looks at."""
    count, row = _core.label_range(values, classes)
    if count:
        value = values.numpy()[row]
        raise bad_value(function, "target", f"value {value} at row {row} is not a label in [0, {classes})")
    return gathered(values, np.int32)
