"""The progress bar of Keras, batch by batch, on any output."""

from __future__ import annotations

from typing import Any

from densor.callbacks.callback import Callback, Logs
from densor.callbacks.progbar import Progbar


class ProgbarLogger(Callback):
    """Prints a bar that moves at every batch and ends with the figures of the epoch.

    `fit(verbose=...)` shows progress without stopping at every batch; this is for programs that add the callback
    themselves, with `verbose=1` or 2 here taken from the call. Validation inside `fit` prints nothing of its own.

    Source: Keras 3 `ProgbarLogger`.

    >>> ProgbarLogger().seen
    0
    """

    def __init__(self) -> None:
        self.seen = 0
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self.progbar: Progbar | None = None
        self._fitting = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        found = params or {}
        verbose, epochs, steps = (found.get(name) for name in ("verbose", "epochs", "steps"))
        self.verbose = verbose if isinstance(verbose, int) else 1
        self.epochs = epochs if isinstance(epochs, int) else 1
        self.target = steps if isinstance(steps, int) else None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._fitting = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._fitting = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._start()
        if self.verbose and self.epochs > 1:
            print(f"Epoch {epoch + 1}/{self.epochs}", flush=True)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._fitting:
            self._start()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._move(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._fitting:
            self._move(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._move(batch, None)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._fitting:
            self._finish(logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finish(None)

    def _start(self) -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, unit_name="step", stateless_metrics=())

    def _move(self, batch: int, logs: Logs | None) -> None:
        self.seen = batch + 1
        if self.progbar is not None and self.verbose == 1:
            self.progbar.update(self.seen, list((logs or {}).items()), finalize=False)

    def _finish(self, logs: Logs | None) -> None:
        if self.progbar is not None:
            self.progbar.target = self.seen or self.target
            self.progbar.update(self.seen, list((logs or {}).items()), finalize=True)
