"""The state of a training in a file, and a training that goes on from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from densor.models import archive
from densor.models.archive import Archive
from densor.models.clock import Clock
from densor.models.entries import mask_name, names_of_weights, read_tensor, slot_name
from densor.models.saving import contents

if TYPE_CHECKING:
    from densor.models.model import Model

__all__ = ["back_up", "take_up"]


def back_up(model: Model, path: str, epochs: int) -> None:
    """Write what a training has come to after `epochs` epochs: a file of `Model.save`, and that number.

    Raises:
        OSError: it cannot be written; an older file stays.
    """
    tensors, metadata = contents(model)
    archive.write(path, tensors, {**metadata, "epochs": str(epochs)})


def take_up(model: Model, path: str) -> int:
    """Give a compiled model the weights, the optimizer's state and the counters of a file; return its epochs.

    Raises:
        FormatError: the file is damaged, or of another model or optimizer; nothing was changed.
        OSError: it cannot be read.
    """
    compiled = model._compiled
    assert compiled is not None
    optimizer, arena = compiled.optimizer, compiled.take_arena()
    with archive.opened(path) as source:
        epochs, config = source.parsed("epochs"), source.parsed("config")
        clock, iterations, rate = _checked(source, type(optimizer).__name__, config, epochs)
        names = names_of_weights(source, model)
        arrays = [(v.array, read_tensor(source, name, v.shape, False)) for v, name in names.items()]
        for index, slot in enumerate(optimizer.state_names):
            for variable in arena.variables:
                values = read_tensor(source, slot_name(slot, names[variable]), variable.shape, False)
                arrays.append((arena.slot(index, variable), values))
        masks = {
            variable: read_tensor(source, mask_name(name), variable.shape, True) != 0.0
            for variable, name in names.items()
            if mask_name(name) in source.entries
        }
    for array, values in arrays:
        array[...] = values
    for variable, mask in masks.items():
        variable.mask = mask
    model._clock, optimizer.iterations = clock, iterations
    if isinstance(rate, float):
        optimizer.learning_rate = rate
    return int(epochs)


def _checked(source: Archive, optimizer: str, config: Any, epochs: Any) -> tuple[Clock, int, Any]:
    """The clock, the steps made and the learning rate (or schedule), of the same optimizer."""
    try:
        counters, compiled = config["clock"], config["compile"]
        seed = None if counters["seed"] is None else int(counters["seed"])
        clock = Clock(seed, int(counters["batches"]), int(counters["epochs"]))
        saved, iterations = compiled["optimizer"], int(compiled["iterations"])
        if saved["class_name"] != optimizer:
            raise ValueError(f"the state of {saved['class_name']}, the model is compiled with {optimizer}")
        if type(epochs) is not int or min(epochs, iterations, clock.batches, clock.epochs) < 0:
            raise ValueError("a counter must be an integer of at least 0")
        return clock, iterations, saved["config"].get("learning_rate")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise source.fault(8, "config", f"{type(error).__name__}: {error}") from None
