"""Taking turns at memory that one run at a time may use."""

from __future__ import annotations

import threading
from os import getpid
from threading import get_ident

from densor.errors import BusyError

__all__ = ["Turn"]


class Turn:
    """A lock for `with`: other threads wait; the thread that already holds it gets BusyError, not a deadlock.

    waits: False makes other threads get BusyError too.
    """

    __slots__ = ("_lock", "_owner", "_process", "function", "waits")

    def __init__(self, function: str, waits: bool = True) -> None:
        self.function = function
        self.waits = waits
        self._lock = threading.Lock()
        self._owner = 0
        self._process = getpid()

    @property
    def taken(self) -> bool:
        """Whether somebody has the turn."""
        self._look_after_fork()
        return self._owner != 0

    def __enter__(self) -> None:
        me = get_ident()
        if self._process != getpid():
            self._look_after_fork()
        if not self._lock.acquire(self.waits and self._owner != me):
            raise BusyError(f"{self.function}(): this model is already inside {self.function}()")
        self._owner = me

    def __exit__(self, *error: object) -> None:
        self._owner = 0
        self._lock.release()

    def _look_after_fork(self) -> None:
        """In a forked child nobody is left to release what another thread of the parent held."""
        if self._process != getpid():
            self._process = getpid()
            if self._owner != get_ident():
                self._lock, self._owner = threading.Lock(), 0
