"""Architectures and compile settings as Keras writes them, made into Densor's objects.

A configuration of Keras says which module and class to import. Here it is data: `class_name` is looked up among the
classes of Densor and those the caller knows, and nothing is imported. Of its origin one thing counts: what comes from
the operations of Keras is a function between layers.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from densor import (
    _registry,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
)
from densor._check import show
from densor.config import dtype_policy, uses_bfloat16
from densor.graph import Tensor
from densor.layers import InputLayer, Layer
from densor.models.functional import Functional
from densor.models.keras_operations import is_operation, operation_of
from densor.models.model import Model
from densor.models.sequential import Sequential, same_layer

__all__ = ["compile_arguments", "model_from", "unknown_classes"]

_KINDS = (
    initializers,
    regularizers,
    constraints,
    layers,
    losses,
    metrics,
    optimizers,
    schedules,
)  # each has filled its registry
_MODELS = {"Sequential", "Functional", "Model"}
# Keras' own wrappers of plain values.
_WRAPPERS = {
    "DTypePolicy", "__keras_tensor__", "__tuple__", "__slice__", "__ellipsis__", "__numpy__", "__tensor__",
    "function", "SeedGenerator",
}  # fmt: skip
# Their configurations hold code (or name it): they are never made, whoever asks for them.
_CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
# The weights of all three are float32. What cannot be computed as it was, or only slowly, is computed in float32.
_POLICIES = {"float32", "mixed_bfloat16", "mixed_float16"}
# What Keras writes about arguments that Densor has not, where they change nothing.
_WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "renorm_momentum": (0.99,), "data_format": ("channels_last",), "jit_compile": (True,), "loss_scale_factor": (1.0,),
}  # fmt: skip


def unknown_classes(config: Any) -> list[str]:
    """The names of classes and functions that cannot be made, each once, in the order of the file."""
    known = dict.fromkeys(_MODELS | _WRAPPERS)
    found: dict[str, None] = {}
    for item in _objects(config):
        name, own = item["class_name"], item.get("registered_name")
        if is_operation(item):
            continue
        if name == "function":
            name, own = item.get("config"), None
            if _is_function(name):
                continue
        if not isinstance(name, str):
            found[show(name)] = None
        elif name in _CODE or (
            name not in known and own not in _registry.registered and not _registry.is_known(name)
        ):
            found[name] = None
    return list(found)


def _objects(config: Any) -> Iterator[Mapping[str, Any]]:
    stack = [config]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            if "class_name" in item and ("config" in item or "items" in item):
                yield item
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))


def _is_function(name: Any) -> bool:
    from densor import activations

    if not isinstance(name, str):
        return False
    if _registry.own_object(name) is not None or _registry.is_known(name):
        return True
    try:
        return activations.get(name) is not None
    except ValueError:
        return False


def model_from(config: Any) -> Model:
    """The model of a configuration, with fresh weights.

    Raises:
        TypeError, ValueError: not the configuration of a model, or arguments that Densor does not support.
    """
    model = _layer(config)
    if not isinstance(model, Model):
        raise TypeError(f"{type(model).__name__} is a layer, not a model")
    noted = config.get("build_config")
    shape = noted.get("input_shape") if isinstance(noted, Mapping) else None
    if not model.built and shape is not None:  # a model of one's own
        model._build_for_shape(_every_row_free(shape))
    return model


def _layer(config: Any) -> Layer:
    name, settings = _class_and_settings(config)
    if name == "Sequential":
        return _sequential(settings)
    if name in _MODELS and "layers" in settings:
        return _functional(settings)
    return layers.deserialize(plain(config))


def _class_and_settings(config: Any) -> tuple[str, Mapping[str, Any]]:
    name = config.get("class_name") if isinstance(config, Mapping) else None
    settings = config.get("config") if isinstance(config, Mapping) else None
    if not isinstance(name, str) or not isinstance(settings, Mapping | list):
        raise TypeError(f"'class_name' and 'config' are missing in {show(config)}")
    # Keras 1 wrote a bare list for a Sequential.
    return name, settings if isinstance(settings, Mapping) else {"layers": settings}


def plain(value: Any) -> Any:
    """The configuration without what only Keras needs: policies and functions become names, tuples lists."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {key: plain(item) for key, item in value.items()}
    name, settings = value["class_name"], value.get("config")
    if name == "__tuple__":
        return plain(value.get("items", []))
    if name == "function":
        return settings
    if name in ("__numpy__", "__tensor__"):
        return settings.get("value") if isinstance(settings, Mapping) else None
    if name == "DTypePolicy":
        return settings.get("name") if isinstance(settings, Mapping) else None
    if name == "SeedGenerator":
        return settings.get("seed") if isinstance(settings, Mapping) else None
    if not isinstance(settings, Mapping):
        raise TypeError(f"the 'config' of {show(name)} must be an object, got {show(settings)}")
    own = value.get("registered_name")
    found = _registry.registered.get(own) if isinstance(own, str) else None
    result = {
        "class_name": name,
        "config": _accepted(name, found, {k: plain(v) for k, v in settings.items()}),
    }
    return result if found is None else {**result, "registered_name": own}


def _accepted(name: str, own: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that the class takes; the others must be without effect."""
    cls = own or _registry.find_any(name)
    if not isinstance(cls, type):
        raise ValueError(f"{show(name)} is not a class")
    policy = settings.pop("dtype", None) if cls is not InputLayer else None
    counts = issubclass(cls, metrics.Metric) and policy in ("int", "int32")  # of Keras' IoU
    if policy is not None and policy not in _POLICIES and not counts:
        raise ValueError(f"{name}: dtype {show(policy)} is not supported, only weights of float32")
    if policy is not None and issubclass(cls, Layer) and not issubclass(cls, Model):
        usable = policy if policy == "mixed_bfloat16" and uses_bfloat16() else "float32"
        if usable != dtype_policy().name:
            settings["dtype"] = usable
    shape = settings.pop("batch_input_shape", None)
    if cls is InputLayer and shape is not None:
        settings["batch_shape"] = shape
    taken = {
        parameter
        for base in cls.__mro__
        if base is not object and "__init__" in vars(base)
        for parameter in inspect.signature(vars(base)["__init__"]).parameters
    }
    for key in [key for key in settings if key not in taken]:
        value = settings.pop(key)
        if value is not None and value is not False and value not in _WITHOUT_EFFECT.get(key, ()):
            raise ValueError(f"{name}: the argument {key}={show(value)} is not supported")
    if settings.get("batch_shape"):
        settings["batch_shape"] = _rows_free(settings["batch_shape"])
    return settings


def _sequential(settings: Mapping[str, Any]) -> Sequential:
    configs = settings.get("layers")
    if not isinstance(configs, list):
        raise TypeError(f"'layers' of a Sequential must be a list, got {show(configs)}")
    model = Sequential(name=settings.get("name"), trainable=settings.get("trainable", True))
    known: dict[str, Layer] = {}
    for number, config in enumerate(configs):
        shape = _class_and_settings(config)[1].get("batch_input_shape")
        if number == 0 and shape is not None and config["class_name"] != "InputLayer":
            model.add(InputLayer(batch_shape=_rows_free(shape)))
        model.add(same_layer(known, _layer(config)))
    shape = settings.get("build_input_shape")
    if not model.built and shape is not None:
        model.build(_rows_free(shape))
    return model


def _rows_free(shape: Any) -> tuple[int | None, ...]:
    if not isinstance(shape, list) or not shape:
        raise TypeError(f"a shape must be a list, got {show(shape)}")
    return (None, *shape[1:])


def _every_row_free(shape: Any) -> Any:
    """The shape of an input, or a list or dict of them, with None for the rows."""
    if isinstance(shape, Mapping):
        return {name: _rows_free(one) for name, one in shape.items()}
    several = isinstance(shape, list) and any(isinstance(one, list) for one in shape)
    return [_rows_free(one) for one in shape] if several else _rows_free(shape)


History = tuple[str, int, int]


@dataclass(eq=False)
class _Call:
    """One use of a layer in a functional model: what it waits for, and the arguments beside the tensors."""

    layer: str
    number: int
    inputs: History | list[History]
    keywords: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, layer: str, number: int, node: Any) -> _Call:
        """The call that an entry of "inbound_nodes" describes."""
        if isinstance(node, Mapping):  # Keras 3
            arguments, keywords = node.get("args"), node.get("kwargs", {})
            if not isinstance(arguments, list) or len(arguments) != 1 or not isinstance(keywords, Mapping):
                raise ValueError(f"a call of {layer!r} must have one input")
            named = {key: plain(value) for key, value in keywords.items() if value is not None}
            return cls(layer, number, _histories(arguments[0]), named)
        if isinstance(node, list) and node:  # Keras 2: [[name, node, tensor, keywords], ...]
            parts = [item if isinstance(item, list) else [] for item in node]
            inputs = [_history(item[:3]) for item in parts]
            keywords = dict(parts[0][3]) if len(parts[0]) > 3 else {}
            return cls(layer, number, inputs[0] if len(inputs) == 1 else inputs, keywords)
        raise TypeError(f"a call of {layer!r} must be an object, got {show(node)}")

    def waits_for(self) -> list[History]:
        return self.inputs if isinstance(self.inputs, list) else [self.inputs]


def _history(value: Any) -> History:
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        name, node, tensor = value
        if type(node) is int and type(tensor) is int:
            return name, node, tensor
    raise TypeError(f"the origin of a tensor must be [layer, call, number], got {show(value)}")


def _histories(value: Any) -> History | list[History]:
    if isinstance(value, list):
        return [cast(History, _histories(item)) for item in value]
    settings = value.get("config") if isinstance(value, Mapping) else None
    if not isinstance(settings, Mapping):
        raise TypeError(f"an input of a call must be a tensor, got {show(value)}")
    return _history(settings.get("keras_history"))


def _functional(settings: Mapping[str, Any]) -> Functional:
    configs = settings.get("layers")
    if not isinstance(configs, list):
        raise TypeError(f"'layers' of a functional model must be a list, got {show(configs)}")
    made: dict[str, Layer] = {}
    calls: list[_Call] = []
    for config in configs:
        if is_operation(config):
            operation, histories = operation_of(config)
            made[operation.name] = operation
            calls.append(_Call(operation.name, 0, [_history(item) for item in histories]))
            continue
        layer = _layer(config)
        made[layer.name] = layer
        nodes = config.get("inbound_nodes", [])
        if not isinstance(nodes, list):
            raise TypeError(f"the calls of {layer.name!r} must be a list, got {show(nodes)}")
        calls += [_Call.of(layer.name, number, node) for number, node in enumerate(nodes)]
    tensors: dict[History, Tensor] = {
        (name, 0, 0): layer.output for name, layer in made.items() if isinstance(layer, InputLayer)
    }
    _replay(calls, made, tensors)
    start, end = (_ends(settings.get(key), tensors) for key in ("input_layers", "output_layers"))
    return Functional(start, end, name=settings.get("name"), trainable=settings.get("trainable", True))


def _replay(calls: list[_Call], made: Mapping[str, Layer], tensors: dict[History, Tensor]) -> None:
    """Make the calls, each as soon as its inputs are there."""
    missing = {call: set(call.waits_for()) - set(tensors) for call in calls}
    waiting: dict[History, list[_Call]] = {}
    for call, histories in missing.items():
        for history in histories:
            waiting.setdefault(history, []).append(call)
    ready = deque(call for call in calls if not missing[call])
    done = 0
    while ready:
        call = ready.popleft()
        done += 1
        inputs = [tensors[history] for history in call.waits_for()]
        results = made[call.layer](inputs if isinstance(call.inputs, list) else inputs[0], **call.keywords)
        for number, tensor in enumerate(results if isinstance(results, list | tuple) else [results]):
            history = (call.layer, call.number, number)
            tensors[history] = tensor
            for other in waiting.pop(history, []):
                missing[other].discard(history)
                if not missing[other]:
                    ready.append(other)
    if done < len(calls):
        stuck = next(call for call in calls if missing[call])
        raise ValueError(
            f"a call of {stuck.layer!r} waits for a tensor that no layer makes: {sorted(missing[stuck])[0]}"
        )


def _ends(value: Any, tensors: Mapping[History, Tensor]) -> Any:
    """The inputs or outputs of a functional model."""
    if isinstance(value, Mapping):
        return {key: _ends(item, tensors) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], str):
        history = _history(value)
        if history not in tensors:
            raise ValueError(f"the model ends at a tensor that no layer makes: {history}")
        return tensors[history]
    if isinstance(value, list) and value:
        return [_ends(item, tensors) for item in value]
    raise TypeError(f"the ends of a model must be tensors, got {show(value)}")


def compile_arguments(config: Any) -> dict[str, Any]:
    """The arguments of `Model.compile` that a compile configuration holds.

    Raises:
        TypeError, ValueError: not such a configuration, or settings that Densor does not support.
    """
    if not isinstance(config, Mapping) or "optimizer" not in config:
        raise TypeError(f"a compile configuration must name an optimizer, got {show(config)}")
    arguments: dict[str, Any] = {
        "optimizer": optimizers.get(plain(config["optimizer"])),
        "loss": _each(config.get("loss"), losses.get),
    }
    for key in ("metrics", "weighted_metrics"):
        if config.get(key) is not None:
            arguments[key] = _each(
                config[key],
                lambda value: (
                    value
                    if isinstance(value, str) and _registry.own_object(value) is None
                    else metrics.get(value)
                ),
            )
    if config.get("loss_weights") is not None:
        arguments["loss_weights"] = plain(config["loss_weights"])
    return arguments


def _each(value: Any, get: Any) -> Any:
    """Names and objects in the nesting in which `compile` was given them."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_each(item, get) for item in value]
    if isinstance(value, Mapping) and "class_name" not in value:
        return {key: _each(item, get) for key, item in value.items()}
    return get(plain(value))
