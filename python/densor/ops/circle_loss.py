"""Circle loss: embeddings of one class together, those of others apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor import _core
from densor._array import float32_array
from densor._check import bad_value, boolean, number
from densor.graph import Lowering, Node, Tensor, Variable
from densor.graph.buffers import View
from densor.graph.expression import Expression
from densor.graph.expression_code import Output, passes
from densor.graph.lowering import seen_as
from densor.ops._eager import Float32, array_of, empty, parameter, tensor, transposed
from densor.ops.dense import dense

__all__ = ["CircleLossNode", "circle_loss"]

Argument = Tensor | Variable


class CircleLossNode(Node):
    """y (batch,) of embeddings x (batch, n) and their labels, against references (count, n) and theirs.

    The references are those of the batch, or variables. Saves the derivatives by all products x_i r_j.
    """

    stem = "circle_loss"
    couples_rows = True

    def __init__(
        self, x: Tensor, labels: Tensor, references: Argument, their_labels: Argument, **options: Any
    ) -> None:
        self.arguments = (x, labels, references, their_labels)
        self.options = options
        super().__init__(
            [item for item in self.arguments if isinstance(item, Tensor)],
            (None,),
            [item for item in self.arguments if isinstance(item, Variable)],
        )

    def rewired(self, inputs: Sequence[Tensor], output: Tensor) -> CircleLossNode:
        node = super().rewired(inputs, output)
        new = dict(zip(self.inputs, inputs, strict=True))
        x, labels, *others = self.arguments
        references, theirs = (new[item] if isinstance(item, Tensor) else item for item in others)
        node.arguments = (new[x], new[labels], references, theirs)
        return node

    def forward(self, lowering: Lowering) -> None:
        x, references = lowering.value(self.inputs[0]), self._references(lowering)
        count, columns = references.shape
        transposed = lowering.buffer("transposed", (columns, count))
        products = lowering.buffer("products", (x.shape[0], count))
        lowering.emit(
            "transpose",
            y=transposed.reshape(1, count * columns),
            x=seen_as(references, 1, count * columns),
            shape=[count, columns],
            axes=[1, 0],
        )
        lowering.emit(
            "dense_forward",
            y=products,
            z=None,
            x=x,
            w=transposed,
            bias=None,
            activation="linear",
            alpha=0.0,
            training=lowering.arena is not None,
        )
        theirs = self.arguments[3]
        lowering.emit(
            "circle_loss",
            loss=lowering.result(self.output).reshape(x.shape[0]),
            dx=lowering.save(self, "slopes", products.shape) if lowering.wants(self.output) else None,
            x=products,
            label=lowering.value(self.inputs[1], 1).reshape(x.shape[0]),
            reference=lowering.value(theirs, 1).reshape(count) if isinstance(theirs, Tensor) else theirs,
            **self.options,
        )

    def backward(self, lowering: Lowering) -> None:
        """With the slopes G times dy: dx = G r, and dr = G^T x."""
        x, references, slopes = self.inputs[0], self._references(lowering), lowering.saved(self, "slopes")
        scaled = lowering.buffer("d", slopes.shape)
        e = Expression(slopes.shape[1])
        (part,) = passes([Output(e.multiply(e.operand(0, True), e.operand(1, False)), True)])
        lowering.emit(
            "expression", outputs=[scaled], operands=[slopes, lowering.gradient(self.output, 1)], code=part.code,
            constants=part.constants, rows=slopes.shape[0], cols=slopes.shape[1],
        )  # fmt: skip
        dx = lowering.contribution(x)
        if dx is not None:
            lowering.emit(
                "dense_forward", y=dx, z=None, x=scaled, w=references, bias=None, activation="linear", alpha=0.0,
                training=True,
            )  # fmt: skip
        third = self.arguments[2]
        dr = lowering.contribution(third) if isinstance(third, Tensor) else lowering.variable_gradient(third)
        if dr is not None:
            lowering.emit(
                "dense_backward", dx=None, dw=dr, dbias=None, dz=None, dy=lowering.value(x), saved=None, x=scaled,
                w=references, activation="linear", alpha=0.0,
            )  # fmt: skip

    def _references(self, lowering: Lowering) -> View | Variable:
        references = self.arguments[2]
        return lowering.value(references) if isinstance(references, Tensor) else references


def circle_loss(
    x: Any,
    labels: Any,
    references: Any = None,
    reference_labels: Any = None,
    gamma: float = 80.0,
    margin: float = 0.4,
    remove_diagonal: bool = True,
) -> Any:
    """softplus of the sum of two logsumexp, for every row of embeddings against all references.

    With the distance d = max(1 - x_i r_j, 0), a pair of one class adds gamma max(margin + d, 0) (d - margin) to the
    first, another pair gamma max(1 + margin - d, 0) (1 - margin - d) to the second.

    Args:
        x: embeddings of length 1, (batch, n), a symbolic tensor or real numbers.
        labels: whole numbers, (batch,) or (batch, 1).
        references, reference_labels: what `x` is compared with, (count, n) and (count,); by default `x` and
            `labels` themselves. Beside symbolic tensors: of the same batch, or variables or arrays.
        gamma: the scale, >= 0 (80.0). margin: (0.4).
        remove_diagonal: whether row i and reference i are no pair of one class (True).

    Returns:
        (batch,): a symbolic tensor, or a new float32 array. A row that has no pair of one of the two kinds is 0.

    Raises:
        TypeError: not real numbers. ValueError: shapes that do not fit.

    Source: Sun et al. 2020, as in Keras 3 `losses.circle`.

    Example:
        >>> from densor import ops
        >>> ops.circle_loss([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], [0, 0, 1], gamma=1.0).astype(float).round(3).tolist()
        [0.563, 0.734, 0.0]
    """
    where = "circle_loss"
    options: dict[str, Any] = {
        "gamma": number(where, "gamma", gamma, low=0),
        "margin": number(where, "margin", margin),
        "without_diagonal": boolean(where, "remove_diagonal", remove_diagonal),
    }
    references = x if references is None else references
    reference_labels = labels if reference_labels is None else reference_labels
    if isinstance(x, Tensor):
        if x.ndim != 2:
            raise bad_value(where, "x", f"expected embeddings of shape (batch, n), got {x.shape}")
        others, count = _others("references", references, (None, x.columns))
        theirs, _ = _others("reference_labels", reference_labels, (count,))
        mine = _one_column("labels", tensor(where, "labels", labels), None)
        return CircleLossNode(x, mine, others, theirs, **options).output
    flat, other = _matrix("x", x), _matrix("references", references)
    if other.shape[1] != flat.shape[1]:
        raise bad_value(where, "references", f"expected {flat.shape[1]} columns as in x, got {other.shape}")
    own = _labels("labels", labels, len(flat))
    known = _labels("reference_labels", reference_labels, len(other))
    losses = empty((len(flat),), flat)
    _core.circle_loss(losses, None, dense(flat, transposed(other, (1, 0))), own, known, **options).run()
    return losses


def _others(argument: str, value: Any, shape: tuple[int | None, ...]) -> tuple[Argument, int | None]:
    """References or their labels, and how many there are: None where they are a batch."""
    if isinstance(value, Tensor):
        if len(shape) == 1:
            return _one_column(argument, value, shape[0]), None
        if value.shape != shape:
            raise bad_value("circle_loss", argument, f"expected shape {shape}, got {value.shape}")
        return value, None
    array = value if isinstance(value, Variable) else float32_array("circle_loss", argument, value)
    count = array.shape[0] if shape[0] is None and array.shape else shape[0] or 0
    if len(shape) == 1 and array.shape == (count, 1) and not isinstance(array, Variable):
        array = array.reshape(count)
    return parameter("circle_loss", argument, array, (count, *shape[1:])), count  # type: ignore[arg-type]


def _one_column(argument: str, value: Tensor, count: int | None) -> Tensor:
    if value.shape not in ((None,), (None, 1)) or count is not None:
        wanted = "(batch,)" if count is None else (count,)
        raise bad_value("circle_loss", argument, f"expected shape {wanted}, got {value.shape}")
    return value


def _matrix(argument: str, value: Any) -> Float32:
    array = array_of("circle_loss", argument, value)
    if array.ndim != 2:
        raise bad_value("circle_loss", argument, f"expected shape (rows, n), got {array.shape}")
    return array


def _labels(argument: str, value: Any, rows: int) -> Float32:
    array = array_of("circle_loss", argument, value)
    if array.shape not in ((rows,), (rows, 1)):
        raise bad_value("circle_loss", argument, f"expected shape ({rows},), got {array.shape}")
    return array.reshape(rows)
