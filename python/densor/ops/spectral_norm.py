"""The spectral norm of a kernel, divided away at every training step."""

from __future__ import annotations

from typing import Any

from densor import _core
from densor._check import bad_value, positive_int
from densor.graph import Lowering, Node, Tensor, Variable
from densor.graph.lowering import Reshaped
from densor.ops._eager import Float32, copy_of, empty

__all__ = ["SpectralNormNode", "spectral_norm", "spectral_normalized"]


class SpectralNormNode(Node):
    """Hands its input on, after the kernel was divided by its largest singular value as the power iteration sees it.

    What reads the kernel must come after this node, so it reads this node's output.
    """

    stem = "spectral_norm"

    def __init__(self, x: Tensor, kernel: Variable, u: Variable, iterations: int) -> None:
        self.kernel = kernel
        self.u = u
        self.iterations = iterations
        super().__init__([x], x.shape, [kernel, u])

    def forward(self, lowering: Lowering) -> None:
        lowering.alias(self.output, self.inputs[0])
        rows, columns = self.kernel.shape
        lowering.changed.update((self.kernel, self.u))
        lowering.emit(
            "spectral_norm",
            kernel=self.kernel,
            u=Reshaped(self.u, (columns,)),
            v=lowering.buffer("spectral_norm.v", (rows,)),
            iterations=self.iterations,
        )

    def backward(self, lowering: Lowering) -> None:
        lowering.pass_gradient(self.inputs[0], lowering.gradient(self.output))


def spectral_normalized(x: Tensor, kernel: Variable, u: Variable, iterations: int = 1) -> Tensor:
    """`x`, ordered after a step that divides `kernel` by its spectral norm; for layers in training.

    Args:
        x: any symbolic tensor. kernel: (rows, columns), overwritten by every step.
        u: `columns` values, the left-over of the power iteration, overwritten too.
        iterations: of the power iteration per step, >= 1.

    Raises:
        TypeError, ValueError: a kernel that is no matrix, another number of values in `u`, no iteration.
    """
    function = "spectral_normalized"
    if len(kernel.shape) != 2 or u.size != kernel.shape[1]:
        raise bad_value(
            function, "kernel", f"expected a matrix with {u.size} columns, got shape {kernel.shape}"
        )
    return SpectralNormNode(x, kernel, u, positive_int(function, "iterations", iterations)).output


def spectral_norm(kernel: Any, u: Any, iterations: int = 1) -> tuple[Float32, Float32]:
    """A kernel divided by its largest singular value, found by power iteration.

    `v = W u / |W u|`, `u = W^T v / |W^T v|`, `sigma = v^T W u`, `W / sigma`.

    Args:
        kernel: (rows, columns), real numbers. u: (columns,), where the iteration starts.
        iterations: how often v and u are renewed, >= 1.

    Returns:
        `(kernel, u)`: new float32 arrays; a kernel of zeros comes back as it is.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit, no iteration.

    Source: Miyato et al. 2018, as Keras 3 `SpectralNormalization`.

    Example:
        >>> from densor import ops
        >>> kernel, u = ops.spectral_norm([[2.0, 0.0], [0.0, 1.0]], [1.0, 0.0])
        >>> kernel.tolist()
        [[1.0, 0.0], [0.0, 0.5]]
    """
    function = "spectral_norm"
    w = copy_of(function, "kernel", kernel)
    start = copy_of(function, "u", u)
    if w.ndim != 2 or start.shape != w.shape[1:]:
        raise bad_value(
            function, "u", f"expected shape {w.shape[1:]} for a kernel of shape {w.shape}, got {start.shape}"
        )
    v = empty((w.shape[0],), w)
    _core.spectral_norm(w, start, v, positive_int(function, "iterations", iterations)).run()
    return w, start
