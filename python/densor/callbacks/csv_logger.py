"""Writes the figures of each epoch to a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from densor import _check
from densor.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes one row per epoch: its number from 0, then the figures in the order of their names.

    A figure that an epoch lacks is "NA". Each row is on disk before the next epoch begins.

    Args:
        filename: the file; opened when the training begins.
        separator: one character (",").
        append: whether rows are added to a file that exists; its columns must be the same (False).

    Raises OSError where the file cannot be written, ValueError where the columns of the file differ.

    >>> CSVLogger("history.csv").append
    False
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        where = "CSVLogger"
        if not isinstance(filename, str | os.PathLike):
            raise _check.bad_type(where, "filename", f"must be a path, got {_check.show(filename)}")
        self.filename = Path(_check.text(where, "filename", os.fspath(filename)))
        self.separator = _check.text(where, "separator", separator)
        if len(self.separator) != 1:
            raise _check.bad_value(where, "separator", f"must be one character, got {_check.show(separator)}")
        self.append = _check.boolean(where, "append", append)
        self._file: TextIO | None = None
        self._columns: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()
        self._columns = self._header() if self.append else None
        self._file = self.filename.open("a" if self.append else "w", newline="", encoding="utf-8")

    def _header(self) -> list[str] | None:
        """The columns of the file that is there, or None."""
        if not self.filename.exists():
            return None
        with self.filename.open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file, delimiter=self.separator), None)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        assert self._file is not None
        writer = csv.writer(self._file, delimiter=self.separator)
        if self._columns is None:
            self._columns = ["epoch", *_columns(logs)]
            writer.writerow(self._columns)
        if lost := [name for name in logs if name not in self._columns]:
            self._close()
            raise _check.bad_value(
                "CSVLogger", "filename", f"'{self.filename}' has no column for {', '.join(lost)}"
            )
        row = {**logs, "epoch": epoch}
        writer.writerow([_cell(row.get(name, "NA")) for name in self._columns])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _columns(logs: Logs) -> list[str]:
    """The columns for these figures; without validation so far, with those it may bring in a later epoch."""
    names = sorted(logs)
    if any(name.startswith("val_") for name in names):
        return names
    return names + [f"val_{name}" for name in names]


def _cell(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str) and np.ndim(value):  # type: ignore[arg-type]
        return f"[{', '.join(map(str, value))}]"
    return value
