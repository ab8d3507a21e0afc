"""The batches of a source, epoch by epoch: how many belong to an epoch, and what one must look like."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from densor._check import bad_type, bad_value
from densor.graph.structure import Batch
from densor.models.source import Once, Source

__all__ = ["Stream"]

_FORMS = "(x, y) or (x, y, sample_weight)"


class Stream:
    """Batches for epochs.

    Args:
        function, argument: for messages.
        source: where they come from.
        steps: batches per epoch; the next epoch goes on where one stopped. None: a pass over the source.

    Attributes:
        kind: what the source is called in messages.
        shuffles: whether every pass has an order of its own.
        number: of the last batch, counted from 0 within the epoch.
    """

    def __init__(self, function: str, argument: str, source: Source, steps: int | None = None) -> None:
        self.function, self.argument, self.steps = function, argument, steps
        self.number = -1
        self._source = source
        self.kind, self.shuffles = source.kind, source.shuffles
        self._iterator: Iterator[Any] | None = None
        self._seen: list[Any] = []  # looked at, but not used yet
        self._given = 0  # in this pass
        self._warned = False

    @property
    def batches(self) -> int | None:
        """How many an epoch has, where that is known."""
        return self.steps or self._source.length

    def first(self) -> Batch:
        """The first batch, which an epoch will give again.

        Raises:
            ValueError: there is none, or it has the wrong form. TypeError: it has the wrong form.
        """
        found = self._source.look() or (self._seen if self._look() else [])
        if not found:
            raise bad_value(self.function, self.argument, f"the {self._source.kind} gives no batches")
        self.number = 0
        return self._formed(found[0])

    def ready(self) -> bool:
        """Whether an epoch can begin; warns if not."""
        known = self._source.length
        if (known is not None and known > 0 and self._iterator is None) or self._look():
            return True
        if not self._warned:
            self._warn("there are no batches for another epoch")
        return False

    def epoch(self) -> Generator[Batch, None, None]:
        """The batches of an epoch.

        Raises:
            TypeError, ValueError: a batch of the wrong form.
        """
        source, wanted, self.number = self._source, self.batches, -1
        source.epoch_begin()
        if self.steps is None and not self._seen:
            self.close()
        while wanted is None or self.number + 1 < wanted:
            if not self._look():
                if wanted is not None:
                    self._warn(f"it gave {self.number + 1} of {wanted} batches")
                break
            self.number += 1
            self._given += 1
            yield self._formed(self._seen.pop())
        if self._given == source.length:
            self.close()
        source.epoch_end()

    def close(self) -> None:
        """End the pass, and the workers of it."""
        end = getattr(self._iterator, "close", None)
        if end is not None and not isinstance(self._source, Once):  # the caller's own may go on
            end()
        self._iterator, self._given = None, 0
        self._seen.clear()

    def _look(self) -> bool:
        """Make sure that a batch is at hand; False if there is none in this pass."""
        if self._seen:
            return True
        if self._iterator is None:
            self._iterator, self._given = self._source.begin(), 0
        try:
            self._seen.append(next(self._iterator))
        except StopIteration:
            self._iterator = None
            return False
        return True

    def _warn(self, what: str) -> None:
        self._warned = True
        warnings.warn(
            f"{self.function}(): '{self.argument}' ran out of data, {what}; a {self._source.kind} must give "
            "steps per epoch * epochs batches",
            UserWarning,
            stacklevel=2,
        )

    def _formed(self, batch: Any) -> Batch:
        if isinstance(batch, list) and self._source.lists:
            batch = tuple(batch)
        if isinstance(batch, Mapping) or hasattr(batch, "__array__"):
            batch = (batch,)
        where = f"batch {self.number} of the {self._source.kind}"
        if not isinstance(batch, tuple):
            kind = type(batch).__name__
            raise bad_type(self.function, self.argument, f"{where} must be a tuple {_FORMS}, got {kind}")
        if len(batch) not in (1, 2, 3):
            raise bad_value(
                self.function, self.argument, f"{where} must be a tuple {_FORMS}, got one of {len(batch)}"
            )
        return Batch(*batch)
