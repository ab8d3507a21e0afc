"""Class labels as one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor._array import real_array


def to_categorical(x: Any, num_classes: int | None = None) -> npt.NDArray[np.float64]:
    """Returns one-hot rows for class labels, float64 (..., num_classes), as Keras does.

    Args:
        x: whole numbers 0 to num_classes - 1 of any shape; a last axis of length 1 is dropped.
        num_classes: the number of classes (the largest label + 1).

    Raises ValueError for a label outside the classes or with a fraction.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    where = "to_categorical"
    labels = real_array(where, "x", x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is not None:
        classes = _check.positive_int(where, "num_classes", num_classes)
    elif labels.size:
        classes = int(labels[np.isfinite(labels)].max(initial=0)) + 1
    else:
        raise _check.bad_value(where, "num_classes", "must be given for an empty x")
    wrong = (labels != np.floor(labels)) | ~((labels >= 0) & (labels < classes))
    if wrong.any():
        index = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), labels.shape))
        raise _check.bad_value(
            where, "x", f"value {labels[index]} at {index} is no class of 0 to {classes - 1}"
        )
    rows = np.zeros((*labels.shape, classes))
    np.put_along_axis(rows, labels.astype(np.intp)[..., None], 1.0, axis=-1)
    return rows
