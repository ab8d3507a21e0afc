"""Binary cross-entropy of sigmoid on logits."""

from __future__ import annotations

from typing import Any

from densor import _core
from densor.ops._eager import Float32, array_of, require_shape
from densor.ops._loss import loss_and_gradient, outputs_and_values

__all__ = ["sigmoid_cross_entropy"]


def sigmoid_cross_entropy(x: Any, target: Any, weight: Any = None) -> tuple[float, Float32]:
    """Mean binary cross-entropy of `sigmoid(x)`, and its gradient.

    Per element `max(x, 0) - x * target + log(1 + exp(-|x|))`; per row the mean `l` over the columns; the loss
    is `sum(weight * l) / rows`.

    Args:
        x: (rows, ...), logits. target: shaped like `x`. weight: (rows,) or None.

    Returns:
        `(loss, gradient)`: a float, and float32 shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: the shapes do not fit.

    Source: Keras 3 binary_crossentropy with from_logits=True.

    Example:
        >>> from densor import ops
        >>> loss, gradient = ops.sigmoid_cross_entropy([[0.0]], [[1.0]])
        >>> round(loss, 6), gradient.tolist()
        (0.693147, [[-0.5]])
    """
    logits = array_of("sigmoid_cross_entropy", "x", x)
    target = array_of("sigmoid_cross_entropy", "target", target)
    require_shape("sigmoid_cross_entropy", "target", target.shape, logits.shape)
    flat, values = outputs_and_values("sigmoid_cross_entropy", logits, target)
    return loss_and_gradient(
        "sigmoid_cross_entropy", _core.sigmoid_cross_entropy, flat, values, weight, logits.shape
    )
