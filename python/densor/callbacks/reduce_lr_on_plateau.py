"""Lowers the learning rate when the training no longer gets better."""

from __future__ import annotations

from typing import Any

from densor import _check
from densor.callbacks.callback import Logs
from densor.callbacks.monitor_callback import MonitorCallback


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` after `patience` epochs without improvement.

    Each epoch it adds "learning_rate", the one the epoch was trained with, to the logs. The optimizer must have
    been made with a number, not with a schedule.

    Args:
        monitor: the figure watched ("val_loss").
        factor: in (0, 1) (0.1).
        patience: the number of epochs without improvement that are borne, at least 0 (10).
        verbose: 1 prints each reduction (0).
        mode: "min", "max" or "auto" ("auto").
        min_delta: by how much the figure has to improve (1e-4).
        cooldown: the number of epochs after a reduction that are not counted, at least 0 (0).
        min_lr: the lowest learning rate, at least 0 (0.0).

    >>> ReduceLROnPlateau("loss", factor=0.5, patience=2).factor
    0.5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        where = "ReduceLROnPlateau"
        self.factor = _check.number(where, "factor", factor, 0, 1, include_low=False, include_high=False)
        self.patience = _check.integer(where, "patience", patience, low=0)
        self.verbose = _check.integer(where, "verbose", verbose, low=0, high=2)
        self.cooldown = _check.integer(where, "cooldown", cooldown, low=0)
        self.min_lr = _check.number(where, "min_lr", min_lr, low=0)
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether the epochs after a reduction are not yet over."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        optimizer = self.model.optimizer
        logs["learning_rate"] = float(optimizer.learning_rate)
        current = self.current(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(optimizer, epoch)

    def _reduce(self, optimizer: Any, epoch: int) -> None:
        old = optimizer.learning_rate
        if old <= old.numpy().dtype.type(self.min_lr):  # both float32
            return
        new = max(float(old) * self.factor, self.min_lr)
        optimizer.learning_rate = new
        self.report(
            self.verbose, f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new:.6g}."
        )
        self.cooldown_counter = self.cooldown
        self.wait = 0
