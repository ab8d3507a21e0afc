"""Arrays scaled to norm 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor._array import real_array


def normalize(x: Any, axis: int = -1, order: int = 2) -> npt.NDArray[np.float64]:
    """Returns `x` divided by its norm along `axis`, float64; where the norm is 0, `x` stays.

    Args:
        x: at least one axis.
        axis: the axis along which the norm is taken (-1).
        order: of the norm: 1 sums the magnitudes, 2 is Euclid's; at least 1 (2).

    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    values = np.atleast_1d(real_array("normalize", "x", x)).astype(np.float64)
    axis = _check.integer("normalize", "axis", axis, low=-values.ndim, high=values.ndim - 1)
    order = _check.positive_int("normalize", "order", order)
    norms = np.sum(np.abs(values) ** order, axis=axis, keepdims=True) ** (1.0 / order)
    result: npt.NDArray[np.float64] = values / np.where(norms == 0.0, 1.0, norms)
    return result
