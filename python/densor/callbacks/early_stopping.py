"""Stops the training when it no longer gets better."""

from __future__ import annotations

from typing import Any

from densor import _check
from densor.callbacks.callback import Logs
from densor.callbacks.monitor_callback import MonitorCallback, optional_number


class EarlyStopping(MonitorCallback):
    """Stops after `patience` epochs without improvement, but not in the first epoch.

    Args:
        monitor: the figure watched ("val_loss").
        min_delta: by how much it has to improve (0).
        patience: the number of epochs without improvement that are borne, at least 0 (0).
        verbose: 1 prints when it stops and what it restores (0).
        mode: "min", "max" or "auto" ("auto").
        baseline: a value that has to be beaten for an improvement to start the patience anew, or None.
        restore_best_weights: whether the model ends with the weights of its best epoch, whatever ended the
            training (False).
        start_from_epoch: the first epoch that counts (0).

    After the training, `stopped_epoch` is the epoch that ended it (0: none), `best` the best value and
    `best_epoch` its epoch.

    >>> EarlyStopping(patience=3, restore_best_weights=True).patience
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        where = "EarlyStopping"
        self.patience = _check.integer(where, "patience", patience, low=0)
        self.verbose = _check.integer(where, "verbose", verbose, low=0, high=2)
        self.baseline = optional_number(where, "baseline", baseline)
        self.restore_best_weights = _check.boolean(where, "restore_best_weights", restore_best_weights)
        self.start_from_epoch = _check.integer(where, "start_from_epoch", start_from_epoch, low=0)
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_weights: list[Any] | None = None
        self.best_epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.current(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)  # the best so far, even if its figure is NaN
        self.wait += 1
        if self.is_improvement(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0:
            self.report(self.verbose, f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            self.report(self.verbose, f"Restoring the weights of the best epoch, {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
