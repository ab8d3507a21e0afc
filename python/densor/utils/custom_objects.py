"""The program's own classes and functions, made known so that configurations can name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from densor._check import bad_type, bad_value, show, text
from densor._registry import custom_objects_scope, own_object, registered
from densor._registry import registered_name as _registered_name

Own = TypeVar("Own", bound=Callable[..., Any])


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Own], Own]:
    """A decorator that lets files and configurations name a class or function of the program's own.

    Args:
        package: what stands before the ">" of the registered name.
        name: what stands behind it, by default the class's or function's own name.

    Raises:
        TypeError: not a class or function. ValueError: a class without `get_config`.

    >>> from densor import layers
    >>> @register_keras_serializable("mine")
    ... class Twice(layers.Dense):
    ...     pass
    >>> layers.serialize(Twice(3))["registered_name"]
    'mine>Twice'
    """
    text("register_keras_serializable", "package", package)

    def register(own: Own) -> Own:
        if not callable(own):
            raise bad_type(
                "register_keras_serializable", "arg", f"must be a class or function, got {show(own)}"
            )
        if isinstance(own, type) and not hasattr(own, "get_config"):
            raise bad_value("register_keras_serializable", "arg", f"{own.__name__} must define get_config()")
        own_name = getattr(own, "__name__", type(own).__name__) if name is None else name
        registered[f"{package}>{own_name}"] = own
        return own

    return register


def custom_object_scope(custom_objects: Mapping[str, Any]) -> AbstractContextManager[Mapping[str, Any]]:
    """Inside a `with` block, configurations may name these classes and functions, too.

    >>> from densor import layers
    >>> class Mine(layers.Dense):
    ...     pass
    >>> config = layers.serialize(Mine(3))
    >>> with custom_object_scope({"Mine": Mine}):
    ...     type(layers.deserialize(config)).__name__
    'Mine'
    """
    if not isinstance(custom_objects, Mapping):
        raise bad_type("custom_object_scope", "custom_objects", f"must be a dict, got {show(custom_objects)}")
    return custom_objects_scope(custom_objects)


CustomObjectScope = custom_object_scope


def get_custom_objects() -> dict[str, Any]:
    """The registered classes and functions by "package>name"; writing into the dict registers, too."""
    return registered


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered, or else its own."""
    return _registered_name(obj) or str(obj.__name__)


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What was registered, or stands in a scope or in `custom_objects`, under this name; or None."""
    with custom_objects_scope(custom_objects):
        return own_object(name)
