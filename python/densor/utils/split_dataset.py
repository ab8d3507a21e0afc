"""Two parts of a data set, as `keras.utils.split_dataset`."""

from __future__ import annotations

from typing import Any

import numpy as np

from densor import _core
from densor._check import bad_type, bad_value, boolean
from densor._seeds import seed_or_next
from densor.graph.structure import flat, mapped

__all__ = ["split_dataset"]


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Any, Any]:
    """The first rows and the last rows of arrays. (Keras returns data sets of its backend; these are arrays.)

    `datasets.random_split` makes more than two parts, and stratified ones.

    Args:
        dataset: an array, or a tuple, list or dict of arrays with the same rows.
        left_size, right_size: rows of each part: a share in [0, 1] or a number of rows. One may be left out.
        shuffle: take the rows in random order.
        seed: of that order; None draws one from `densor.random`.

    Returns:
        `(left, right)`, each in the form of `dataset`; views of it without `shuffle`.

    Raises:
        TypeError: something else than arrays and numbers. ValueError: no sizes, or sizes that do not fit.

    Example:
        >>> import densor, numpy as np
        >>> x, y = np.arange(10), np.arange(10) % 2
        >>> (x_left, y_left), (x_right, y_right) = densor.utils.split_dataset((x, y), left_size=0.8)
        >>> len(x_left), x_right.tolist()
        (8, [8, 9])
    """
    where = "split_dataset"
    arrays = mapped(np.asarray, dataset)
    lengths = {array.shape[:1] for array in flat(arrays)}
    if len(lengths) != 1 or lengths == {()}:
        raise bad_value(where, "dataset", f"must be arrays with the same rows, got {sorted(lengths)}")
    ((rows,),) = lengths
    left, right = _rows(where, "left_size", left_size, rows), _rows(where, "right_size", right_size, rows)
    if left is None and right is None:
        raise bad_value(where, "left_size", "give left_size or right_size")
    if left is None:
        left = rows - (right or 0)
    if right is None:
        right = rows - left
    if left + right > rows:
        raise bad_value(where, "right_size", f"{left} and {right} rows are more than the {rows} there are")
    if boolean(where, "shuffle", shuffle):
        order = np.empty(rows, np.int64)
        _core.permutation(order, seed_or_next(where, seed), 0).run()
        arrays = mapped(lambda array: array[order], arrays)
    form = tuple if isinstance(dataset, tuple) else (lambda part: part)
    first = mapped(lambda array: array[:left], arrays)
    last = mapped(lambda array: array[left : left + right], arrays)
    return form(first), form(last)


def _rows(function: str, argument: str, size: Any, rows: int) -> int | None:
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int | float | np.integer | np.floating):
        raise bad_type(function, argument, f"must be a share or a number of rows, got {size!r}")
    whole = isinstance(size, int | np.integer)
    if not 0 <= size <= (rows if whole else 1):
        raise bad_value(function, argument, f"must be in [0, {rows if whole else 1}], got {size}")
    return int(size) if whole else round(float(size) * rows)
