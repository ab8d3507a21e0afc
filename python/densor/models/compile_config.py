"""What `compile` was given, as plain data and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from densor import losses, metrics, optimizers
from densor._registry import custom_objects_scope
from densor.models.configuration import field

if TYPE_CHECKING:
    from densor.models.model import Model

__all__ = [
    "compile_config",
    "compile_from",
    "compile_loaded",
    "given_config",
    "has_own_way",
    "noted",
    "without_decay",
]

_NOTES = ("undecayed", "iterations")  # beside what `compile` was given


def noted(model: Model) -> dict[str, Any] | None:
    """What a file keeps: `model.get_compile_config()`, where a class may have its own, and notes; None if nothing."""
    given = model.get_compile_config()
    plain = compile_config(model)
    return {**(plain or {}), **given} if has_own_way(model, "get_compile_config") and given else plain


def given_config(model: Any) -> dict[str, Any]:
    """What `compile` was given, without the notes."""
    return {name: value for name, value in (compile_config(model) or {}).items() if name not in _NOTES}


def has_own_way(model: Any, name: str) -> bool:
    """Whether the program, not Densor, defines this method of the model."""
    return not getattr(type(model), name).__module__.startswith("densor.")


def compile_loaded(model: Model, config: Any, custom_objects: Mapping[str, Any]) -> None:
    """Compile a model as the file says, in its own way where its class has one."""
    if not has_own_way(model, "compile_from_config") and not has_own_way(model, "compile"):
        compile_from(model, config, custom_objects)
        return
    with custom_objects_scope(custom_objects):
        model.compile_from_config({name: value for name, value in config.items() if name not in _NOTES})
    if model.optimizer is not None:
        without_decay(model.optimizer, model, field(config, "undecayed", list))
        model.optimizer.iterations = field(config, "iterations", int)


def compile_config(model: Model) -> dict[str, Any] | None:
    """Optimizer, loss and metrics of a compiled model, and its variables that do not decay; None if not compiled."""
    compiled = model._compiled
    if compiled is None:
        return None
    optimizer, request = compiled.optimizer, compiled.request
    kept = [index for index, variable in enumerate(model.weights) if not optimizer.decays(variable)]
    return {
        "optimizer": optimizers.serialize(optimizer),
        "loss": _plain(request.loss, losses.serialize),
        "loss_weights": request.loss_weights,
        "metrics": _plain(request.metrics, metrics.serialize),
        "weighted_metrics": _plain(request.weighted_metrics, metrics.serialize),
        "undecayed": kept if optimizer.weight_decay else [],
        "iterations": 0,
    }


def compile_from(model: Any, config: Any, custom_objects: Mapping[str, Any]) -> None:
    """Compile a model as `compile_config` said."""
    optimizer = optimizers.deserialize(field(config, "optimizer", dict), custom_objects)
    without_decay(optimizer, model, config.get("undecayed", []))
    model.compile(
        optimizer=optimizer,
        loss=_made(config["loss"], losses.deserialize, custom_objects),
        loss_weights=config.get("loss_weights"),  # older files have none
        metrics=_made(config["metrics"], metrics.deserialize, custom_objects),
        weighted_metrics=_made(config.get("weighted_metrics"), metrics.deserialize, custom_objects),
    )
    optimizer.iterations = field(config, "iterations", int) if "iterations" in config else 0


def without_decay(optimizer: Any, model: Any, undecayed: Sequence[int]) -> None:
    """Let the weights of these numbers in `model.weights` not decay."""
    if undecayed:
        weights = model.weights
        names = optimizer.get_config().get("exclude_from_weight_decay")
        optimizer.exclude_from_weight_decay([weights[index] for index in undecayed], names)


def _plain(value: Any, serialize: Callable[[Any], Any]) -> Any:
    """Lists and dicts of losses or metrics with a configuration for each; names and None stay."""
    if isinstance(value, Mapping):
        return {name: _plain(part, serialize) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part, serialize) for part in value]
    return value if value is None or isinstance(value, str) else serialize(value)


def _made(value: Any, deserialize: Callable[..., Any], custom_objects: Mapping[str, Any]) -> Any:
    """What `_plain` was given."""
    if isinstance(value, list):
        return [_made(part, deserialize, custom_objects) for part in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" in value:
        return deserialize(value, custom_objects)
    return {name: _made(part, deserialize, custom_objects) for name, part in value.items()}
