"""Batch normalization over the last axis: batch statistics, given statistics, and both gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from densor import _core
from densor._check import bad_value, boolean, number
from densor.graph import Lowering, Node, Tensor, Variable
from densor.ops._axes import as_last
from densor.ops._eager import Float32, empty, empty_like, matrix, optional_vector, require_shape, vector_of
from densor.ops._parameters import column_parameter, vector
from densor.ops.activation import named

__all__ = [
    "BatchNormInferenceNode", "BatchNormNode", "batch_norm", "batch_norm_backward", "batch_norm_forward",
    "batch_norm_inference",
]  # fmt: skip


class MovingAverage(NamedTuple):
    """How batch statistics enter the moving ones; see `batch_norm`."""

    momentum: float
    from_first: bool = False
    unbiased: bool = False


class _Normalization(Node):
    """What both modes share: parameters, and an activation that can be computed from its output."""

    stem = "batch_norm"

    def __init__(
        self,
        x: Tensor,
        gamma: Variable | None,
        beta: Variable | None,
        moving: tuple[Variable, Variable] | None,
        epsilon: float,
    ) -> None:
        self.gamma = gamma
        self.beta = beta
        self.moving = moving
        self.epsilon = epsilon
        self.name = "linear"
        self.alpha = 0.0
        super().__init__([x], x.shape, [v for v in (gamma, beta, *(moving or ())) if v is not None])

    def with_activation(self, activation: str, alpha: float) -> _Normalization | None:
        if self.name != "linear" or _core.activation_saves(activation) != "output":
            return None
        fused = self.rewired(self.inputs, self.output)
        fused.name = activation
        fused.alpha = alpha
        return fused

    def _gradients(self, lowering: Lowering) -> dict[str, Any]:
        return {
            "dx": lowering.contribution(self.inputs[0]),
            "dgamma": lowering.variable_gradient(self.gamma, (self.output.columns,)),
            "dbeta": lowering.variable_gradient(self.beta, (self.output.columns,)),
            "dy": lowering.gradient(self.output),
            "x": lowering.value(self.inputs[0]),
            "y": None if self.name == "linear" else lowering.value(self.output),
        }

    def _parameters(self) -> dict[str, Any]:
        return {"epsilon": self.epsilon, "activation": self.name, "alpha": self.alpha}


class BatchNormNode(_Normalization):
    """Training mode: normalizes by the batch's statistics, saves them, and moves the moving ones at the end."""

    def __init__(
        self,
        x: Tensor,
        gamma: Variable | None,
        beta: Variable | None,
        moving: tuple[Variable, Variable] | None,
        average: MovingAverage,
        epsilon: float,
    ) -> None:
        self.average = average
        super().__init__(x, gamma, beta, moving, epsilon)

    def forward(self, lowering: Lowering) -> None:
        columns = self.output.columns
        lowering.emit(
            "batch_norm_forward",
            y=lowering.result(self.output),
            mean=lowering.save(self, "mean", (columns,)),
            variance=lowering.save(self, "variance", (columns,)),
            x=lowering.value(self.inputs[0]),
            gamma=vector(self.gamma),
            beta=vector(self.beta),
            **self._parameters(),
        )

    def backward(self, lowering: Lowering) -> None:
        mean, variance = lowering.saved(self, "mean"), lowering.saved(self, "variance")
        lowering.emit(
            "batch_norm_backward",
            **self._gradients(lowering),
            mean=mean,
            variance=variance,
            gamma=vector(self.gamma),
            **self._parameters(),
        )

    def update(self, lowering: Lowering) -> None:
        if self.moving is not None:
            rows = lowering.shape(self.output)[0]
            lowering.masks_rows = lowering.masks_rows and not self.average.unbiased
            lowering.emit(
                "batch_norm_update",
                moving_mean=vector(self.moving[0]),
                moving_variance=vector(self.moving[1]),
                mean=lowering.saved(self, "mean"),
                variance=lowering.saved(self, "variance"),
                momentum=self.average.momentum,
                correction=rows / (rows - 1) if self.average.unbiased and rows > 1 else 1.0,
                from_first=self.average.from_first,
            )


class BatchNormInferenceNode(_Normalization):
    """Normalizes by the moving statistics, which are constants: inference, and a frozen layer in training."""

    def forward(self, lowering: Lowering) -> None:
        assert self.moving is not None
        lowering.emit(
            "batch_norm_inference",
            y=lowering.result(self.output),
            x=lowering.value(self.inputs[0]),
            gamma=vector(self.gamma),
            beta=vector(self.beta),
            moving_mean=vector(self.moving[0]),
            moving_variance=vector(self.moving[1]),
            **self._parameters(),
        )

    def backward(self, lowering: Lowering) -> None:
        assert self.moving is not None
        lowering.emit(
            "batch_norm_inference_backward",
            **self._gradients(lowering),
            gamma=vector(self.gamma),
            moving_mean=vector(self.moving[0]),
            moving_variance=vector(self.moving[1]),
            **self._parameters(),
        )


def batch_norm(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    *,
    axis: int | Sequence[int] = -1,
    moving_mean: Variable | None = None,
    moving_variance: Variable | None = None,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    init_from_first_batch: bool = False,
    unbiased_running_variance: bool = False,
) -> Any:
    """Normalize every column by its mean and biased variance over all other axes.

    `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers of rank >= 2.
        gamma, beta: (columns,), Variables or real numbers; None leaves the factor or the term out.
        axis: the axis whose places are the columns, or several: then every combination is one, in their order.
        moving_mean, moving_variance: for a symbolic `x`, Variables that the training step moves at its end:
            `moving = momentum * moving + (1 - momentum) * batch`. Both or none; None on arrays.
        momentum: in [0, 1]. epsilon: > 0.
        init_from_first_batch: columns whose moving statistics are (0, 1) take those of the batch as they are.
        unbiased_running_variance: the moving variance follows `n / (n - 1)` times that of the batch.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit, or a parameter out of range.

    Source: Ioffe and Szegedy 2015; biased variance in both uses, as Keras 3.

    Example:
        >>> from densor import ops
        >>> ops.batch_norm([[1.0], [3.0]], epsilon=1e-12).tolist()
        [[-1.0], [1.0]]
    """
    epsilon = _epsilon("batch_norm", epsilon)
    average = MovingAverage(
        number("batch_norm", "momentum", momentum, low=0.0, high=1.0),
        boolean("batch_norm", "init_from_first_batch", init_from_first_batch),
        boolean("batch_norm", "unbiased_running_variance", unbiased_running_variance),
    )
    if (moving_mean is None) != (moving_variance is None):
        raise bad_value("batch_norm", "moving_mean", "give both moving statistics, or none")
    x, back = as_last("batch_norm", x, axis)
    if isinstance(x, Tensor):
        gamma, beta = _parameters("batch_norm", x, gamma, beta)
        moving = None
        if moving_mean is not None and moving_variance is not None:
            moving = _statistics("batch_norm", x, moving_mean, moving_variance)
        return back(BatchNormNode(x, gamma, beta, moving, average, epsilon).output)
    if moving_mean is not None:
        raise bad_value(
            "batch_norm", "moving_mean", "only symbolic tensors move statistics; use batch_norm_forward"
        )
    return back(batch_norm_forward(x, gamma, beta, epsilon=epsilon)[0])


def batch_norm_inference(
    x: Any,
    gamma: Any,
    beta: Any,
    moving_mean: Any,
    moving_variance: Any,
    *,
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-3,
) -> Any:
    """Normalize every column by given statistics.

    `y = gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta`.

    Args:
        x: (batch, ...), a symbolic tensor or real numbers of rank >= 2.
        gamma, beta: (columns,), Variables or real numbers, or None.
        moving_mean, moving_variance: (columns,), Variables or real numbers.
        axis: as for `batch_norm`. epsilon: > 0.

    Returns:
        A symbolic tensor, or a new float32 array, shaped like `x`.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit, or epsilon <= 0.

    Source: Ioffe and Szegedy 2015, as Keras 3.

    Example:
        >>> from densor import ops
        >>> ops.batch_norm_inference([[3.0]], None, None, [1.0], [4.0], epsilon=1e-12).tolist()
        [[1.0]]
    """
    function = "batch_norm_inference"
    epsilon = _epsilon(function, epsilon)
    x, back = as_last(function, x, axis)
    if isinstance(x, Tensor):
        gamma, beta = _parameters(function, x, gamma, beta)
        moving = _statistics(function, x, moving_mean, moving_variance)
        return back(BatchNormInferenceNode(x, gamma, beta, moving, epsilon).output)
    flat, shape = matrix(function, "x", x)
    columns = shape[-1]
    scale, shift = (
        optional_vector(function, name, v, columns) for name, v in (("gamma", gamma), ("beta", beta))
    )
    mean = vector_of(function, "moving_mean", moving_mean, columns)
    variance = vector_of(function, "moving_variance", moving_variance, columns)
    y = empty_like(flat)
    _core.batch_norm_inference(y, flat, scale, shift, mean, variance, epsilon, "linear", 0.0).run()
    return back(y.reshape(shape))


def batch_norm_forward(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    *,
    epsilon: float = 1e-3,
    activation: str | None = None,
    alpha: float | None = None,
) -> tuple[Float32, Float32, Float32]:
    """`batch_norm` on arrays, with an activation in the same pass, and the statistics that the gradient needs.

    Args:
        x, gamma, beta, epsilon: as for `batch_norm`.
        activation, alpha: an activation whose derivative needs only its output (`activation_saves`).

    Returns:
        `(y, mean, variance)`: float32 shaped like `x`, `(columns,)` and `(columns,)`.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit, or a parameter out of range.

    Source: as `batch_norm`.

    Example:
        >>> from densor import ops
        >>> y, mean, variance = ops.batch_norm_forward([[1.0], [3.0]])
        >>> mean.tolist(), variance.tolist()
        ([2.0], [1.0])
    """
    function = "batch_norm_forward"
    epsilon = _epsilon(function, epsilon)
    name, slope = _fusable(function, activation, alpha)
    flat, shape = matrix(function, "x", x)
    columns = shape[-1]
    scale, shift = (optional_vector(function, n, v, columns) for n, v in (("gamma", gamma), ("beta", beta)))
    y, mean, variance = empty_like(flat), empty((columns,), flat), empty((columns,), flat)
    _core.batch_norm_forward(y, mean, variance, flat, scale, shift, epsilon, name, slope).run()
    return y.reshape(shape), mean, variance


def batch_norm_backward(
    dy: Any,
    x: Any,
    mean: Any,
    variance: Any,
    gamma: Any = None,
    *,
    epsilon: float = 1e-3,
    activation: str | None = None,
    alpha: float | None = None,
    y: Any = None,
) -> tuple[Float32, Float32, Float32]:
    """The gradients of `batch_norm_forward`, the statistics being functions of `x`.

    With `n` rows, `h = (x - mean) / sqrt(variance + epsilon)` and `dz = dy * f'`: `dgamma = sum(dz * h)`,
    `dbeta = sum(dz)`, `dx = gamma / sqrt(variance + epsilon) * (dz - dbeta / n - h * dgamma / n)`.

    Args:
        dy: (..., columns), the gradient of the output.
        x: (..., columns), the input. mean, variance: (columns,), from the forward call.
        gamma: (columns,) or None. epsilon, activation, alpha: as in the forward call.
        y: the output of the forward call, needed with an activation.

    Returns:
        `(dx, dgamma, dbeta)`: float32 shaped like `x`, `(columns,)` and `(columns,)`.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit, or `y` is missing.

    Source: Ioffe and Szegedy 2015, section 3.

    Example:
        >>> from densor import ops
        >>> x = [[1.0], [3.0]]
        >>> y, mean, variance = ops.batch_norm_forward(x)
        >>> dx, dgamma, dbeta = ops.batch_norm_backward([[1.0], [1.0]], x, mean, variance)
        >>> dx.tolist(), dbeta.tolist()
        ([[0.0], [0.0]], [2.0])
    """
    function = "batch_norm_backward"
    epsilon = _epsilon(function, epsilon)
    name, slope = _fusable(function, activation, alpha)
    flat, shape = matrix(function, "x", x)
    upstream, dy_shape = matrix(function, "dy", dy)
    require_shape(function, "dy", dy_shape, shape)
    output = None
    if name != "linear":
        if y is None:
            raise bad_value(function, "y", f"None; the derivative of {name} needs it")
        output, y_shape = matrix(function, "y", y)
        require_shape(function, "y", y_shape, shape)
    columns = shape[-1]
    center = vector_of(function, "mean", mean, columns)
    spread = vector_of(function, "variance", variance, columns)
    scale = optional_vector(function, "gamma", gamma, columns)
    dx, dgamma, dbeta = empty_like(flat), empty((columns,), flat), empty((columns,), flat)
    _core.batch_norm_backward(
        dx, dgamma, dbeta, upstream, flat, output, center, spread, scale, epsilon, name, slope
    ).run()  # fmt: skip
    return dx.reshape(shape), dgamma, dbeta


def _epsilon(function: str, epsilon: float) -> float:
    return number(function, "epsilon", epsilon, low=0.0, include_low=False)


def _fusable(function: str, activation: str | None, alpha: float | None) -> tuple[str, float]:
    name, slope = named(function, activation, alpha)
    if name != "linear" and _core.activation_saves(name) != "output":
        raise bad_value(
            function, "activation", f"{name!r} needs its input for the derivative; apply it separately"
        )
    return name, slope


def _parameters(function: str, x: Tensor, gamma: Any, beta: Any) -> tuple[Variable | None, Variable | None]:
    scale = None if gamma is None else column_parameter(function, "gamma", gamma, x.columns)
    shift = None if beta is None else column_parameter(function, "beta", beta, x.columns)
    return scale, shift


def _statistics(function: str, x: Tensor, mean: Any, variance: Any) -> tuple[Variable, Variable]:
    return (
        column_parameter(function, "moving_mean", mean, x.columns),
        column_parameter(function, "moving_variance", variance, x.columns),
    )
