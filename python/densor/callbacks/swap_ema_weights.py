"""Evaluates with the running mean of the weights."""

from __future__ import annotations

from densor import _check
from densor.callbacks.callback import Callback, Logs
from densor.optimizers import Optimizer


class SwapEMAWeights(Callback):
    """Puts the running mean of the weights into the model while it is evaluated or predicts.

    The optimizer keeps one if it was made with `use_ema=True`. Before and behind, the model has its own weights;
    when `fit` ends, it has the mean in any case.

    Args:
        swap_on_epoch: also swap at the end of each epoch and back at the begin of the next, so that callbacks of
            epochs that come later in the list, such as `ModelCheckpoint`, see the mean (False).

    >>> SwapEMAWeights().swap_on_epoch
    False
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = _check.boolean("SwapEMAWeights", "swap_on_epoch", swap_on_epoch)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._optimizer()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._show(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._show(True)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._show(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._show(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._show(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._show(False)

    def _show(self, averages: bool) -> None:
        optimizer = self._optimizer()
        if optimizer.averages_in_model != averages:
            optimizer.swap_averages()

    def _optimizer(self) -> Optimizer:
        optimizer = self.model.optimizer
        if not isinstance(optimizer, Optimizer) or not optimizer.use_ema:
            raise _check.bad_value(
                "SwapEMAWeights",
                "optimizer",
                f"{type(optimizer).__name__} keeps no mean; make it with use_ema=True",
            )
        return optimizer
