"""Settings for the length of a `with` block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from densor import config

__all__ = ["device"]


@contextmanager
def device(name: str) -> Iterator[None]:
    """Make models that are compiled in a `with` block use this device, as `config.set_device` does for good.

    Args:
        name: "cpu", "cuda" (or "cuda:0"), or "auto": cuda where it can be used.

    Raises:
        DeviceError: this machine or build cannot run it. TypeError, ValueError: not the name of a device.

    Example:
        >>> import densor
        >>> with densor.device("cpu"):
        ...     densor.config.device()
        'cpu'
    """
    before = config.device()
    config.set_device(name)
    try:
        yield
    finally:
        config.set_device(before)
