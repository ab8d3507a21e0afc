"""Saves the model while it trains."""

from __future__ import annotations

import os
from pathlib import Path

from densor import _check
from densor.callbacks.callback import Logs
from densor.callbacks.monitor_callback import MonitorCallback, optional_number


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after every epoch or every so many batches.

    Args:
        filepath: where; may hold {epoch}, counted from 1, {batch} and keys of the logs, such as
            "{epoch:02d}-{val_loss:.2f}.safetensors". Missing folders are made.
        monitor: the figure watched with `save_best_only` ("val_loss").
        verbose: 1 prints each decision (0).
        save_best_only: whether only a model better than all before is saved (False).
        save_weights_only: whether `model.save_weights` is called and not `model.save` (False).
        mode: "min", "max" or "auto" ("auto").
        save_freq: "epoch", or a number of batches ("epoch").
        initial_value_threshold: a value that the first model has to beat, or None.

    Raises OSError where the file cannot be written; the file that was there before is then still whole.

    >>> ModelCheckpoint("best.safetensors", save_best_only=True).save_freq
    'epoch'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        where = "ModelCheckpoint"
        super().__init__(
            monitor, mode, best=optional_number(where, "initial_value_threshold", initial_value_threshold)
        )
        if not isinstance(filepath, str | os.PathLike):
            raise _check.bad_type(where, "filepath", f"must be a path, got {_check.show(filepath)}")
        self.filepath = _check.text(where, "filepath", os.fspath(filepath))
        self.verbose = _check.integer(where, "verbose", verbose, low=0, high=2)
        self.save_best_only = _check.boolean(where, "save_best_only", save_best_only)
        self.save_weights_only = _check.boolean(where, "save_weights_only", save_weights_only)
        if isinstance(save_freq, str):
            self.save_freq: str | int = _check.choice(where, "save_freq", save_freq, ["epoch"])
        else:
            self.save_freq = _check.positive_int(where, "save_freq", save_freq)
        self._epoch = 0
        self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._consider(epoch, None, logs or {})

    def _acts_on(self, hook: str) -> bool:
        if hook == "on_train_batch_end" and self.save_freq == "epoch":
            return False  # so that training need not stop at every batch
        return super()._acts_on(hook)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            return
        self._batches += 1
        if self._batches == self.save_freq:
            self._batches = 0
            self._consider(self._epoch, batch, logs or {})

    def _consider(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        if not self.save_best_only:
            self.report(self.verbose, f"Epoch {epoch + 1}: saving model to {path}")
            self._save(path)
            return
        current = self.current(logs)
        if current is None:
            self._save(path)  # as Keras: rather one model too many than none
        elif self.is_improvement(current, self.best):
            self.report(
                self.verbose,
                f"Epoch {epoch + 1}: {self.monitor} improved from {_shown(self.best)} to {_shown(current)}, "
                f"saving model to {path}",
            )
            self._save(path)
            self.best = current  # only now: a model that could not be saved is not the one to beat
        else:
            self.report(
                self.verbose, f"Epoch {epoch + 1}: {self.monitor} did not improve from {_shown(self.best)}"
            )

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> Path:
        fields = {**logs, "epoch": epoch + 1}
        if batch is not None:
            fields["batch"] = batch + 1
        try:
            return Path(self.filepath.format(**fields))
        except KeyError as error:
            known = ", ".join(fields)
            raise _check.bad_value(
                "ModelCheckpoint",
                "filepath",
                f"{_check.show(self.filepath)} names {error}, but there is only {known}",
            ) from None

    def _save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)


def _shown(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.5f}"
