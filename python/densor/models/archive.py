"""The file format of models: safetensors, with what it takes to notice every flipped bit.

Layout: 8 bytes length of the header (little endian) | header: JSON, padded with spaces | tensors, float32, in
the header's order without gaps. The header's `__metadata__` holds, beside what the model puts there:

- `format`: "densor", `version`: "1";
- `sha256`: JSON object, the SHA-256 of every tensor's bytes;
- `header_sha256`: the SHA-256 of the length and the header, with these 64 digits replaced by zeros.

Any safetensors reader can open it. Reading here trusts nothing: every size is compared with the size of the
file before memory is asked for, and bytes are only read with `pread` (a file that somebody cuts short while it
is read gives an error, where a mapping would end the process).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor.errors import FormatError
from densor.models import atomic, strict_json

__all__ = ["Archive", "check_name", "encode", "opened", "write"]

Float32 = NDArray[np.float32]

VERSION = 1
LARGEST_HEADER = 16 << 20
MOST_TENSORS = 65_536
LONGEST_NAME = 255
MOST_AXES = 8
_ALIGNMENT = 64
_ZEROS = "0" * 64
_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_name(name: str) -> str:
    """What is wrong with a tensor's name, or ""."""
    if not name or len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        return f"must have 1 to {LONGEST_NAME} bytes"
    if name.startswith("/") or ".." in name.split("/") or not name.isprintable():
        return "must not look like a path outside, or hold control characters"
    return ""


def encode(tensors: Mapping[str, Float32], metadata: Mapping[str, str]) -> list[bytes | memoryview]:
    """The bytes of a file with these tensors and metadata, in pieces.

    Raises:
        ValueError: a tensor's name that could not be read again, or too long a header.
    """
    data = {name: np.asarray(array, dtype="<f4", order="C") for name, array in tensors.items()}
    for name in data:
        if problem := check_name(name):
            raise ValueError(f"save(): the weight name {name!r} {problem}")
    return [_header(data, metadata), *(array.data for array in data.values())]


def write(path: str, tensors: Mapping[str, Float32], metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata to a file, at once or not at all.

    Raises:
        OSError: the file cannot be written.
        ValueError: as `encode`.
    """
    atomic.write(path, encode(tensors, metadata))


def _header(data: Mapping[str, Float32], metadata: Mapping[str, str]) -> bytes:
    digests = {name: hashlib.sha256(array.data).hexdigest() for name, array in data.items()}
    notes = {
        "format": "densor",
        "version": str(VERSION),
        "header_sha256": _ZEROS,
        "sha256": json.dumps(digests),
        **metadata,
    }
    table: dict[str, Any] = {"__metadata__": notes}
    offset = 0
    for name, array in data.items():
        table[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    if len(text) > LARGEST_HEADER:
        raise ValueError(f"save(): the model's description has {len(text)} bytes, more than {LARGEST_HEADER}")
    raw = len(text).to_bytes(8, "little") + text
    digest = hashlib.sha256(raw).hexdigest()
    return raw.replace(f'"header_sha256":"{_ZEROS}"'.encode(), f'"header_sha256":"{digest}"'.encode(), 1)


@dataclass(frozen=True)
class Entry:
    """One tensor of a file: its shape, and its bytes' place in the file."""

    shape: tuple[int, ...]
    begin: int
    end: int
    digest: str


class Archive:
    """An open file whose header has been checked completely; tensors are checked when they are read.

    Attributes:
        metadata: the texts of the header.
        entries: the tensors by name, in the order of the file.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(21, "Is a directory", path)
        if not stat.S_ISREG(status.st_mode):
            raise self.fault(0, "file", "not a regular file")
        self._size = status.st_size
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if self._size > memory:
            raise MemoryError(
                f"load_model(): {path} has {self._size} bytes, this machine {memory} bytes of memory"
            )
        self._start = 0
        self.metadata: dict[str, str] = {}
        self.entries: dict[str, Entry] = {}
        self._read_header()

    def fault(self, offset: int, field: str, problem: str) -> FormatError:
        """The error for something wrong in this file."""
        return FormatError(
            f"load_model(): argument 'filepath': {self.path}: byte {offset}, {field}: {problem}"
        )

    def text(self, key: str) -> str:
        """An entry of the metadata."""
        if key not in self.metadata:
            raise self.fault(8, key, "is missing in the metadata")
        return self.metadata[key]

    def parsed(self, key: str) -> Any:
        """An entry of the metadata that is JSON itself."""
        try:
            return strict_json.parse(self.text(key).encode("utf-8"))
        except ValueError as error:
            raise self.fault(8, key, f"not acceptable as JSON: {error}") from None

    def read(self, name: str) -> Float32:
        """A tensor, after its checksum was compared."""
        entry = self.entries[name]
        array = np.empty(entry.shape, dtype="<f4")
        self._fill(array.data.cast("B"), entry.begin, name)
        if hashlib.sha256(array.data).hexdigest() != entry.digest:
            raise self.fault(entry.begin, name, "the checksum does not match: the file is damaged")
        return array.astype(np.float32, copy=False)

    def _fill(self, buffer: memoryview, offset: int, field: str) -> None:
        while buffer:
            count = os.preadv(self._descriptor, [buffer[: 1 << 30]], offset)
            if count == 0:
                raise self.fault(offset, field, "the file ends here; it was cut short")
            buffer, offset = buffer[count:], offset + count

    def _read_header(self) -> None:
        if self._size < 8:
            raise self.fault(0, "header length", f"a model file has more than {self._size} bytes")
        raw = bytearray(8)
        self._fill(memoryview(raw), 0, "header length")
        length = int.from_bytes(raw, "little")
        if not 2 <= length <= min(LARGEST_HEADER, self._size - 8):
            raise self.fault(0, "header length", f"{length} does not fit a file of {self._size} bytes; "
                             "this is no model of Densor, or it is damaged")  # fmt: skip
        raw += bytearray(length)
        self._fill(memoryview(raw)[8:], 8, "header")
        self._start = 8 + length
        try:
            table = strict_json.parse(bytes(raw[8:]))
        except ValueError as error:
            raise self.fault(8, "header", f"not acceptable as JSON: {error}") from None
        notes = table.pop("__metadata__", None) if isinstance(table, dict) else None
        if not isinstance(notes, dict) or not all(isinstance(text, str) for text in notes.values()):
            raise self.fault(8, "__metadata__", "must be an object of texts; this is no model of Densor")
        self.metadata = notes
        self._check_version(raw)
        self._check_table(table)

    def _check_version(self, raw: bytearray) -> None:
        if self.metadata.get("format") != "densor":
            raise self.fault(8, "format", "this safetensors file is no model of Densor")
        digest = self.text("header_sha256")
        plain = f'"header_sha256":"{digest}"'.encode()
        blank = bytes(raw).replace(plain, f'"header_sha256":"{_ZEROS}"'.encode(), 1)
        if not _DIGEST.fullmatch(digest) or plain not in raw or hashlib.sha256(blank).hexdigest() != digest:
            raise self.fault(
                8, "header_sha256", "the checksum of the header does not match: the file is damaged"
            )
        if self.text("version") != str(VERSION):
            writer = self.metadata.get("densor", "unknown")
            raise self.fault(8, "version", f"format {self.text('version')!r}, written by Densor {writer}, is newer "
                             f"than {VERSION}, which is what this Densor reads")  # fmt: skip

    def _check_table(self, table: dict[str, Any]) -> None:
        digests = self.parsed("sha256")
        if not isinstance(digests, dict) or set(digests) != set(table):
            raise self.fault(8, "sha256", "must have a checksum for each tensor")
        if len(table) > MOST_TENSORS:
            raise self.fault(8, "header", f"{len(table)} tensors, more than {MOST_TENSORS}")
        position = self._start
        for name, entry in table.items():
            shape, end = self._check_entry(name, entry, position)
            digest = digests[name]
            if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                raise self.fault(8, f"sha256 of {name}", "not a checksum")
            self.entries[name] = Entry(shape, position, end, digest)
            position = end
        if position != self._size:
            raise self.fault(position, "file", f"the tensors end here, the file has {self._size} bytes")

    def _check_entry(self, name: str, entry: Any, position: int) -> tuple[tuple[int, ...], int]:
        """The shape and the end of a tensor that must begin at `position`."""
        if problem := check_name(name):
            raise self.fault(8, f"tensor name {name[:80]!r}", problem)
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise self.fault(8, name, "must have dtype, shape and data_offsets")
        if entry["dtype"] != "F32":
            raise self.fault(8, f"{name}.dtype", f"must be F32, got {str(entry['dtype'])[:40]}")
        shape, offsets = entry["shape"], entry["data_offsets"]
        if (
            not isinstance(shape, list)
            or len(shape) > MOST_AXES
            or any(type(n) is not int or n < 1 for n in shape)
        ):
            raise self.fault(8, f"{name}.shape", f"must be up to {MOST_AXES} positive integers")
        if not isinstance(offsets, list) or len(offsets) != 2 or any(type(n) is not int for n in offsets):
            raise self.fault(8, f"{name}.data_offsets", "must be two integers")
        begin, end = (self._start + offset for offset in offsets)
        if begin != position or end - begin != 4 * math.prod(shape) or end > self._size:
            raise self.fault(8, f"{name}.data_offsets", f"{offsets} does not fit shape {shape}, the tensor before, "
                             f"or the file of {self._size} bytes")  # fmt: skip
        return tuple(shape), end


@contextmanager
def opened(path: str) -> Iterator[Archive]:
    """Open a file for the time of a `with` block.

    Raises:
        OSError: it cannot be opened.
        FormatError: its header is damaged, or it is no model.
    """
    # O_NONBLOCK: a named pipe must not hang us. It means nothing for files.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        yield Archive(path, descriptor)
    finally:
        os.close(descriptor)
