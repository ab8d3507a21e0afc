"""Architectures and compile settings written as Keras reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from densor import _registry, activations
from densor._check import bad_value, show
from densor.graph import Tensor
from densor.graph.structure import mapped
from densor.layers import InputLayer, Layer
from densor.layers.operation import Operation
from densor.models.compile_config import compile_config, has_own_way
from densor.models.functional import Functional
from densor.models.keras_operations import described
from densor.models.model import Model
from densor.models.sequential import Sequential

__all__ = ["keras_compile_config", "keras_config"]

# Arguments that only Densor has, with the values at which Keras does the same.
_OURS: dict[str, tuple[Any, ...]] = {
    "init_from_first_batch": (False,), "unbiased_running_variance": (False,), "momentum_decay": (1.0,),
    "epsilon_mode": ("keras",), "decay": (0.0,), "learning_rate_multiplier": (1.0,),
}  # fmt: skip
_NOT_IN_KERAS = {"RAdam", "Swish"}
_WEIGHT_SETTINGS = (
    "_initializer",
    "_regularizer",
    "_constraint",
)  # strings among them name the program's functions
_FUNCTIONS = {"LossFunctionWrapper", "MeanMetricWrapper"}  # Keras writes the function and makes these itself
_MODULES = {
    "_initializer": "keras.initializers",
    "_regularizer": "keras.regularizers",
    "_constraint": "keras.constraints",
    "activation": "keras.layers",
    "dtype": "keras",
    "layer": "keras.layers",
    "learning_rate": "keras.optimizers.schedules",
}


def keras_config(model: Model) -> dict[str, Any]:
    """The architecture of a built model as Keras' `config.json` has it.

    Raises:
        ValueError: a model, layer or argument that Keras does not know.
    """
    return _layer(model)


def keras_compile_config(model: Model) -> dict[str, Any]:
    """What `compile` was given, as `config.json` has it; empty for a model that is not compiled."""
    if has_own_way(model, "get_compile_config"):
        return model.get_compile_config()
    config = compile_config(model)
    if config is None:
        return {}
    return {
        "optimizer": _object(config["optimizer"], "keras.optimizers"),
        "loss": _object(config["loss"], "keras.losses"),
        "loss_weights": config["loss_weights"],
        "metrics": _object(config["metrics"], "keras.metrics") or None,
        "weighted_metrics": _object(config["weighted_metrics"], "keras.metrics") or None,
        "run_eagerly": False,
        "steps_per_execution": 1,
        "jit_compile": "auto",  # True would make PyTorch's compiler part of loading there
    }


def _object(value: Any, module: str) -> Any:
    """An object of the module, or names and objects nested in lists and dicts, with what finds their classes."""
    if isinstance(value, list):
        return [_object(item, module) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {key: _object(item, module) for key, item in value.items()}
    name, own = value["class_name"], value.get("registered_name")
    if own is None and name in _NOT_IN_KERAS:
        raise bad_value(
            "save", "filepath", f"{name} is not in Keras; save under a name that does not end in .keras"
        )
    if own is None and name in _FUNCTIONS:
        return _function(value["config"]["fn"])
    return {
        "module": None if own or not _ours(name) else module,
        "class_name": name,
        "config": _settings(name, value["config"]),
        "registered_name": own or (None if _ours(name) else name),
    }


def _function(name: str) -> dict[str, Any]:
    """A function of the program's own, by the name it was registered as, or its own."""
    own = name.partition(">")[2] or name
    return {"module": "builtins", "class_name": "function", "config": own, "registered_name": name}


def _ours(name: str) -> bool:
    return _registry.own_object(name) is None and _registry.is_known(name)


def _settings(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for key, value in config.items():
        if key == "exclude_from_weight_decay":
            continue  # no argument in Keras; the file notes the variables for Densor
        polyak = key == "ema_momentum" and value == "polyak"
        if polyak or (key in _OURS and _ours(name)):
            if polyak or value not in _OURS[key]:
                raise bad_value(
                    "save", "filepath", f"{name}({key}={show(value)}) is not in Keras; save under a name that does "
                    "not end in .keras"
                )  # fmt: skip
            continue
        own = key.endswith(_WEIGHT_SETTINGS) or (key == "activation" and not hasattr(activations, str(value)))
        if own and isinstance(value, str):
            settings[key] = _function(value)
            continue
        module = next((module for ending, module in _MODULES.items() if key.endswith(ending)), "keras.layers")
        settings[key] = _object(value, module)
    return settings


def _layer(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, Functional):
        return _model(layer, "Functional", _functional(layer))
    if isinstance(layer, Sequential):
        start = layer._built_input().call
        inner = layer.layers if start is None else [start.layer, *layer.layers]
        settings = {"layers": [_layer(item) for item in inner], "build_input_shape": list(layer.input_shape)}
        return _model(layer, "Sequential", settings)
    own = _registry.registered_name(type(layer))
    config = {"class_name": type(layer).__name__, "config": layer.get_config(), "registered_name": own}
    result: dict[str, Any] = _object(config, "keras.layers")
    if not isinstance(layer, InputLayer) and layer.build_shape is not None:
        result["build_config"] = {"input_shape": _lists(layer.build_shape)}
    return result


def _lists(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {key: _lists(item) for key, item in shape.items()}
    return [_lists(item) for item in shape] if isinstance(shape, list | tuple) else shape


def _model(model: Model, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    own = _registry.registered_name(type(model))
    name = type(model).__name__
    plain = type(model) in (Sequential, Functional)
    return {
        "module": ("keras" if kind == "Sequential" else "keras.src.models.functional") if plain else None,
        "class_name": kind if plain else name,
        "config": {"name": model.name, "trainable": model.trainable, **settings},
        "registered_name": (None if kind == "Sequential" else "Functional") if plain else own or name,
        "build_config": {"input_shape": _lists(model.input_shape)},
    }


def _functional(model: Functional) -> dict[str, Any]:
    """The layers with the calls they take part in; a tensor is (layer, number of its call in this model, place)."""
    names: dict[Tensor, list[Any]] = {}
    nodes: dict[Layer, list[dict[str, Any]]] = {layer: [] for layer in model._order}
    configs: dict[Layer, dict[str, Any]] = {}
    for layer, start in zip(model._entrances, model.inputs, strict=True):
        names[start] = [layer.name, 0, 0]
    for call in model._replay:
        calls = nodes[call.layer]
        arguments = [_named(call.inputs, names)]
        if isinstance(call.layer, Operation):
            configs[call.layer], arguments = described(call.layer, arguments[0])
        else:
            configs[call.layer] = _layer(call.layer)
        calls.append({"args": arguments, "kwargs": dict(call.arguments)})
        outputs = call.outputs if isinstance(call.outputs, list | tuple) else [call.outputs]
        for place, tensor in enumerate(outputs):
            names[tensor] = [call.layer.name, len(calls) - 1, place]
    layers = [
        {**(configs.get(layer) or _layer(layer)), "name": layer.name, "inbound_nodes": nodes[layer]}
        for layer in model._order
    ]
    return {
        "layers": layers,
        "input_layers": mapped(names.__getitem__, model.input),
        "output_layers": mapped(names.__getitem__, model.output),
    }


def _named(structure: Any, names: Mapping[Tensor, list[Any]]) -> Any:
    if isinstance(structure, list | tuple):
        return [_named(item, names) for item in structure]
    return {
        "class_name": "__keras_tensor__",
        "config": {
            "shape": list(structure.shape),
            "dtype": structure.dtype,
            "keras_history": names[structure],
        },
    }
