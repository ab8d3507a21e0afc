"""Files that appear whole or not at all.

The order on disk is what makes it so: write everything to a temporary file in the same directory, fsync it,
rename it over the target, fsync the directory.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import zlib
from collections.abc import Iterable
from contextlib import suppress

__all__ = ["write"]

# The machine is part of the name because a process number means nothing to another machine on the same disk.
_TEMPORARY = ".densor-{host:08x}-{pid}-{token}.tmp"
_PATTERN = re.compile(r"\.densor-([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{16}\.tmp")


def write(path: str, chunks: Iterable[memoryview | bytes]) -> None:
    """Replace the file at `path` (or what the link at `path` points to) by the chunks, one after the other.

    An existing file keeps its permissions. If anything fails, the old file stays and the temporary one goes;
    temporary files of processes that died are removed.

    Raises:
        OSError: with errno and file name.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    try:
        _sweep(folder)
        mode = _mode_of(target)
        temporary = os.path.join(
            folder, _TEMPORARY.format(host=_host(), pid=os.getpid(), token=secrets.token_hex(8))
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    try:
        try:
            if mode is not None:
                os.fchmod(descriptor, mode)
            for chunk in chunks:
                _write_all(descriptor, memoryview(chunk).cast("B"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, path) from None
        raise
    _sync_folder(folder, path)


def _write_all(descriptor: int, chunk: memoryview) -> None:
    while chunk:
        chunk = chunk[os.write(descriptor, chunk) :]


def _sync_folder(folder: str, path: str) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _mode_of(target: str) -> int | None:
    """The permissions of the file that will be replaced; None if there is none."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(21, "Is a directory", target)
    return stat.S_IMODE(status.st_mode)


def _host() -> int:
    return zlib.crc32(os.uname().nodename.encode())


def _sweep(folder: str) -> None:
    """Remove temporary files of this machine's dead processes; somebody else may be quicker, or own them."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(".densor-")]
    for name in names:
        found = _PATTERN.fullmatch(name)
        if found and int(found[1], 16) == _host() and not _alive(int(found[2])):
            with suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
