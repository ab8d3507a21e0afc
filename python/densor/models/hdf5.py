"""Reading and writing HDF5, the container of Keras' weights; needs h5py, which the extra `densor[keras]` brings.

Reading takes plain data sets only: no links to other places, no external or virtual data, no filters (whose output
may be far larger than the file). A name is looked up step by step, so that nothing but what was asked for is opened.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Place", "available", "encode", "opened"]

Array = NDArray[Any]

_KINDS = "fiu"


def available() -> bool:
    """Whether h5py is installed."""
    from importlib.util import find_spec

    return find_spec("h5py") is not None


def _h5py(function: str) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"{function}(): files of Keras hold HDF5; reading and writing them needs h5py: "
            "pip install 'densor[keras]'"
        ) from error
    return h5py


class Place:
    """A group of an HDF5 file that is read, with its path for messages.

    Every method raises ValueError for what it does not find, or finds to be something else.
    """

    def __init__(self, group: Any, path: str = "") -> None:
        self._group = group
        self.path = path

    def __contains__(self, name: str) -> bool:
        return name in self._group

    def __len__(self) -> int:
        return len(self._group)

    def _item(self, name: str) -> Any:
        import h5py

        here = f"{self.path}/{name}"
        if not isinstance(self._group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{here} is missing, or a link to another place")
        return self._group[name]

    def place(self, name: str) -> Place:
        """The group `name`; may be a path of several steps."""
        import h5py

        step, _, rest = name.partition("/")
        item = self._item(step)
        if not isinstance(item, h5py.Group):
            raise ValueError(f"{self.path}/{step} is not a group")
        found = Place(item, f"{self.path}/{step}")
        return found.place(rest) if rest else found

    def array(self, name: str, shape: tuple[int, ...]) -> Array:
        """The data set `name`, which must have this shape and hold real numbers."""
        import h5py

        folder, _, last = name.rpartition("/")
        if folder:
            return self.place(folder).array(last, shape)
        data, here = self._item(name), f"{self.path}/{name}"
        if not isinstance(data, h5py.Dataset):
            raise ValueError(f"{here} is not a data set")
        if data.shape != shape:
            raise ValueError(f"{here} has shape {data.shape}; the configuration wants {shape}")
        if data.dtype.kind not in _KINDS:
            raise ValueError(f"{here} holds {data.dtype}, not real numbers")
        if data.external or data.is_virtual or data.chunks is not None:
            raise ValueError(f"{here} is not stored in one piece in this file")
        values: Array = data[()]
        return np.asarray(values)

    def names(self, attribute: str) -> list[str]:
        """A list of texts in the attribute of the group; Keras splits long ones into `attribute0`, ..."""
        if attribute in self._group.attrs:
            parts = [self._group.attrs[attribute]]
        else:
            parts = []
            while f"{attribute}{len(parts)}" in self._group.attrs:
                parts.append(self._group.attrs[f"{attribute}{len(parts)}"])
        if not parts:
            raise ValueError(f"{self.path or '/'} has no list of {attribute}")
        return [name.decode() if isinstance(name, bytes) else str(name) for part in parts for name in part]

    def has(self, attribute: str) -> bool:
        """Whether the group has the attribute, in one piece or in several."""
        return attribute in self._group.attrs or f"{attribute}0" in self._group.attrs

    def text(self, attribute: str) -> str | None:
        """The text in the attribute of the group, or None."""
        value = self._group.attrs.get(attribute)
        return value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else None


@contextmanager
def opened(function: str, data: bytes) -> Iterator[Place]:
    """The root of an HDF5 file for the time of a `with` block.

    Raises:
        ImportError: h5py is not installed.
        OSError: not HDF5, or damaged.
    """
    with _h5py(function).File(io.BytesIO(data), "r") as file:
        yield Place(file)


def encode(
    function: str, groups: Mapping[str, tuple[str, Sequence[Array]]], empty: Sequence[str] = ()
) -> bytes:
    """The bytes of a file with the groups of arrays, numbered from 0, under `path/vars`.

    Args:
        groups: by path, the name that Keras keeps beside the arrays, and the arrays.
        empty: further groups.
    """
    buffer = io.BytesIO()
    with _h5py(function).File(buffer, "w") as file:
        for path in empty:
            file.require_group(path)
        for path, (name, arrays) in groups.items():
            group = file.require_group(f"{path}/vars" if path else "vars")
            group.attrs["name"] = name
            for index, array in enumerate(arrays):
                group[str(index)] = array
    return buffer.getvalue()
