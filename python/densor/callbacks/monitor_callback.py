"""The base of the callbacks that watch one figure."""

from __future__ import annotations

import math
import warnings
from typing import Any

from densor import _check
from densor.callbacks._report import report
from densor.callbacks.callback import Callback, Logs

# Ends of the names of figures, for those that no metric of the model knows the direction of.
_UP = ("acc", "accuracy", "auc", "precision", "recall")
_DOWN = ("loss", "error", "mse", "mae", "crossentropy")


class MonitorCallback(Callback):
    """Watches `logs[monitor]` and knows whether a value is better than the best so far.

    Args:
        monitor: a key of the logs, such as "val_loss" or "accuracy".
        mode: "min", "max", or "auto": "loss" is to fall; the model's metrics know for themselves.
        best: the value to beat, or None for the first one seen.
        min_delta: by how much a value has to be better; its sign does not matter.

    A NaN is never better, so it never becomes the best. (In Keras a first NaN becomes the best for good.)
    """

    def __init__(self, monitor: str, mode: str, best: float | None = None, min_delta: float = 0.0) -> None:
        where = type(self).__name__
        self.monitor = _check.text(where, "monitor", monitor)
        self.mode = _check.choice(where, "mode", mode, ["auto", "min", "max"])
        self.best = best
        self.min_delta = abs(_check.number(where, "min_delta", min_delta))

    def current(self, logs: Logs | None) -> float | None:
        """Returns the figure watched, or warns and returns None where the logs lack it."""
        logs = logs or {}
        if self.monitor not in logs:
            warnings.warn(
                f"{type(self).__name__}: '{self.monitor}' is not among the figures of this training: "
                f"{', '.join(logs) or 'there are none'}{_check.suggestion(self.monitor, logs)}",
                RuntimeWarning,
                stacklevel=3,
            )
            return None
        return float(logs[self.monitor])

    def is_improvement(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`; anything but NaN beats None."""
        if math.isnan(value):
            return False
        if reference is None:
            return True
        if self.direction() == "down":
            return value + self.min_delta < reference
        return value - self.min_delta > reference

    def direction(self) -> str:
        """Returns whether better is "up" or "down".

        Raises ValueError where mode is "auto" and nothing tells.
        """
        if self.mode != "auto":
            return "down" if self.mode == "min" else "up"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return "down"
        for metric in getattr(self.model, "metrics", None) or []:
            if getattr(metric, "name", None) == name and getattr(metric, "direction", None):
                return str(metric.direction)
        if name.endswith(_UP):
            return "up"
        if name.endswith(_DOWN):
            return "down"
        raise _check.bad_value(
            type(self).__name__, "mode", f"whether '{self.monitor}' should rise or fall is not known; "
            "pass mode='max' or mode='min'"
        )  # fmt: skip

    def report(self, verbose: int, message: str) -> None:
        """Shows a message where `verbose` is not 0."""
        if verbose:
            report(message)


def optional_number(where: str, argument: str, value: Any) -> float | None:
    """Returns the argument as a float, or None."""
    return None if value is None else _check.number(where, argument, value)
