"""All callbacks of one run, called as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from densor import _check
from densor.callbacks.callback import Callback, Logs
from densor.callbacks.history import History
from densor.callbacks.terminate_on_nan import TerminateOnNaN


class CallbackList(Callback):
    """Calls each of its callbacks in order, History last.

    If a callback raises, the same exception leaves the list. The caller then ends the run with `on_train_end`
    (`on_test_end`, ...), which reaches every other callback, whatever one of them raises.

    Args:
        callbacks: a callback, a list of them, or None. A CallbackList is returned unchanged by `of`.
        add_history: whether a History is added where there is none (False).
        add_progbar: accepted for Keras' sake; the progress line belongs to the model (False).
        model, params: passed to `set_model` and `set_params`.

    Raises TypeError for something that is no callback.
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks = _flatten(callbacks)
        histories = [callback for callback in self.callbacks if isinstance(callback, History)]
        others = [callback for callback in self.callbacks if not isinstance(callback, History)]
        if add_history and not histories:
            histories.append(History())
        self.history = histories[-1] if histories else None
        self.callbacks = [*others, *histories]
        self._raised: list[Callback] = []
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    @property
    def needs_batches(self) -> bool:
        """Whether a callback wants to be called at every training batch."""
        return self._any("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")

    @property
    def needs_test_batches(self) -> bool:
        """Whether a callback wants to be called at every batch of an evaluation."""
        return self._any("on_test_batch_begin", "on_test_batch_end")

    @property
    def needs_predict_batches(self) -> bool:
        """Whether a callback wants to be called at every batch of a prediction."""
        return self._any("on_predict_batch_begin", "on_predict_batch_end")

    @property
    def guards(self) -> list[TerminateOnNaN]:
        """The callbacks that want to be told of a batch whose loss or gradient is not finite."""
        return [callback for callback in self.callbacks if isinstance(callback, TerminateOnNaN)]

    def _any(self, *hooks: str) -> bool:
        return any(callback._acts_on(hook) for callback in self.callbacks for hook in hooks)

    def append(self, callback: Callback) -> None:
        """Adds a callback, before History."""
        position = len(self.callbacks) - (self.history is not None)
        self.callbacks[position:position] = _flatten(callback)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def _call(self, hook: str, *arguments: Any) -> None:
        *place, logs = arguments
        logs = {} if logs is None else logs  # as in Keras: hooks read it without looking
        for callback in self.callbacks:
            try:
                getattr(callback, hook)(*place, logs)
            except BaseException:
                self._raised.append(callback)
                raise

    def _end(self, hook: str, logs: Logs | None) -> None:
        """Calls `hook` of all callbacks that have not raised, then re-raises the first exception of them."""
        raised, self._raised = self._raised, []
        logs = {} if logs is None else logs
        first: BaseException | None = None
        for callback in self.callbacks:
            if callback in raised:
                continue
            try:
                getattr(callback, hook)(logs)
            except BaseException as error:
                first = first or error
        if first is not None:
            raise first

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._raised = []
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._end("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_train_batch_begin", batch, logs)
        self._call("on_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_train_batch_end", batch, logs)
        self._call("on_batch_end", batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._end("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._end("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_predict_batch_end", batch, logs)


def _flatten(callbacks: Callback | Iterable[Callback] | None) -> list[Callback]:
    if callbacks is None:
        return []
    if isinstance(callbacks, CallbackList):
        return list(callbacks.callbacks)
    if isinstance(callbacks, Callback):
        return [callbacks]
    if isinstance(callbacks, str) or not isinstance(callbacks, Iterable):
        raise _check.bad_type(
            "CallbackList", "callbacks", f"must be a list of callbacks, got {_check.show(callbacks)}"
        )
    flat: list[Callback] = []
    for callback in callbacks:
        if isinstance(callback, type) or not isinstance(callback, Callback | list | tuple):
            hint = "; make an instance of it" if isinstance(callback, type) else ""
            raise _check.bad_type(
                "CallbackList", "callbacks", f"{_check.show(callback)} is no callback{hint}"
            )
        flat += _flatten(callback)
    return flat
