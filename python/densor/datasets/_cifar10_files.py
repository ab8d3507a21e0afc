"""The six files of CIFAR-10: where they are looked for, what they must hash to, how they are read."""

import hashlib
import os
import pickletools
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from densor._check import bad_type
from densor.datasets import _cache, _download
from densor.datasets._not_found import DatasetNotFound
from densor.errors import FormatError

Bytes = npt.NDArray[np.uint8]

FOLDER, ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
SHAPE = (10000, 3, 32, 32)  # of each file
TRAINING = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
TEST = {"test_batch": "40351d587109b95175f43aff81a1287e"}


def load(
    path: str | os.PathLike[str] | None, download: bool
) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    """See `cifar10.load_data`."""
    source = locate(path)
    if source is None and download and path is None:
        source = _downloads() / ARCHIVE
        _download.fetch([f"{mirror}{ARCHIVE}" for mirror in MIRRORS], source)
    if source is None:
        raise DatasetNotFound(_not_found_text(path))
    contents = _contents(source)
    return _joined(source, contents, TRAINING), _joined(source, contents, TEST)


def locate(path: str | os.PathLike[str] | None) -> Path | None:
    """The first folder that holds all six files, or archive of them."""
    for folder in _candidates(path):
        if all((folder / name).is_file() for name in (*TRAINING, *TEST)):
            return folder
        if (folder / ARCHIVE).is_file():
            return folder / ARCHIVE
    return None


def _downloads() -> Path:
    return _cache.folder() / "downloads" / "cifar10"


def _candidates(path: str | os.PathLike[str] | None) -> list[Path]:
    """The folders to search, in order."""
    if path is not None:
        if not isinstance(path, str | os.PathLike):
            raise bad_type("load_data", "path", f"expected a folder name, got {type(path).__name__}")
        return [Path(path), Path(path) / FOLDER]
    named = os.environ.get("DENSOR_DATA", "")
    keras = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    # torchvision has no folder of its own; these are the roots its tutorials pass.
    roots = [*([Path(named)] if named else []), _downloads(), keras, keras / f"{FOLDER}-target", Path("data"),
             Path("~/data").expanduser()]  # fmt: skip
    return [folder for root in roots for folder in (root, root / FOLDER)]


def _contents(source: Path) -> dict[str, bytes]:
    """The six files by name."""
    names = (*TRAINING, *TEST)
    if source.is_dir():
        return {name: (source / name).read_bytes() for name in names}
    found = {}
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                name = Path(member.name).name
                if name in names and (file := archive.extractfile(member)) is not None:
                    found[name] = file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FormatError(f"{source}: not a readable archive ({error}); delete it and load again") from error
    if lost := [name for name in names if name not in found]:
        raise FormatError(f"{source}: has no {', '.join(lost)}; delete it and load again")
    return found


def _joined(source: Path, contents: dict[str, bytes], hashes: dict[str, str]) -> tuple[Bytes, Bytes]:
    """Images (rows, 32, 32, 3) and labels (rows, 1) of some of the files."""
    images, labels = [], []
    for name, expected in hashes.items():
        digest = hashlib.md5(contents[name], usedforsecurity=False).hexdigest()
        if digest != expected:
            raise FormatError(
                f"{source}: not CIFAR-10's {name}: its md5 is {digest}, expected {expected}. Nothing was deleted; "
                "remove or replace it (an interrupted download leaves such a one), then load again."
            )
        pixels, classes = _read(contents[name])
        images.append(pixels)
        labels.append(classes)
    return np.ascontiguousarray(np.concatenate(images).transpose(0, 2, 3, 1)), np.concatenate(labels)


def _read(content: bytes) -> tuple[Bytes, Bytes]:
    """Images and labels of one file: a pickled dict of a byte string with all pixels and a list of small integers.

    The instructions of the pickle are looked at one by one; none is carried out.
    """
    size = int(np.prod(SHAPE))
    pixels, labels, key = b"", [], ""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("SHORT_BINSTRING", "BINSTRING", "BINUNICODE"):
            text = str(argument)
            if len(text) == size:
                pixels = text.encode("latin-1")
            key = text
        elif opcode.name == "BININT1" and key == "labels":
            labels.append(argument)
    images = np.frombuffer(pixels, np.uint8)
    return images.reshape(SHAPE), np.asarray(labels, np.uint8).reshape(SHAPE[0], 1)


def _not_found_text(path: str | os.PathLike[str] | None) -> str:
    searched = "\n".join(f"  {folder}" for folder in _candidates(path))
    named = "argument 'path': " if path is not None else ""
    return f"""load_data(): {named}CIFAR-10 was not found. Searched for {ARCHIVE} and for its six files in:
{searched}
Two ways out:
  1. put {ARCHIVE} or the folder {FOLDER} (www.cs.toronto.edu/~kriz/cifar.html) into one of these, or into DENSOR_DATA
  2. densor.datasets.cifar10.load_data(download=True)        (170 MB, into {_cache.folder()})"""
