"""The cache folder: decompressed arrays as `.npy`, memory-mapped when read.

`$XDG_CACHE_HOME/densor`, else `~/.cache/densor`. A file appears whole or not at all (written beside
its place, then renamed), so a reader never maps one that is still growing.
"""

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from densor.errors import FormatError


def folder() -> Path:
    """Returns the cache folder; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rule: a relative path is invalid and to be ignored.
    root = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()
    return root / "densor"


def read(path: Path) -> npt.NDArray[np.uint8]:
    """Maps a cached array. The mapping is copy-on-write: the caller may write, the file never changes.

    Raises FormatError when the file is not an unsigned-byte `.npy`, OSError when it cannot be read.
    """
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FormatError(
            f"{path}: not a readable .npy file ({error}); delete it, it is made again"
        ) from error
    if not isinstance(array, np.memmap) or array.dtype != np.uint8 or not array.flags.c_contiguous:
        raise FormatError(f"{path}: not an array of unsigned bytes; delete it, it is made again")
    return np.asarray(array)


def write(path: Path, array: npt.NDArray[np.uint8]) -> None:
    """Stores `array` at `path`. A cache that cannot be written is no error: the next call unpacks again."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, array, allow_pickle=False)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
