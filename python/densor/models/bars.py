"""The live progress line: rich redraws it by the clock and reads the native counters when it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from densor.models.progress import format_logs

__all__ = ["Bars"]

_REDRAWS_PER_SECOND = 8


class _Live(Progress):
    """A progress display that asks for the state whenever its own thread draws it."""

    refresh_state: Callable[[], None] | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.refresh_state is not None:
            self.refresh_state()
        yield from super().get_renderables()


class Bars:
    """A bar for the running epoch; the bars of finished epochs stay above it.

    Args:
        epochs: the number of the last epoch.
        batches: batches per epoch; None where nobody knows.
        console: where to draw; the standard output by default.
    """

    def __init__(self, epochs: int, batches: int | None, console: Console | None = None) -> None:
        self._epochs, self.batches = epochs, batches
        self._console = console
        self._live: _Live | None = None
        self._task = TaskID(0)

    def epoch_begin(
        self, epoch: int, done: Callable[[], int], logs: Callable[[], Mapping[str, float]]
    ) -> None:
        """Starts a bar, and the clock that redraws it."""
        live = _Live(
            TextColumn("Epoch {task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[seconds]:.1f}s"),
            TextColumn("{task.fields[logs]}"),
            refresh_per_second=_REDRAWS_PER_SECOND,
            console=self._console,
        )
        task = live.add_task(f"{epoch + 1}/{self._epochs}", total=self.batches, seconds=0.0, logs="")
        start = time.perf_counter()
        live.refresh_state = lambda: live.update(
            task, completed=done(), seconds=time.perf_counter() - start, logs=format_logs(logs())
        )
        self._live, self._task = live, task
        live.start()

    def epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Leaves the finished bar with the epoch's results."""
        if self._live is not None:
            if self._live.refresh_state is not None:
                self._live.refresh_state()
            self._live.refresh_state = None
            self._live.update(self._task, logs=format_logs(logs))
        self.close()

    def close(self) -> None:
        """Stops the clock; the terminal is as before."""
        if self._live is not None:
            self._live.refresh_state = None
            self._live.stop()
            self._live = None
