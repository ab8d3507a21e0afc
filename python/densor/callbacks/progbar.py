"""A progress bar on the standard output."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

from densor import _check

__all__ = ["Progbar"]


class Progbar:
    """Prints how far a loop has come, how long it takes and some figures.

    Args:
        target: the number of steps, or None if nobody knows.
        width: of the bar, in characters (20).
        verbose: 0 silent, 1 a bar that is redrawn, 2 one line at the end (1).
        interval: seconds between two drawings, at least (0.05).
        stateful_metrics: names of figures that are shown as they are; the others are averaged over the steps (None).
        unit_name: what a step is called ("step").
        stateless_metrics: the reverse, names of the only figures that are averaged (None).

    Raises TypeError or ValueError for arguments of another kind or out of range.

    Source: Keras 3 `utils.Progbar`.

    >>> bar = Progbar(4, verbose=2, interval=0.0)
    >>> bar.update(2, [("loss", 1.0)])
    >>> bar.update(4, [("loss", 3.0)], finalize=False)
    >>> bar.figures()
    {'loss': 2.0}
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
        stateless_metrics: Iterable[str] | None = None,
    ) -> None:
        where = "Progbar"
        self.target = None if target is None else _check.integer(where, "target", target, 0)
        self.width = _check.integer(where, "width", width, 1)
        self.verbose = _check.integer(where, "verbose", int(verbose), 0, 2)
        self.interval = _check.number(where, "interval", interval, low=0)
        if stateful_metrics is not None and stateless_metrics is not None:
            raise _check.bad_value(
                where, "stateless_metrics", "give either stateful_metrics or stateless_metrics"
            )
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self.unit_name = _check.text(where, "unit_name", unit_name)
        self._sums: dict[str, tuple[float, float]] = {}
        self._seen = 0
        self._start, self._drawn = time.perf_counter(), 0.0
        self._length = 0

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Say that `current` steps are done.

        Args:
            current: the number of steps done. values: `(name, figure)` of the steps since the last call.
            finalize: whether the loop is over; by default when `current` reaches the target.
        """
        done = _check.integer("update", "current", current, 0)
        over = (self.target is not None and done >= self.target) if finalize is None else finalize
        steps = max(done - self._seen, 0)
        for name, value in values or ():
            whole = (
                name in self.stateful_metrics
                if self.stateless_metrics is None
                else (name not in self.stateless_metrics)
            )
            # A figure that comes with no new step, at the end, is what counts.
            if whole or not steps:
                self._sums[name] = (float(value), 1.0)
            else:
                total, weight = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = (total + float(value) * steps, weight + steps)
        self._seen = done
        now = time.perf_counter()
        if self.verbose == 1 and (over or now - self._drawn >= self.interval):
            self._drawn = now
            self._draw(self._line(now), over)
        elif self.verbose == 2 and over:
            self._draw(self._line(now), True)

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Say that `n` more steps are done."""
        self.update(self._seen + _check.integer("add", "n", n, 0), values)

    def figures(self) -> dict[str, float]:
        """The figures as they are shown."""
        return {name: total / (weight or 1.0) for name, (total, weight) in self._sums.items()}

    def _line(self, now: float) -> str:
        parts = [f"{self._seen}/{'?' if self.target is None else self.target}"]
        if self.verbose == 1 and self.target:
            filled = min(self.width * self._seen // self.target, self.width)
            parts.append("━" * filled + " " * (self.width - filled))
        seconds = now - self._start
        parts.append(f"{seconds:.0f}s {1e3 * seconds / max(self._seen, 1):.0f}ms/{self.unit_name}")
        figures = " - ".join(
            f"{name}: {value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{name}: {value:.4e}"
            for name, value in self.figures().items()
        )
        return " ".join(parts) + (f" - {figures}" if figures else "")

    def _draw(self, line: str, over: bool) -> None:
        returned = "\r" if self.verbose == 1 else ""
        sys.stdout.write(returned + line.ljust(self._length) + ("\n" if over else ""))
        sys.stdout.flush()
        self._length = len(line)
