"""What `compile` was given, as plain data and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from densor import losses, metrics, optimizers
from densor.models.configuration import field

if TYPE_CHECKING:
    from densor.models.model import Model

__all__ = ["compile_config", "compile_from"]


def compile_config(model: Model) -> dict[str, Any] | None:
    """Optimizer, loss and metrics of a compiled model, and its variables that do not decay; None if not compiled."""
    compiled = model._compiled
    if compiled is None:
        return None
    optimizer = compiled.optimizer
    kept = [index for index, variable in enumerate(model.weights) if not optimizer.decays(variable)]
    return {
        "optimizer": optimizers.serialize(optimizer),
        "loss": None if compiled.loss is None else losses.serialize(compiled.loss),
        "metrics": [m if isinstance(m, str) else metrics.serialize(m) for m in compiled.metrics],
        "undecayed": kept if optimizer.weight_decay else [],
        "iterations": 0,
    }


def compile_from(model: Model, config: Any, custom_objects: Mapping[str, Any]) -> None:
    """Compile a model as `compile_config` said."""
    optimizer = optimizers.deserialize(field(config, "optimizer", dict), custom_objects)
    weights = model.weights
    undecayed = [weights[index] for index in field(config, "undecayed", list)]
    if undecayed:
        optimizer.exclude_from_weight_decay(var_list=undecayed)
    loss = config["loss"]
    model.compile(
        optimizer=optimizer,
        loss=None if loss is None else losses.deserialize(loss, custom_objects),
        metrics=[
            metric if isinstance(metric, str) else metrics.deserialize(metric, custom_objects)
            for metric in field(config, "metrics", list)
        ],
    )
    optimizer.iterations = field(config, "iterations", int)
