"""Fetches one file over https: mirrors in turn, a timeout, whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

_TIMEOUT_SECONDS = 30.0


def fetch(urls: list[str], path: Path) -> None:
    """Downloads the first of `urls` that answers to `path` (written beside it, then renamed).

    Raises OSError naming every address and why it failed.
    """
    failures = []
    for url in urls:
        try:
            _fetch_one(url, path)
        except OSError as error:  # urllib's errors are OSErrors
            failures.append(f"  {url}: {error}")
        else:
            return
    raise OSError("download failed; tried\n" + "\n".join(failures))


def _fetch_one(url: str, path: Path) -> None:
    import urllib.request  # slow to import, and needed once in a machine's life

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
            shutil.copyfileobj(answer, file)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
