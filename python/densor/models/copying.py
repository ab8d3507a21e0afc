"""Models as bytes, for copies and other processes: the bytes of a model file, with all the checks of one."""

from __future__ import annotations

import tempfile

from densor.layers import Layer
from densor.models import archive
from densor.models.archive import Archive
from densor.models.cloning import all_layers
from densor.models.model import Model
from densor.models.saving import contents, restore

__all__ = ["from_bytes", "to_bytes"]

Classes = dict[str, type[Layer]]


def to_bytes(model: Model) -> tuple[bytes, Classes]:
    """The bytes of the model's file, and the classes of its layers."""
    model._refuse_stepping("copy")
    data = b"".join(archive.encode(*contents(model)))
    return data, {type(layer).__name__: type(layer) for layer in all_layers(model)}


def from_bytes(data: bytes, classes: Classes) -> Model:
    """The model that `to_bytes` was given."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return restore(Archive("a copied model", file.fileno()), classes, compiled=True, finite=False)
