"""The penalty on rows or columns that are not orthogonal to one another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from densor import _check, ops
from densor._array import float32_array
from densor.graph import Lowering
from densor.graph.buffers import View
from densor.graph.expression import Expression
from densor.graph.expression_code import Output, passes
from densor.graph.lowering import Constant, seen_as
from densor.graph.penalty import Penalized
from densor.ops.layer_norm import STATISTICS
from densor.regularizers.l1_l2 import coefficient
from densor.regularizers.regularizer import Regularizer

_EPSILON = 1e-12  # of ops.unit_norm


class OrthogonalRegularizer(Regularizer):
    """`factor * mean |n_i . n_j|` over all pairs i < j of rows (or columns) n of a matrix, scaled to length 1.

    Args:
        factor: at least 0 (0.01).
        mode: "rows" or "columns" ("rows").

    Weights must be matrices with at least two such rows or columns.

    Source: Keras 3 `OrthogonalRegularizer`; Brock et al. (2017) for the idea.

    >>> OrthogonalRegularizer(0.5)([[1.0, 0.0], [3.0, 4.0]]).__round__(6)
    0.3
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = coefficient(self, "factor", factor)
        self.mode = _check.choice("OrthogonalRegularizer", "mode", mode, ["rows", "columns"])

    def __call__(self, x: Any) -> float:
        array = float32_array("OrthogonalRegularizer", "x", x)
        self.check("OrthogonalRegularizer", array.shape)
        n = ops.unit_norm(array if self.mode == "rows" else np.ascontiguousarray(array.T))
        products = ops.dense(n, np.ascontiguousarray(n.T))
        np.fill_diagonal(products, 0.0)
        return ops.penalty(products, l1=self._per_product(len(n)))[0]

    def check(self, function: str, shape: tuple[int, ...]) -> None:
        size = shape[0 if self.mode == "rows" else 1] if len(shape) == 2 else 0
        if size < 2:
            raise _check.bad_value(
                function,
                "regularizer",
                f"orthogonality needs a matrix of at least two {self.mode}, got shape {shape}",
            )

    def emit(self, lowering: Lowering, place: Penalized) -> None:
        self.check("OrthogonalRegularizer", place.x.shape)
        by_rows = self.mode == "rows"
        rows, cols = place.x.shape if by_rows else place.x.shape[::-1]
        if by_rows:
            x = seen_as(place.x, rows, cols)
        else:
            x = _transposed(lowering, seen_as(place.x, 1, rows * cols), cols, rows)
        n = lowering.buffer("unit", (rows, cols))
        lengths = lowering.buffer("unit.statistics", (rows, STATISTICS))
        lowering.emit(
            "layer_norm_forward",
            y=n, statistics=lengths, x=x, gamma=None, beta=None, epsilon=_EPSILON, kind="unit",
        )  # fmt: skip
        signs = self._emit_products(lowering, place, n)
        if place.dx is None:
            return
        dn = lowering.buffer("d", (rows, cols))
        lowering.emit("dense_forward", y=dn, z=None, x=signs, w=n, bias=None, activation="linear", alpha=0.0)
        dx = lowering.buffer("d", (rows, cols))
        lowering.emit(
            "layer_norm_backward",
            dx=dx, dgamma=None, dbeta=None, dy=dn, x=x, statistics=lengths, gamma=None, epsilon=_EPSILON,
            kind="unit",
        )  # fmt: skip
        if not by_rows:
            dx = _transposed(lowering, dx.reshape(1, rows * cols), rows, cols)
        target = seen_as(place.dx, *dx.shape)
        if place.add:
            lowering.emit("add", y=target, a=target, b=dx)
        else:
            lowering.emit("rescale", y=target, x=dx, scale=1.0, offset=0.0)

    def _emit_products(self, lowering: Lowering, place: Penalized, n: View) -> View:
        """The penalty of the products n n^T off the diagonal, and twice its gradient by them."""
        rows, cols = n.shape
        product, pairs = lowering.buffer("product", (rows, rows)), lowering.buffer("pairs", (rows, rows))
        lowering.emit(
            "dense_forward",
            y=product, z=None, x=n, w=_transposed(lowering, n.reshape(1, rows * cols), rows, cols), bias=None,
            activation="linear", alpha=0.0,
        )  # fmt: skip
        expression = Expression(rows)
        (part,) = passes(
            [Output(expression.multiply(expression.operand(0, True), expression.operand(1, True)), True)]
        )
        others = np.ones((rows, rows), np.float32) - np.eye(rows, dtype=np.float32)
        lowering.emit(
            "expression",
            outputs=[pairs], operands=[product, Constant(others)], code=part.code, constants=part.constants, rows=rows,
            cols=rows,
        )  # fmt: skip
        total = place.total
        lowering.emit(
            "penalty",
            totals=None if total is None else total.totals, xs=[pairs],
            dxs=[] if place.dx is None else [product],
            l1=np.array([self._per_product(rows)]), l2=np.zeros(1), weight=0.0 if total is None else total.weight,
            scale=2.0 * place.scale, add=False,
        )  # fmt: skip
        return product

    def _per_product(self, size: int) -> float:
        """The coefficient of each |n_i . n_j| where both (i, j) and (j, i) are added up."""
        return 0.5 * self.factor / math.comb(size, 2)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def _transposed(lowering: Lowering, x: Any, rows: int, cols: int) -> View:
    """The transpose of a matrix (rows, cols) that is given as one row; as a matrix."""
    y = lowering.buffer("transposed", (cols, rows))
    lowering.emit("transpose", y=y.reshape(1, rows * cols), x=x, shape=[rows, cols], axes=[1, 0])
    return y
