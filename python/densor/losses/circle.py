"""Circle loss: what embeddings are trained with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check, ops
from densor._array import real_array
from densor.graph import Tensor
from densor.losses.loss import Loss, arithmetic

Array = npt.NDArray[np.float64]


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> Any:
    """Returns the circle loss of every row of embeddings against all references, float64 (rows,).

    It is softplus of the sum of two logsumexp: with the distance d = max(1 - y_pred_i ref_j, 0), pairs of one class
    add gamma max(margin + d, 0) (d - margin) to the first, others gamma max(1 + margin - d, 0) (1 - margin - d) to
    the second. A row without a pair of both kinds costs 0. Source: Sun et al. 2020, as in Keras.

    Args:
        y_true: whole numbers that say who is of one class, (rows,) or (rows, 1).
        y_pred: embeddings of length 1, (rows, n).
        ref_labels, ref_embeddings: what they are compared with, (count,) and (count, n); by default `y_true` and
            `y_pred`.
        remove_diagonal: whether row i and reference i are no pair of one class (True).
        gamma: the scale, >= 0 (80.0). margin: (0.4).

    >>> circle([0, 0, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], gamma=1.0).round(3)
    array([0.563, 0.734, 0.   ])
    """
    if isinstance(y_pred, Tensor):
        return ops.circle_loss(y_pred, y_true, ref_embeddings, ref_labels, gamma, margin, remove_diagonal)
    where = "circle"
    gamma, margin = _check.number(where, "gamma", gamma, low=0), _check.number(where, "margin", margin)
    embeddings = _embeddings("y_pred", y_pred)
    labels = _labels("y_true", y_true, len(embeddings))
    others = embeddings if ref_embeddings is None else _embeddings("ref_embeddings", ref_embeddings)
    if others.shape[1] != embeddings.shape[1]:
        raise _check.bad_value(
            where, "ref_embeddings", f"expected {embeddings.shape[1]} columns, got shape {others.shape}"
        )
    theirs = _labels("ref_labels", y_true if ref_labels is None else ref_labels, len(others))
    same = np.equal(labels[:, None], theirs)
    different = np.logical_not(same)
    if _check.boolean(where, "remove_diagonal", remove_diagonal):
        np.fill_diagonal(same, False)
    distance = np.maximum(1.0 - embeddings @ others.T, 0.0)
    near = gamma * np.maximum(margin + distance, 0.0) * (distance - margin)
    far = gamma * np.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    return np.logaddexp(0.0, _log_sum_exp(near, same) + _log_sum_exp(far, different))


def _log_sum_exp(values: Array, counts: npt.NDArray[np.bool_]) -> Array:
    chosen: Array = np.where(counts, values, -np.inf)
    total: Array = np.logaddexp.reduce(chosen, axis=1, initial=-np.inf)
    return total


def _embeddings(argument: str, value: Any) -> Array:
    array = real_array("circle", argument, value).astype(np.float64)
    if array.ndim != 2:
        raise _check.bad_value("circle", argument, f"expected shape (rows, n), got {array.shape}")
    return array


def _labels(argument: str, value: Any, rows: int) -> Array:
    array = real_array("circle", argument, value).astype(np.float64)
    if array.shape not in ((rows,), (rows, 1)):
        raise _check.bad_value("circle", argument, f"expected shape ({rows},), got {array.shape}")
    return array.reshape(rows)


class Circle(Loss):
    """Circle loss of embeddings: rows of one class come together, others apart, batch by batch.

    The model should end with `UnitNormalization`. Each row is compared with all rows of its batch, so that
    `batch_size` matters, in `evaluate` too; rows with a loss of 0, such as those without a partner, do not count
    in the mean. See `circle` for the formula.

    Args:
        gamma: the scale, >= 0 (80.0).
        margin: pairs of one class are to be nearer than it, others farther than 1 - it (0.4).
        remove_diagonal: whether a row is no partner of itself (True).
        reduction, name, dtype: see `Loss`.

    >>> round(Circle(gamma=1.0)([0, 0, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), 3)
    0.648
    """

    target_kind = "groups"

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.gamma = _check.number("Circle", "gamma", gamma, low=0)
        self.margin = _check.number("Circle", "margin", margin)
        self.remove_diagonal = _check.boolean("Circle", "remove_diagonal", remove_diagonal)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return circle(
            y_true, y_pred, remove_diagonal=self.remove_diagonal, gamma=self.gamma, margin=self.margin
        )

    def counted(self, y_true: Any, y_pred: Any, losses: Any) -> Any:
        return 1.0 * arithmetic(losses).greater(losses, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "margin": self.margin,
            "remove_diagonal": self.remove_diagonal,
        }
