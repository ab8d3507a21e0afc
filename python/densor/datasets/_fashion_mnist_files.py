"""The four files of Fashion-MNIST: where they are looked for, what they must hash to, how they are cached."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from densor._check import bad_type
from densor.datasets import _cache, _download, _idx
from densor.datasets._not_found import DatasetNotFound
from densor.errors import FormatError


class Payload(NamedTuple):
    """One of the four files, as it is when decompressed."""

    stem: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.stem}-idx{len(self.shape)}-ubyte"

    @property
    def size(self) -> int:
        return len(_idx.header(self.shape)) + int(np.prod(self.shape))


PAYLOADS = (
    Payload(
        "train-images", (60000, 28, 28), "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    Payload("train-labels", (60000,), "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    Payload(
        "t10k-images", (10000, 28, 28), "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    Payload("t10k-labels", (10000,), "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
)
MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
# Where a folder that the user names may hold the files: itself, an unpacked Debian package, torchvision's tree.
_SUBFOLDERS = (".", "fashion-mnist", "usr/share/datasets/fashion-mnist", "FashionMNIST/raw")


def load(path: str | os.PathLike[str] | None, download: bool) -> list[npt.NDArray[np.uint8]]:
    """Returns the arrays of `PAYLOADS` in their order; see `fashion_mnist.load_data`."""
    source = locate(path)
    if source is None and download and path is None:
        source = _fetch()
    if source is None:
        raise DatasetNotFound(_not_found_text(path))
    return [_read(payload, source) for payload in PAYLOADS]


def locate(path: str | os.PathLike[str] | None) -> Path | None:
    """Returns the first folder that holds all four files."""
    for folder in _candidates(path):
        if all(_find(payload, folder) for payload in PAYLOADS):
            return folder
    return None


def _cache_folder() -> Path:
    return _cache.folder() / "fashion-mnist"


def _candidates(path: str | os.PathLike[str] | None) -> list[Path]:
    """The folders to search, in order."""
    if path is not None:
        if not isinstance(path, str | os.PathLike):
            raise bad_type("load_data", "path", f"expected a folder name, got {type(path).__name__}")
        return _below(Path(path))
    named = os.environ.get("DENSOR_DATA", "")
    shared = os.environ.get("XDG_DATA_DIRS", "") or "/usr/local/share:/usr/share"
    keras = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    return [
        *(_below(Path(named)) if named else []),
        _cache_folder(),
        *(Path(root, "datasets/fashion-mnist") for root in shared.split(":") if root),
        keras / "datasets/fashion-mnist",
        # torchvision has no folder of its own; these are the roots its tutorials pass.
        Path("data/FashionMNIST/raw"),
        Path("~/data/FashionMNIST/raw").expanduser(),
    ]


def _below(folder: Path) -> list[Path]:
    return [folder / name for name in _SUBFOLDERS]


def _find(payload: Payload, folder: Path) -> Path | None:
    """The file of `payload` in `folder`, if there."""
    names = (f"{payload.stem}.npy",) if folder == _cache_folder() else (payload.file, f"{payload.file}.gz")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read(payload: Payload, folder: Path) -> npt.NDArray[np.uint8]:
    """Reads, checks and, where it was not cached yet, caches one of the four arrays."""
    path = _find(payload, folder)
    if path is None:
        raise DatasetNotFound(f"{folder / payload.file}: has gone since the folder was searched")
    if path.suffix == ".npy":
        array = _cache.read(path)
        _check(path, payload, _idx.header(array.shape), array.data)
        return array
    content = _idx.read_payload(path, payload.size)
    _check(path, payload, content)
    array = _idx.parse(content, str(path))
    _cache.write(_cache_folder() / f"{payload.stem}.npy", array)
    return array.copy()  # writable, as every other way gives it


def _check(path: Path, payload: Payload, *parts: bytes | memoryview) -> None:
    """Raises FormatError unless the parts together are the payload."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    if digest.hexdigest() != payload.sha256:
        raise FormatError(
            f"{path}: not Fashion-MNIST's {payload.file}: sha256 of the decompressed bytes is "
            f"{digest.hexdigest()}, expected {payload.sha256}. Nothing was deleted; remove or replace this file "
            "(an interrupted download leaves such a one), then load again."
        )


def _fetch() -> Path:
    """Downloads the four files, mirror by mirror, into the cache folder and returns the folder they lie in."""
    folder = _cache.folder() / "downloads" / "fashion-mnist"
    for payload in PAYLOADS:
        if _find(payload, folder) is None:
            _download.fetch(
                [f"{mirror}{payload.file}.gz" for mirror in MIRRORS], folder / f"{payload.file}.gz"
            )
    return folder


def _not_found_text(path: str | os.PathLike[str] | None) -> str:
    searched = "\n".join(f"  {folder}" for folder in _candidates(path))
    named = "argument 'path': " if path is not None else ""
    return f"""load_data(): {named}Fashion-MNIST was not found. Searched for four files like {PAYLOADS[0].file}.gz:
{searched}
Three ways out:
  1. apt install dataset-fashion-mnist        (Debian, Ubuntu)
  2. without root: apt-get download dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb data
     and then DENSOR_DATA=data
  3. densor.datasets.fashion_mnist.load_data(download=True)        (31 MB, into {_cache.folder()})"""
