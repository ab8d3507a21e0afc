"""Ends the training when the loss is no longer a number."""

from __future__ import annotations

import math

from densor import _check
from densor.callbacks._report import report
from densor.callbacks.callback import Callback, Logs
from densor.errors import NonFiniteError


class TerminateOnNaN(Callback):
    """Stops the training at the first batch whose loss is NaN or infinite.

    In `fit` the native loop looks at the loss and the gradients of every batch before it changes a weight, so the
    weights stay those before that batch (in Keras it has spoiled them), and epochs stay single native calls.
    Gradients of dense layers are known by what they are made of, the layer's inputs and the gradients of its outputs,
    so that looking costs less than 1 % of a step of 784-300-100-10 (0.5 % at batches of 32, 0.6 % at 128).

    Args:
        raise_error: whether to raise NonFiniteError, and not merely to set `model.stop_training` (False).

    >>> TerminateOnNaN().raise_error
    False
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = _check.boolean("TerminateOnNaN", "raise_error", raise_error)

    def _acts_on(self, hook: str) -> bool:
        # fit() tells by on_nonfinite; the hook below is for loops of one's own.
        changed = getattr(type(self), hook) is not getattr(TerminateOnNaN, hook)
        return changed or (hook != "on_train_batch_end" and super()._acts_on(hook))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            self.on_nonfinite(batch, f"the loss is {loss} after batch {batch}", f"Invalid loss ({loss})")

    def on_nonfinite(self, batch: int, problem: str, brief: str) -> None:
        if self.raise_error:
            raise NonFiniteError(f"TerminateOnNaN: {problem}")
        if (self.params or {}).get("verbose", 1):
            report(f"Batch {batch}: {brief}, terminating training")
        self.model.stop_training = True
