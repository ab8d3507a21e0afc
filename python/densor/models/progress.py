"""What `fit` shows while it trains: nothing, one line per epoch, or a bar that a clock redraws."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from densor._check import bad_value, integer

__all__ = ["Display", "Lines", "Silence", "display_for", "format_logs", "show", "verbosity"]


class Display(Protocol):
    """What a fit tells its display. Nothing is called per batch: displays that move read the counters.

    batches: of the epoch that begins or has ended; None where nobody knows.
    """

    batches: int | None

    def epoch_begin(
        self, epoch: int, done: Callable[[], int], logs: Callable[[], Mapping[str, float]]
    ) -> None:
        """An epoch starts; `done()` is its number of finished batches, `logs()` the means so far, at any time."""

    def epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """The epoch is over, validation and callbacks included."""

    def close(self) -> None:
        """Training is over, or was stopped."""


def verbosity(function: str, value: object) -> int:
    """The `verbose` argument as 0 (silent), 1 (bar) or 2 (a line per epoch)."""
    if value == "auto":
        return 1
    if isinstance(value, str):
        raise bad_value(function, "verbose", f"must be 'auto', 0, 1 or 2, got {value!r}")
    return int(value) if isinstance(value, bool) else integer(function, "verbose", value, 0, 2)


def display_for(verbose: int, epochs: int, batches: int | None) -> Display:
    """The display for a checked `verbose`; a bar needs a terminal."""
    if verbose == 0:
        return Silence()
    if verbose == 1 and sys.stdout.isatty():
        from densor.models.bars import Bars  # rich costs more to import than small models to train

        return Bars(epochs, batches)
    return Lines(epochs, batches)


def format_logs(logs: Mapping[str, float]) -> str:
    """`accuracy: 0.8712 - loss: 0.3456`, small numbers in scientific notation."""
    return " - ".join(f"{name}: {_figure(value)}" for name, value in logs.items())


def _figure(value: object) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return "[" + " ".join(map(_figure, value.reshape(-1))) + "]"
    if not isinstance(value, float | int) and not hasattr(value, "__float__"):
        return str(value)
    number = float(value)
    return f"{number:.4f}" if number == 0 or 1e-3 <= abs(number) < 1e6 else f"{number:.4e}"


def show(line: str) -> None:
    """Write a line to the standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Silence:
    """Shows nothing."""

    batches: int | None = None

    def epoch_begin(
        self, epoch: int, done: Callable[[], int], logs: Callable[[], Mapping[str, float]]
    ) -> None:
        """Nothing."""

    def epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines:
    """One plain line for each finished epoch, on the standard output."""

    def __init__(self, epochs: int, batches: int | None) -> None:
        self._epochs, self.batches = epochs, batches
        self._start = 0.0

    def epoch_begin(
        self, epoch: int, done: Callable[[], int], logs: Callable[[], Mapping[str, float]]
    ) -> None:
        """Starts the watch."""
        self._start = time.perf_counter()

    def epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Prints the line."""
        seconds = time.perf_counter() - self._start
        show(
            f"Epoch {epoch + 1}/{self._epochs} - {self.batches} batches - {seconds:.2f}s - {format_logs(logs)}"
        )

    def close(self) -> None:
        """Nothing is open."""
