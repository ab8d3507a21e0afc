"""Elementwise activations: the node, the functions by name, and the backward function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor import _core
from densor._check import choice, number
from densor.graph import Lowering, Node, Tensor
from densor.graph.expression import Expression, Value
from densor.ops._eager import Float32, empty_like, matrix, require_shape

__all__ = [
    "NAMES", "ActivationNode", "activation", "activation_backward", "activation_saves", "elu", "leaky_relu", "linear",
    "named", "relu", "selu", "sigmoid", "softplus", "tanh",
]  # fmt: skip

# The activations the kernels know, with the default of their parameter `alpha` (0 where there is none).
NAMES = {
    "linear": 0.0, "relu": 0.0, "leaky_relu": 0.2, "elu": 1.0, "selu": 0.0,
    "sigmoid": 0.0, "tanh": 0.0, "silu": 1.0, "gelu": 0.0, "softplus": 0.0,
}  # fmt: skip


def named(function: str, activation: str | None, alpha: float | None = None) -> tuple[str, float]:
    """(kernel's name, alpha) of an activation by its public name; None is linear, swish is silu."""
    if activation is None:
        return "linear", 0.0
    name = "silu" if activation == "swish" else choice(function, "activation", activation, list(NAMES))
    return name, NAMES[name] if alpha is None else number(function, "alpha", alpha)


class ActivationNode(Node):
    """y = f(x), elementwise."""

    stem = "activation"
    elementwise = True

    def __init__(self, x: Tensor, name: str, alpha: float) -> None:
        self.name = name
        self.alpha = alpha
        super().__init__([x], x.shape)

    def forward(self, lowering: Lowering) -> None:
        y, x = lowering.result(self.output), lowering.value(self.inputs[0])
        lowering.emit("activation_forward", y=y, x=x, activation=self.name, alpha=self.alpha)

    def backward(self, lowering: Lowering) -> None:
        saved = self.output if _core.activation_saves(self.name) == "output" else self.inputs[0]
        lowering.emit(
            "activation_backward",
            dx=lowering.contribution(self.inputs[0]),
            dy=lowering.gradient(self.output),
            saved=lowering.value(saved),
            activation=self.name,
            alpha=self.alpha,
        )

    def express(self, expression: Expression, value_of: Callable[[Any], Value]) -> Value:
        return expression.apply(self.name, value_of(self.inputs[0]), expression.constant(self.alpha))

    def activation_like(self) -> tuple[str, float]:
        return self.name, self.alpha

    def cross_entropy(self) -> str | None:
        return "sigmoid_cross_entropy" if self.name == "sigmoid" else None


def activation(x: Any, activation: str | None, alpha: float | None = None) -> Any:
    """Apply an activation by name: `y = f(x)`, elementwise.

    Args:
        x: a symbolic tensor, or real numbers of any shape with at least one axis.
        activation: linear, relu, leaky_relu, elu, selu, sigmoid, tanh, silu (or swish), gelu, softplus; None
            is linear.
        alpha: the slope of leaky_relu (default 0.2), alpha of elu (1), beta of silu (1); others ignore it.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: `x` is not real numbers.
        ValueError: the name is unknown, or `alpha` is not finite.

    Source: the formulas of Keras 3 (`keras.activations`); SELU: Klambauer et al. 2017; silu: Ramachandran et al. 2017.

    Example:
        >>> from densor import ops
        >>> ops.activation([-1.0, 0.0, 2.0], "relu").tolist()
        [0.0, 0.0, 2.0]
    """
    name, alpha = named("activation", activation, alpha)
    return _apply(name, x, name, alpha)


def _apply(function: str, x: Any, name: str, alpha: float) -> Any:
    if isinstance(x, Tensor):
        return ActivationNode(x, name, alpha).output
    flat, shape = matrix(function, "x", x)
    y = empty_like(flat)
    _core.activation_forward(y, flat, name, alpha).run()
    return y.reshape(shape)


def activation_saves(name: str) -> str:
    """What the derivative is computed from: "output" (y) or "input" (x).

    Example:
        >>> from densor import ops
        >>> ops.activation_saves("relu"), ops.activation_saves("gelu")
        ('output', 'input')
    """
    saves: str = _core.activation_saves(named("activation_saves", name)[0])
    return saves


def activation_backward(dy: Any, saved: Any, activation: str | None, alpha: float | None = None) -> Float32:
    """The gradient of `activation`: `dx = dy * f'(x)`.

    Args:
        dy: the gradient of the output.
        saved: the output y, or the input x where `activation_saves(activation)` is "input"; shaped like `dy`.
        activation, alpha: as for `activation`.

    Returns:
        float32, shaped like `dy`. At 0 the derivative is that of Keras: relu 0, leaky_relu 1, elu 1.

    Raises:
        TypeError: not real numbers. ValueError: shapes differ, or the name is unknown.

    Source: parity with Keras 3 (derivatives at 0).

    Example:
        >>> from densor import ops
        >>> y = ops.relu([-1.0, 2.0])
        >>> ops.activation_backward([5.0, 5.0], y, "relu").tolist()
        [0.0, 5.0]
    """
    name, alpha = named("activation_backward", activation, alpha)
    flat, shape = matrix("activation_backward", "dy", dy)
    kept, saved_shape = matrix("activation_backward", "saved", saved)
    require_shape("activation_backward", "saved", saved_shape, shape)
    dx = empty_like(flat)
    _core.activation_backward(dx, flat, kept, name, alpha).run()
    return dx.reshape(shape)


def linear(x: Any) -> Any:
    """`y = x`: the tensor itself, or the values as float32.

    Example:
        >>> from densor import ops
        >>> ops.linear([1, 2]).tolist()
        [1.0, 2.0]
    """
    return x if isinstance(x, Tensor) else _apply("linear", x, "linear", 0.0)


def relu(x: Any, negative_slope: float = 0.0) -> Any:
    """`y = max(x, 0)`, or `negative_slope * x` where x < 0; derivative 0 at 0. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.relu([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    if negative_slope:
        return leaky_relu(x, negative_slope)
    return _apply("relu", x, "relu", 0.0)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """`y = x` where x >= 0, else `negative_slope * x`. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.leaky_relu([-1.0, 2.0], 0.5).tolist()
        [-0.5, 2.0]
    """
    slope = number("leaky_relu", "negative_slope", negative_slope, low=0.0)
    return _apply("leaky_relu", x, "leaky_relu", slope)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """`y = x` where x > 0, else `alpha * (exp(x) - 1)`. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.elu([-100.0, 2.0]).tolist()
        [-1.0, 2.0]
    """
    return _apply("elu", x, "elu", number("elu", "alpha", alpha, low=0.0))


def selu(x: Any) -> Any:
    """`y = 1.0507... * elu(x, 1.6732...)` (Klambauer et al. 2017). Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.selu([0.0, 1.0]).round(4).tolist()
        [0.0, 1.0506999492645264]
    """
    return _apply("selu", x, "selu", 0.0)


def sigmoid(x: Any) -> Any:
    """`y = 1 / (1 + exp(-x))`. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.sigmoid([0.0]).tolist()
        [0.5]
    """
    return _apply("sigmoid", x, "sigmoid", 0.0)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.tanh([0.0, 100.0]).tolist()
        [0.0, 1.0]
    """
    return _apply("tanh", x, "tanh", 0.0)


def softplus(x: Any) -> Any:
    """`y = log(1 + exp(x))`. Shapes as in `activation`.

    Example:
        >>> from densor import ops
        >>> ops.softplus([100.0]).tolist()
        [100.0]
    """
    return _apply("softplus", x, "softplus", 0.0)
