"""Ends the training when the loss is no longer a number."""

from __future__ import annotations

import math

from densor import _check
from densor.callbacks._report import report
from densor.callbacks.callback import Callback, Logs
from densor.errors import NonFiniteError


class TerminateOnNaN(Callback):
    """Stops the training at the first batch whose loss is NaN or infinite.

    Args:
        raise_error: whether to raise NonFiniteError, and not merely to set `model.stop_training` (False).

    >>> TerminateOnNaN().raise_error
    False
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = _check.boolean("TerminateOnNaN", "raise_error", raise_error)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise NonFiniteError(f"TerminateOnNaN: the loss is {loss} after batch {batch}")
        if (self.params or {}).get("verbose", 1):
            report(f"Batch {batch}: Invalid loss ({loss}), terminating training")
        self.model.stop_training = True
