"""Lets an interrupted training go on where it was."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from densor import _check
from densor.callbacks.callback import Callback, Logs
from densor.errors import FormatError


class BackupAndRestore(Callback):
    """Keeps the state of training in a file, and begins with it where a `fit` before was interrupted.

    The file holds weights, optimizer state, learning rate and all counters, so that the same program, started again,
    trains on bit for bit as if nothing had happened, where it calls `utils.set_random_seed` (other callbacks begin
    anew, and History has the epochs that were left). A file is complete or not there; it goes when `fit` ends by
    itself.

    Args:
        backup_dir: a folder of this training alone; made if it is missing.
        save_freq: "epoch", or a number of batches after which the file is written; an epoch that was interrupted is
            done again from its first batch on.
        double_checkpoint: keep the state before the last, too, and take it where the last cannot be read (False).
        delete_checkpoint: remove the files when training is finished (True), and the folder if nothing else is in it.

    Raises TypeError or ValueError for a wrong argument. `fit` raises FormatError for a file of another model.

    >>> BackupAndRestore("runs/backup").save_freq
    'epoch'
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        where = "BackupAndRestore"
        if not isinstance(backup_dir, str | os.PathLike):
            raise _check.bad_type(where, "backup_dir", f"must be a path, got {_check.show(backup_dir)}")
        if not os.fspath(backup_dir):
            raise _check.bad_value(where, "backup_dir", "must not be empty")
        self.backup_dir = Path(backup_dir)
        if isinstance(save_freq, str):
            self.save_freq: str | int = _check.choice(where, "save_freq", save_freq, ["epoch"])
        else:
            self.save_freq = _check.positive_int(where, "save_freq", save_freq)
        self.double_checkpoint = _check.boolean(where, "double_checkpoint", double_checkpoint)
        self.delete_checkpoint = _check.boolean(where, "delete_checkpoint", delete_checkpoint)
        self._latest = self.backup_dir / "latest.safetensors"
        self._previous = self.backup_dir / "previous.safetensors"
        self._epochs = self._batches = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._epochs = self._batches = 0
        for path in (self._latest, self._previous):
            if not path.exists():
                continue
            try:
                self._epochs = self.model._take_up(path)
                return
            except (FormatError, OSError):
                if path == self._previous or not self._previous.exists():
                    raise

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._epochs = epoch + 1
        if self.save_freq == "epoch":
            self._save()

    def _acts_on(self, hook: str) -> bool:
        if hook == "on_train_batch_end" and self.save_freq == "epoch":
            return False  # so that training need not stop at every batch
        return super()._acts_on(hook)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self._batches == self.save_freq:
            self._batches = 0
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        epochs: Any = (self.params or {}).get("epochs", 0)
        if self.delete_checkpoint and (self._epochs >= epochs or self.model.stop_training):
            for path in (self._latest, self._previous):
                path.unlink(missing_ok=True)
            with suppress(OSError):  # it was not made, or holds something else
                self.backup_dir.rmdir()

    def _save(self) -> None:
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and self._latest.exists():
            os.replace(self._latest, self._previous)
        self.model._back_up(self._latest, self._epochs)
