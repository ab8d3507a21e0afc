"""The exceptions of densor that Python has no name for. Each is also one of Python's own kinds."""

from densor._core import DeviceError as DeviceError
from densor._core import DeviceOutOfMemory as DeviceOutOfMemory

__all__ = ["BusyError", "DeviceError", "DeviceOutOfMemory", "FormatError", "NonFiniteError"]


class FormatError(ValueError):
    """A model file is damaged, or is not one; the message names the file and the field."""


class NonFiniteError(ArithmeticError, RuntimeError):  # Keras raises RuntimeError
    """A loss or a gradient is NaN or infinite; the message says where."""


class BusyError(RuntimeError):
    """The model is being trained by another call, so that this one would see half a step."""
