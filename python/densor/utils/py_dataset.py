"""Data sets that are made batch by batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from densor._check import boolean, integer, positive_int

__all__ = ["PyDataset"]


class PyDataset:
    """A data set that gives whole batches by their number, for `fit`, `evaluate` and `predict`.

    A subclass defines `__getitem__`, which returns `(x, y)`, `(x, y, sample_weight)` or, for predictions, `(x,)`, and
    `__len__`, the number of batches; an endless one defines the property `num_batches` as None instead. With
    `shuffle=True`, `fit` asks for the batches in an order of its own.

    Args:
        workers: batches are made by so many threads at a time, ahead of their use; 0 and 1: by the caller.
        use_multiprocessing: use processes instead of threads, new ones in every epoch. The data set must then be
            picklable, and its class importable.
        max_queue_size: at most so many batches are made ahead.

    Raises TypeError or ValueError for wrong arguments. What `__getitem__` raises comes out of `fit`.

    Example:
        >>> import densor, numpy as np
        >>> class Squares(densor.utils.PyDataset):
        ...     def __len__(self):
        ...         return 4
        ...     def __getitem__(self, index):
        ...         x = np.linspace(index, index + 1, 8)[:, None]
        ...         return x, x**2
        >>> model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> len(model.fit(Squares(workers=2), epochs=3, verbose=0).epoch)
        3
    """

    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        where = type(self).__name__
        self.workers = integer(where, "workers", workers, 0)
        self.use_multiprocessing = boolean(where, "use_multiprocessing", use_multiprocessing)
        self.max_queue_size = positive_int(where, "max_queue_size", max_queue_size)

    def __getitem__(self, index: int) -> Any:
        """Batch number `index`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define __getitem__(index), which returns a batch"
        )

    @property
    def num_batches(self) -> int | None:
        """The number of batches, None for an endless data set."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(
                f"{type(self).__name__} must define __len__(), the number of batches, or num_batches"
            )
        return len(self)

    def __iter__(self) -> Iterator[Any]:
        """The batches in order, made by the caller."""
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called before the first batch of every epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of every epoch."""
