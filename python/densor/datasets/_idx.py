"""IDX, the file format of the MNIST family, for unsigned bytes.

    0  0  8  ndim | size of each dimension, big-endian uint32 | the bytes, last dimension fastest

Source: the format table at the end of http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from densor.errors import FormatError

_UNSIGNED_BYTE = 8
_GZIP_MAGIC = b"\x1f\x8b"


def header(shape: tuple[int, ...]) -> bytes:
    """Returns the header of an unsigned-byte IDX payload of `shape`.

    >>> header((10000,)).hex()
    '0000080100002710'
    """
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, _UNSIGNED_BYTE, len(shape), *shape)


def read_payload(path: Path, limit: int) -> bytes:
    """Returns the decompressed content of `path` (gzip or raw), at most `limit` + 1 bytes of it.

    The one byte more lets the caller see that a file is too long without unpacking a bomb.
    Raises FormatError when the gzip stream is broken, OSError when the file cannot be read.
    """
    with path.open("rb") as file:
        magic = file.read(len(_GZIP_MAGIC))
        file.seek(0)
        if magic != _GZIP_MAGIC:
            return file.read(limit + 1)
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return unpacked.read(limit + 1)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FormatError(f"{path}: the gzip stream is damaged ({error})") from error


def parse(payload: bytes, name: str) -> npt.NDArray[np.uint8]:
    """Returns the array in an IDX payload of unsigned bytes, sharing its memory (read-only).

    Args:
        payload: the whole file, decompressed.
        name: what to call the file in an error.

    Raises FormatError when the magic, the type, the number of dimensions or the length is wrong.

    >>> parse(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "labels")
    array([7, 8, 9], dtype=uint8)
    """
    if len(payload) < 4:
        raise FormatError(f"{name}: {len(payload)} bytes are too few for an IDX header")
    zero0, zero1, kind, rank = payload[:4]
    if (zero0, zero1) != (0, 0):
        raise FormatError(f"{name}: byte 0: not an IDX file, it starts with {payload[:4].hex()}")
    if kind != _UNSIGNED_BYTE:
        raise FormatError(f"{name}: byte 2: element type 0x{kind:02x} is not unsigned byte (0x08)")
    if not 1 <= rank <= 4:
        raise FormatError(f"{name}: byte 3: {rank} dimensions are outside [1, 4]")
    start = 4 + 4 * rank
    if len(payload) < start:
        raise FormatError(f"{name}: {len(payload)} bytes are too few for a header of {rank} dimensions")
    shape = struct.unpack(f">{rank}I", payload[4:start])
    count = 1
    for size in shape:
        count *= size
    if len(payload) - start != count:
        raise FormatError(
            f"{name}: the header promises {count} bytes of data, there are {len(payload) - start}"
        )
    return np.frombuffer(payload, np.uint8, count, start).reshape(shape)
