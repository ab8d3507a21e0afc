"""Rows in parts: at random, by classes, in folds, in batches; and training on all folds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._check import bad_type, bad_value, boolean, integer, is_number, positive_int
from densor._seeds import seed_or_next
from densor.graph.structure import flat, mapped

__all__ = ["Scores", "batches", "cross_validate", "k_fold", "random_split"]

Rows = NDArray[np.int64]


def random_split(
    *data: Any, shares: Sequence[float] = (0.8, 0.2), stratify: Any = None, seed: int | None = None
) -> list[tuple[Any, ...]]:
    """Split rows at random into parts of given sizes, each row into one part.

    Args:
        data: arrays, frames, or lists or dicts of them, all with the same rows.
        shares: the share of each part, greater than 0, which sum to at most 1; or numbers of rows (integers).
        stratify: the class of each row, `(rows,)`, `(rows, 1)` or one-hot: every part then has the classes in the
            proportions of the whole, up to one row of each class.
        seed: an integer for the same split every time; None draws one from `densor.random`.

    Returns:
        For each part a tuple with its rows of each of `data`, in random order.

    Raises:
        TypeError: not data, or shares that are no numbers.
        ValueError: different numbers of rows, sizes beyond them, or a part that would be empty.

    Example:
        >>> import densor, numpy as np
        >>> x, y = np.arange(10.0)[:, None], np.arange(10) % 2
        >>> (x_train, y_train), (x_val, y_val), (x_test, y_test) = densor.datasets.random_split(
        ...     x, y, shares=(0.6, 0.2, 0.2), stratify=y, seed=1)
        >>> len(x_train), sorted(y_val.tolist()), sorted(y_test.tolist())
        (6, [0, 1], [0, 1])
    """
    where = "random_split"
    rows = _rows_of(where, data)
    sizes = _sizes(where, shares, rows)
    classes = _classes(where, rows, stratify)
    counts = _dealt(sizes, np.bincount(classes))
    for number, count in enumerate(counts.sum(axis=0)):
        if not count:
            raise bad_value(where, "shares", f"part {number} of {rows} rows is empty: {shares[number]}")
    first = seed_or_next(where, seed)
    parts: list[list[Rows]] = [[] for _ in sizes]
    for group, ends in zip(_groups(_shuffled(rows, first), classes), np.cumsum(counts, axis=1), strict=True):
        for part, piece in zip(parts, np.split(group[: ends[-1]], ends[:-1]), strict=True):
            part.append(piece)
    chosen = [np.concatenate(part) for part in parts]
    if stratify is not None:  # mix the classes again
        chosen = [part[_shuffled(len(part), first + number)] for number, part in enumerate(chosen, start=1)]
    return [tuple(_taken(value, part) for value in data) for part in chosen]


def k_fold(
    data: Any, folds: int = 5, shuffle: bool = True, stratify: Any = None, seed: int | None = None
) -> Iterator[tuple[Rows, Rows]]:
    """The rows of each of `folds` splits: every row is tested in exactly one of them and trained on in the others.

    Args:
        data: an array or frame (or a list or dict of them), or the number of rows.
        folds: at least 2, at most the number of rows. Their sizes differ by at most one row.
        shuffle: False takes the rows as they lie, in blocks.
        stratify: as for `random_split`; the folds differ by at most one row of each class.
        seed: as for `random_split`; it must be None without `shuffle`.

    Returns:
        An iterator over pairs `(train, test)` of int64 row numbers, in ascending order.

    Raises:
        TypeError, ValueError: wrong data or options, at once.

    Example:
        >>> from densor.datasets import k_fold
        >>> [test.tolist() for train, test in k_fold(6, folds=3, shuffle=False)]
        [[0, 1], [2, 3], [4, 5]]
        >>> train, test = next(k_fold(6, folds=3, stratify=[0, 0, 0, 1, 1, 1], seed=1))
        >>> (test // 3).tolist()
        [0, 1]
    """
    where = "k_fold"
    given = isinstance(data, int)
    rows = integer(where, "data", data, 2, 2**31) if given else _rows_of(where, (data,))
    count = integer(where, "folds", folds, 2, rows)
    if not boolean(where, "shuffle", shuffle) and seed is not None:
        raise bad_value(where, "seed", f"is of no use without shuffle, got {seed}")
    classes = _classes(where, rows, stratify)
    order = _shuffled(rows, seed_or_next(where, seed)) if shuffle else np.arange(rows)
    dealt = np.empty(rows, np.int64)
    if stratify is None:
        dealt[order] = np.arange(rows) * count // rows
    else:  # class by class, like cards
        dealt[np.concatenate(_groups(order, classes))] = np.arange(rows) % count
    return ((np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)) for fold in range(count))


def batches(
    *data: Any, batch_size: int = 32, shuffle: bool = True, seed: int | None = None
) -> Iterator[tuple[Any, ...]]:
    """One pass over the rows, batch by batch, for training loops of one's own; every row comes once.

    Args:
        data: arrays, frames, or lists or dicts of them, all with the same rows.
        batch_size: rows of every batch; the last one has what is left.
        shuffle: False takes the rows as they lie.
        seed: as for `random_split`.

    Returns:
        An iterator over tuples, with the rows of the batch of each of `data`.

    Raises:
        TypeError, ValueError: wrong data or options, at once.

    Example:
        >>> import numpy as np
        >>> from densor.datasets import batches
        >>> x, y = np.arange(5.0), np.arange(5)
        >>> [len(x_batch) for x_batch, y_batch in batches(x, y, batch_size=2)]
        [2, 2, 1]
    """
    where = "batches"
    rows, size = _rows_of(where, data), positive_int(where, "batch_size", batch_size)
    mixed = boolean(where, "shuffle", shuffle)
    order = _shuffled(rows, seed_or_next(where, seed)) if mixed else np.arange(rows)
    starts = range(0, rows, size)
    return (tuple(_taken(value, order[start : start + size]) for value in data) for start in starts)


@dataclass(frozen=True)
class Scores:
    """What `cross_validate` measured.

    Attributes:
        scores: for each result (loss and metrics) float64 `(repeats * folds,)`, the value of every model.
    """

    scores: dict[str, NDArray[np.float64]]

    @property
    def mean(self) -> dict[str, float]:
        """The mean over the models."""
        return {name: float(values.mean()) for name, values in self.scores.items()}

    @property
    def deviation(self) -> dict[str, float]:
        """The sample standard deviation over the models, sqrt(sum (v - mean)^2 / (n - 1))."""
        return {name: float(values.std(ddof=1)) for name, values in self.scores.items()}

    def __str__(self) -> str:
        deviation = self.deviation
        return ", ".join(f"{name}: {mean:.4g} ± {deviation[name]:.2g}" for name, mean in self.mean.items())


def cross_validate(
    build: Callable[[], Any],
    x: Any,
    y: Any,
    folds: int = 5,
    repeats: int = 1,
    stratify: Any = None,
    test_data: tuple[Any, ...] | None = None,
    sample_weight: Any = None,
    seed: int | None = None,
    **options: Any,
) -> Scores:
    """Repeated k-fold cross-validation: train a fresh model for every fold of every repeat, and measure it.

    Without `test_data` a model is measured on the fold it has not seen. With them, that fold is its validation data
    (so that it can be stopped early), and it is measured on the test data: several splits of the same rows tell how
    much of a result is chance.

    Args:
        build: a function without arguments that makes a new compiled model; called once per fold.
        x, y, sample_weight: the rows to split, as for `fit`.
        folds, stratify: as for `k_fold`; every repeat has folds of its own.
        repeats: how often all folds are gone through.
        test_data: `(x, y)` or `(x, y, sample_weight)`.
        seed: as for `random_split`.
        options: for `fit`, such as `epochs` and `batch_size`; `verbose` is 0 unless given.

    Returns:
        Scores: `.mean` and `.deviation` by name, `.scores` with all values; prints as "accuracy: 0.91 ± 0.01".

    Raises:
        TypeError, ValueError: wrong arguments, or what `fit` raises.

    Example:
        >>> import densor, numpy as np
        >>> def build():
        ...     model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(1)])
        ...     model.compile(densor.optimizers.SGD(0.5), "mse")
        ...     return model
        >>> x = np.linspace(-1, 1, 40)[:, None]
        >>> found = densor.datasets.cross_validate(build, x, 3 * x, folds=4, repeats=2, epochs=30)
        >>> len(found.scores["loss"]), found.mean["loss"] < 1e-3
        (8, True)
    """
    where = "cross_validate"
    if not callable(build):
        raise bad_type(where, "build", f"must be a function that makes a model, got {type(build).__name__}")
    data = (x, y) if sample_weight is None else (x, y, sample_weight)
    rows = _rows_of(where, data)
    integer(where, "folds", folds, 2, rows)
    times = positive_int(where, "repeats", repeats)
    _classes(where, rows, stratify)
    if test_data is not None and (not isinstance(test_data, list | tuple) or len(test_data) not in (2, 3)):
        raise bad_value(where, "test_data", "must be a tuple (x, y) or (x, y, sample_weight)")
    for name in ("validation_data", "validation_split"):
        if name in options:
            raise bad_value(where, name, "the folds validate; it cannot be given")
    first = seed_or_next(where, seed)
    found: dict[str, list[float]] = {}
    for repeat in range(times):
        for train, held in k_fold(x, folds, stratify=stratify, seed=first + repeat):
            fitted, left = (tuple(_taken(value, rows) for value in data) for rows in (train, held))
            more = options if test_data is None else {**options, "validation_data": left}
            results = _measured(_built(where, build), fitted, test_data or left, {"verbose": 0, **more})
            for name, value in results.items():
                found.setdefault(name, []).append(value)
    return Scores({name: np.array(values) for name, values in found.items()})


def _built(function: str, build: Callable[[], Any]) -> Any:
    model = build()
    if not (hasattr(model, "fit") and hasattr(model, "evaluate")):
        raise bad_type(function, "build", f"must return a compiled model, got {type(model).__name__}")
    return model


def _measured(
    model: Any, fitted: tuple[Any, ...], tested: tuple[Any, ...], options: dict[str, Any]
) -> dict[str, float]:
    x, y, weight = (*fitted, None)[:3]
    model.fit(x, y, sample_weight=weight, **options)
    x, y, weight = (*tested, None)[:3]
    results: dict[str, float] = model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
    return results


def _rows_of(function: str, data: Sequence[Any]) -> int:
    """The number of rows that all of `data` have."""
    arrays = [_parts(value) for value in data]
    if not all([len(arrays), *map(len, arrays)]):
        raise bad_value(function, "data", "there are no arrays to split")
    lengths = []
    for parts in arrays:
        for array in parts:
            if not hasattr(array, "__len__") or isinstance(array, str | bytes):
                raise bad_type(function, "data", f"must be arrays, got {type(array).__name__}")
            lengths.append(len(array))
    if len(set(lengths)) > 1:
        raise bad_value(function, "data", f"must have the same number of rows, got {lengths}")
    if not lengths[0]:
        raise bad_value(function, "data", "there are no rows")
    return lengths[0]


def _parts(value: Any) -> list[Any]:
    return flat(value) if _several(value) else [value]


def _several(value: Any) -> bool:
    """Whether `value` is a list or dict of arrays, and not one array."""
    return isinstance(value, dict) or (
        isinstance(value, list | tuple) and any(getattr(part, "ndim", 0) for part in value)
    )


def _taken(value: Any, rows: Rows) -> Any:
    if _several(value):
        return mapped(lambda part: _taken(part, rows), value)
    if hasattr(value, "iloc"):  # a frame or series of pandas, whose index is not the number of the row
        return value.iloc[rows]
    return value[rows] if hasattr(value, "shape") else np.asarray(value)[rows]


def _sizes(function: str, shares: Sequence[float], rows: int) -> NDArray[np.float64]:
    """The rows of each part, not yet rounded."""
    if not isinstance(shares, list | tuple | np.ndarray) or not len(shares):
        raise bad_type(function, "shares", f"must be a list of numbers, got {shares!r}")
    for share in shares:
        if not is_number(share):
            raise bad_type(function, "shares", f"must be numbers, got {share!r}")
        if not share > 0:
            raise bad_value(function, "shares", f"must be greater than 0, got {share}")
    counts = all(isinstance(share, int | np.integer) for share in shares)
    sizes = np.array(shares, np.float64) * (1 if counts else rows)
    if sizes.sum() > rows * (1 + 1e-9):
        raise bad_value(function, "shares", f"{list(shares)} is more than all of {rows} rows")
    return sizes


def _dealt(sizes: NDArray[np.float64], groups: Rows) -> Rows:
    """How many rows each part gets of each group, `(groups, parts)`."""
    owed, rows, dealt = np.zeros(len(sizes)), groups.sum(), []
    for group in groups:
        owed += sizes * (group / rows)
        counts = np.floor(owed).astype(np.int64)
        # The parts that are owed most get the rows that are left, while there are any.
        left = min(int(group), int(np.floor(owed.sum() + 0.5))) - int(counts.sum())
        counts[np.argsort(counts - owed, kind="stable")[: max(left, 0)]] += 1
        owed -= counts
        dealt.append(counts)
    return np.array(dealt)


def _classes(function: str, rows: int, stratify: Any) -> Rows:
    """The number of the class of each row; one class where there are none."""
    if stratify is None:
        return np.zeros(rows, np.int64)
    classes = np.asarray(stratify)
    if classes.ndim == 2:
        classes = classes.argmax(axis=1) if classes.shape[1] > 1 else classes[:, 0]
    if classes.shape != (rows,):
        raise bad_value(
            function, "stratify", f"expected a class for each of {rows} rows, got shape {classes.shape}"
        )
    if classes.dtype.kind == "f" and (classes != np.floor(classes)).any():
        raise bad_value(function, "stratify", "must be classes, got numbers that are not whole")
    return np.unique(classes, return_inverse=True)[1].astype(np.int64)


def _groups(order: Rows, numbers: Rows) -> list[Rows]:
    """The rows of each class, in the order of `order`."""
    by_class = order[np.argsort(numbers[order], kind="stable")]
    return np.split(by_class, np.cumsum(np.bincount(numbers))[:-1])


def _shuffled(rows: int, seed: int) -> Rows:
    order = np.empty(rows, np.int64)
    _core.permutation(order, seed & (2**64 - 1), 0).run()
    return order
