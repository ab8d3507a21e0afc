"""Taking turns at memory that one run at a time may use."""

from __future__ import annotations

import os
import threading
from threading import get_ident

from densor.errors import BusyError

__all__ = ["Turn"]

_forks = 0  # between the first process and this one


def _count_fork() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_count_fork)


class Turn:
    """A lock for `with`: other threads wait; the thread that already holds it gets BusyError, not a deadlock.

    waits: False makes other threads get BusyError too.
    """

    __slots__ = ("_forks", "_lock", "_owner", "function", "waits")

    def __init__(self, function: str, waits: bool = True) -> None:
        self.function = function
        self.waits = waits
        self._lock = threading.Lock()
        self._owner = 0
        self._forks = _forks

    @property
    def taken(self) -> bool:
        """Whether somebody has the turn."""
        self._look_after_fork()
        return self._owner != 0

    def __enter__(self) -> None:
        me = get_ident()
        if self._forks != _forks:
            self._look_after_fork()
        if not self._lock.acquire(self.waits and self._owner != me):
            raise BusyError(f"{self.function}(): this model is already inside {self.function}()")
        self._owner = me

    def __exit__(self, *error: object) -> None:
        self._owner = 0
        self._lock.release()

    def _look_after_fork(self) -> None:
        """In a forked child nobody is left to release what another thread of the parent held."""
        if self._forks != _forks:
            self._forks = _forks
            if self._owner != get_ident():
                self._lock, self._owner = threading.Lock(), 0
