"""The base of all callbacks."""

from __future__ import annotations

from typing import Any

Logs = dict[str, Any]


class Callback:
    """Called by `fit`, `evaluate` and `predict` at the moments its methods are named after; override any of them.

    `self.model` is the model at work and `self.params` a dict with "epochs", "steps" and "verbose". Both are
    there without the subclass calling `super().__init__()`.

    `logs` holds the figures so far. At the end of an epoch it is one dict for all callbacks, in their order, with
    History last: what a callback adds to it is recorded. At the end of a batch, figures are running means over
    the epoch. A callback that overrides a method of batches makes training stop at every batch to call it.

    >>> class PrintLoss(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, logs["loss"])
    """

    _model: Any = None
    params: dict[str, Any] | None = None

    @property
    def model(self) -> Any:
        """The model at work."""
        return self._model

    def set_model(self, model: Any) -> None:
        """Called with the model before anything else."""
        self._model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called with the settings of the run before it begins."""
        self.params = params

    def _acts_on(self, hook: str) -> bool:
        """Whether the method `hook` does something: by the class, or by an attribute of this object."""
        return getattr(type(self), hook) is not getattr(Callback, hook) or hook in vars(self)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called when `fit` begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called when `fit` ends, also by an exception, with the logs of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called when epoch `epoch`, counted from 0, begins."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called when epoch `epoch` and its validation are done."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before batch `batch` of the epoch is trained."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after batch `batch` of the epoch was trained."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keras' older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keras' older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called when `evaluate`, or the validation of an epoch, begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called when `evaluate`, or the validation of an epoch, ends."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before batch `batch` is evaluated."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after batch `batch` was evaluated."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called when `predict` begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called when `predict` ends."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before batch `batch` is predicted."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after batch `batch` was predicted."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
"""The names of all methods a callback can override."""
