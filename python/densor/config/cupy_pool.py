"""Device memory from the pool that CuPy allocates its arrays from."""

import sys
from functools import cache
from importlib import import_module
from typing import Any

from densor import _core

DEVICE = 0  # ours
OUT_OF_MEMORY = 2  # of the statuses of the CUDA run time


class _OurStream:
    """The stream on which densor works, as CUDA's stream protocol shows it."""

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, _core.device_stream()


def is_usable() -> bool:
    """Returns whether somebody has imported CuPy, of a version that knows the protocol, and it finds a GPU."""
    cuda: Any = getattr(sys.modules.get("cupy"), "cuda", None)
    return hasattr(getattr(cuda, "Stream", None), "from_external") and bool(cuda.is_available())


def require() -> None:
    """Raises DeviceError, which says what is missing, unless `is_usable` once CuPy is imported."""
    try:
        import_module("cupy")
    except ImportError as error:
        raise _core.DeviceError(
            "set_device_allocator(): argument 'value': 'cupy' needs CuPy, which cannot be imported "
            f"({error}); install densor[cuda13], or use 'cuda'"
        ) from error
    if not is_usable():
        raise _core.DeviceError(
            "set_device_allocator(): argument 'value': 'cupy' needs CuPy 14 or later and a GPU that it can use; "
            "look at cupy.show_config(), or use 'cuda'"
        )


def allocate(nbytes: int) -> Any:
    """Returns memory that lives as long as the object; its address is `ptr`. Or a pair of bytes: free, and in all.

    It is taken, and given back by `release`, in the order of our stream.
    """
    cupy = sys.modules["cupy"]
    with cupy.cuda.Device(DEVICE):
        try:
            with _stream(cupy):
                return cupy.cuda.alloc(nbytes)
        except Exception as error:
            # CuPy's pool raises MemoryError; without a pool the run time's status comes out.
            if isinstance(error, MemoryError) or getattr(error, "status", None) == OUT_OF_MEMORY:
                return _room(cupy)
            raise


def release(held: list[Any]) -> None:
    """Empties the list that holds memory of `allocate`."""
    cupy: Any = sys.modules.get("cupy")
    if cupy is not None:  # it is, at the end of the interpreter
        with cupy.cuda.Device(DEVICE), _stream(cupy):
            held.clear()
    held.clear()


@cache
def _stream(cupy: Any) -> Any:
    return cupy.cuda.Stream.from_external(_OurStream())


def _room(cupy: Any) -> tuple[int, int]:
    """Returns how much is free, what the pool keeps included, and of how much: the device's memory, or its limit."""
    free, total = cupy.cuda.runtime.memGetInfo()
    pool = cupy.get_default_memory_pool()
    in_use = getattr(cupy.cuda.get_allocator(), "__self__", None) is pool
    if not in_use:
        return free, total
    free += pool.free_bytes()
    limit = pool.get_limit()
    return (min(free, max(limit - pool.used_bytes(), 0)), limit) if limit else (free, total)
