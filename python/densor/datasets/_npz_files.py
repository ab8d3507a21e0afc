"""Data sets that Keras keeps as one `.npz` file each: where they are looked for, what they must hash to."""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _check
from densor.datasets import _cache, _download
from densor.datasets._not_found import DatasetNotFound
from densor.errors import FormatError

Array = npt.NDArray[Any]
_MIRRORS = ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",)


@dataclass(frozen=True)
class NpzFile:
    """A file: the module of `densor.datasets` that loads it, what people call it, its hash, its size in words."""

    module: str
    title: str
    sha256: str
    size: str

    @property
    def name(self) -> str:
        return f"{self.module}.npz"

    def load(self, path: str | os.PathLike[str] | None, download: bool) -> dict[str, Array]:
        """The arrays by their names.

        Raises:
            DatasetNotFound: nowhere found. FormatError: a file of this name with other bytes.
        """
        places = self._places(path)
        found = next((place for place in places if place.is_file()), None)
        if found is None and download and path is None:
            found = _cache.folder() / "downloads" / self.name
            _download.fetch([mirror + self.name for mirror in _MIRRORS], found)
        if found is None:
            raise DatasetNotFound(self._not_found(places, path is not None))
        content = found.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.sha256:
            raise FormatError(
                f"{found}: not the {self.name} of Keras: sha256 is {digest}, expected {self.sha256}. Nothing was "
                "deleted; remove or replace this file (an interrupted download leaves such a one), then load again."
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def _places(self, path: str | os.PathLike[str] | None) -> list[Path]:
        if path is not None:
            if not isinstance(path, str | os.PathLike):
                raise _check.bad_type(
                    "load_data", "path", f"expected a file or folder, got {type(path).__name__}"
                )
            return [Path(path), Path(path) / self.name]
        named = os.environ.get("DENSOR_DATA", "")
        keras = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
        folders = [_cache.folder() / "downloads", keras / "datasets"]
        return [folder / self.name for folder in ([Path(named)] if named else []) + folders]

    def _not_found(self, places: list[Path], named: bool) -> str:
        searched = "\n".join(f"  {place}" for place in places)
        argument = "argument 'path': " if named else ""
        return f"""load_data(): {argument}{self.title} was not found. Searched for:
{searched}
Two ways out:
  1. densor.datasets.{self.module}.load_data(download=True)        ({self.size}, into {_cache.folder()})
  2. get {self.name} from {_MIRRORS[0]}
     and then load_data(path="the/folder") or DENSOR_DATA=the/folder"""


def split_rows(
    arrays: dict[str, Array], test_split: float, seed: int, rows: int | None = None
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """((x_train, y_train), (x_test, y_test)): the first rows, shuffled and cut as Keras does."""
    share = _check.number("load_data", "test_split", test_split, 0, 1, include_high=False)
    number = _check.integer("load_data", "seed", seed, low=0, high=2**32 - 1)
    x, y = arrays["x"][:rows], arrays["y"][:rows]
    order = np.arange(len(x))
    np.random.RandomState(number).shuffle(order)
    cut = int(len(x) * (1 - share))
    return (x[order[:cut]], y[order[:cut]]), (x[order[cut:]], y[order[cut:]])
