"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from densor import _check
from densor.callbacks.callback import HOOKS, Callback

Hook = Callable[..., Any]


class LambdaCallback(Callback):
    """Calls the functions given at the moments their arguments are named after.

    Functions of epochs and batches take (number, logs), the others (logs). Every method of `Callback` can be
    given by its name. Raises TypeError for another name, or for something that is no function.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch)).on_epoch_end(3, {})
    3
    """

    def __init__(
        self,
        on_epoch_begin: Hook | None = None,
        on_epoch_end: Hook | None = None,
        on_train_begin: Hook | None = None,
        on_train_end: Hook | None = None,
        on_train_batch_begin: Hook | None = None,
        on_train_batch_end: Hook | None = None,
        **hooks: Hook | None,
    ) -> None:
        hooks |= {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        _check.no_more_arguments("LambdaCallback", {k: v for k, v in hooks.items() if k not in HOOKS}, HOOKS)
        for name, function in hooks.items():
            if function is None:
                continue
            if not callable(function):
                raise _check.bad_type(
                    "LambdaCallback", name, f"must be a function, got {_check.show(function)}"
                )
            setattr(self, name, function)
