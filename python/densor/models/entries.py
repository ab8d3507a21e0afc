"""The tensors in Densor's own files: weights, their masks, and the optimizer's state, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from densor.graph import Variable
from densor.models.archive import Archive
from densor.models.data import nonfinite

if TYPE_CHECKING:
    from densor.models.model import Model

__all__ = ["WEIGHTS", "mask_name", "named_weights", "names_of_weights", "read_tensor", "slot_name"]

Float32 = NDArray[np.float32]

WEIGHTS, _SLOTS, _MASKS = "weights/", "optimizer/", "masks/"


def named_weights(model: Model) -> dict[str, Variable]:
    """The weights by the name they have in files: `weights/dense/kernel`; a second one of a name gets a number."""
    if not model.built or model._input is None:
        raise RuntimeError(f"model {model.name!r} is not built and has no weights; call it on data first")
    found: dict[str, Variable] = {}
    for variable in model.weights:
        name = plain = f"{WEIGHTS}{variable.path}"
        number = 1
        while name in found:
            name, number = f"{plain}_{number}", number + 1
        found[name] = variable
    return found


def names_of_weights(source: Archive, model: Model) -> dict[Variable, str]:
    """The file's name of each weight. By place: layers inside a model class of the user count up their names."""
    weights = list(named_weights(model).values())
    stored = [name for name in source.entries if name.startswith(WEIGHTS)]
    if len(stored) != len(weights):
        raise source.fault(8, "weights", f"{len(stored)} weights, the configuration wants {len(weights)}")
    return dict(zip(weights, stored, strict=True))


def mask_name(weight: str) -> str:
    """Where the mask of a weight is."""
    return _MASKS + weight.removeprefix(WEIGHTS)


def slot_name(slot: str, weight: str) -> str:
    """Where the optimizer's state of a weight is."""
    return f"{_SLOTS}{slot}/{weight.removeprefix(WEIGHTS)}"


def read_tensor(source: Archive, name: str, shape: tuple[int, ...], finite: bool) -> Float32:
    """A tensor of this shape; `finite` refuses NaN and infinities. Raises FormatError."""
    entry = source.entries.get(name)
    if entry is None or entry.shape != shape:
        found = "is missing" if entry is None else f"has shape {entry.shape}"
        raise source.fault(8, name, f"{found}; the configuration wants shape {shape}")
    values = source.read(name)
    if finite and (problem := nonfinite(values)):
        raise source.fault(entry.begin, name, f"{problem}; allow_nonfinite=True accepts it")
    return values
