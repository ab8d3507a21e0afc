"""Where batches come from that Python hands over one by one: iterators, data sets by index, loaders, arrays."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from densor._check import bad_type
from densor.graph.structure import mapped

__all__ = ["Once", "Rows", "Source", "is_streamed", "opened"]

Order = Callable[[int], Sequence[int] | NDArray[np.int64]]


class Source(Protocol):
    """Something that gives batches, pass by pass.

    Attributes:
        kind: what to call it in messages.
        lists: whether a list is a batch (x, y), and not several inputs.
        shuffles: whether every pass has an order of its own that it was given.
    """

    kind: str
    lists: bool
    shuffles: bool

    @property
    def length(self) -> int | None:
        """The batches of a pass; None where nobody knows."""
        ...

    def look(self) -> list[Any]:
        """The first batch, where it can be had without beginning a pass."""
        ...

    def begin(self) -> Iterator[Any]:
        """A new pass."""
        ...

    def epoch_begin(self) -> None:
        """An epoch begins."""

    def epoch_end(self) -> None:
        """An epoch has ended."""


class Once:
    """A generator, or another iterator: what it has given does not come again."""

    kind, lists, shuffles = "generator", False, False
    length: int | None = None

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator

    def begin(self) -> Iterator[Any]:
        """What is left."""
        return self._iterator

    def look(self) -> list[Any]:
        """Nothing."""
        return []

    def epoch_begin(self) -> None:
        """Nothing."""

    def epoch_end(self) -> None:
        """Nothing."""


class _Loader:
    """A loader (of torch), or a data set (tf.data): every iteration is a pass."""

    kind, lists, shuffles = "data set", True, False

    def __init__(self, iterable: Iterable[Any]) -> None:
        self._iterable = iterable
        try:
            self.length: int | None = len(iterable)  # type: ignore[arg-type]
        except TypeError:  # tf.data has a len() that raises where it is not known
            self.length = None

    def begin(self) -> Iterator[Any]:
        """A new iteration."""
        return iter(self._iterable)

    def look(self) -> list[Any]:
        """Nothing."""
        return []

    def epoch_begin(self) -> None:
        """Nothing."""

    def epoch_end(self) -> None:
        """Nothing."""


class _Indexed:
    """A `PyDataset`: whole batches by their number, made by workers ahead of time if it says so."""

    kind, lists = "PyDataset", True

    def __init__(self, dataset: Any, order: Order | None) -> None:
        self.dataset, self._order = dataset, order
        self.shuffles = order is not None
        self.length: int | None = dataset.num_batches if hasattr(dataset, "num_batches") else len(dataset)

    def begin(self) -> Iterator[Any]:
        """The batches, in a new order if they are shuffled."""
        numbers: Iterable[Any] = itertools.count() if self.length is None else range(self.length)
        if self._order is not None and self.length is not None:
            numbers = map(int, self._order(self.length))
        workers = getattr(self.dataset, "workers", 1)
        processes = getattr(self.dataset, "use_multiprocessing", False)
        if workers > 1 or (workers > 0 and processes):
            return _ahead(self.dataset, numbers, workers, processes, self.dataset.max_queue_size)
        return (self.dataset[number] for number in numbers)

    def look(self) -> list[Any]:
        """The first batch."""
        return [] if self.length == 0 else [self.dataset[0]]

    def epoch_begin(self) -> None:
        """Tells the data set."""
        getattr(self.dataset, "on_epoch_begin", lambda: None)()

    def epoch_end(self) -> None:
        """Tells the data set, which may then have another length."""
        self.dataset.on_epoch_end()
        self.length = self.dataset.num_batches if hasattr(self.dataset, "num_batches") else len(self.dataset)


class Rows:
    """Arrays, batch by batch.

    Args:
        parts: features, targets and weights, each an array, None, or a list or dict of them.
        rows: their number. batch_size: gives the rows of every batch but the last of a pass.
        order: of the rows of a pass; None as they lie.
    """

    kind, lists = "data", True

    def __init__(
        self, parts: Sequence[Any], rows: int, batch_size: Callable[[], int], order: Order | None
    ) -> None:
        self._parts, self._rows, self._batch_size, self._order = parts, rows, batch_size, order
        self.shuffles = order is not None

    @property
    def length(self) -> int | None:
        """The batches of a pass."""
        return -(-self._rows // self._batch_size())

    def begin(self) -> Iterator[Any]:
        """The batches: views where the rows are used as they lie."""
        order, size = None if self._order is None else self._order(self._rows), self._batch_size()
        for start in range(0, self._rows, size):
            rows: Any = slice(start, start + size)
            yield tuple(_taken(part, rows if order is None else order[rows]) for part in self._parts)

    def look(self) -> list[Any]:
        """Nothing."""
        return []

    def epoch_begin(self) -> None:
        """Nothing."""

    def epoch_end(self) -> None:
        """Nothing."""


def _taken(part: Any, rows: Any) -> Any:
    return mapped(lambda array: None if array is None else array[rows], part)


def is_streamed(value: Any) -> bool:
    """Whether `value` gives batches, rather than being all the data."""
    whole = isinstance(value, list | tuple | Mapping | Set | str | bytes)
    if value is None or whole or any(hasattr(value, name) for name in ("__array__", "columns", "shape")):
        return False
    return hasattr(value, "__next__") or hasattr(value, "__iter__") or _is_indexed(value)


def opened(function: str, argument: str, value: Any, order: Order | None = None) -> Source:
    """The source that `value` is. `order` shuffles the batches of a data set by index.

    Raises:
        TypeError: something that gives no batches.
    """
    if _is_indexed(value):
        return _Indexed(value, order)
    if hasattr(value, "__next__"):
        return Once(value)
    if not is_streamed(value):
        kind = type(value).__name__
        raise bad_type(function, argument, f"must be arrays, a generator or a data set, got {kind}")
    return _Loader(value)


def _is_indexed(value: Any) -> bool:
    return hasattr(value, "__getitem__") and hasattr(value, "on_epoch_end")


# --- workers ---

_dataset: Any = None  # in a worker process: the data set it makes batches of


def _keep(dataset: Any) -> None:
    global _dataset
    _dataset = dataset


def _item(number: int) -> Any:
    return _dataset[number]


def _ahead(dataset: Any, numbers: Iterable[int], workers: int, processes: bool, most: int) -> Iterator[Any]:
    """The batches in order; at most `most` of them are made ahead of their use."""
    pool: Executor
    make: Callable[[int], Any]
    if processes:  # spawned: a fork would copy the locks of threads that do not exist in the child
        context = get_context("spawn")
        pool = ProcessPoolExecutor(workers, context, initializer=_keep, initargs=(dataset,))
        make = _item
    else:
        pool, make = ThreadPoolExecutor(workers), dataset.__getitem__
    waiting: deque[Future[Any]] = deque()
    left = iter(numbers)
    try:
        waiting.extend(pool.submit(make, number) for number in itertools.islice(left, max(most, 1)))
        while waiting:
            batch = waiting.popleft().result()
            waiting.extend(pool.submit(make, number) for number in itertools.islice(left, 1))
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
