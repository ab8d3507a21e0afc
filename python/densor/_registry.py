"""Names to classes, and configurations to instances and back, for one kind of object (optimizers, losses, ...).

A configuration is `{"class_name": "Adam", "config": {...}}` with plain data inside. Only classes of the
registry, or those the program itself has passed in `custom_objects`, put into a scope or registered, can be made
from it: nothing is imported by name.
"""

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from densor import _check


class Configurable(Protocol):
    def get_config(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=Configurable)

_registries: list["Registry[Any]"] = []

# Keras writes "module" and "registered_name" beside these two; they have no meaning here.
_KEYS = {"class_name", "config", "module", "registered_name"}

_scope: ContextVar[Mapping[str, Any]] = ContextVar("custom_objects", default=MappingProxyType({}))

registered: dict[str, Any] = {}
"""The program's own classes and functions that were registered, by "package>name"."""


@contextmanager
def custom_objects_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Let configurations name the caller's classes, too, inside a `with` block."""
    known = {**_scope.get(), **(custom_objects or {})}
    token = _scope.set(known)
    try:
        yield known
    finally:
        _scope.reset(token)


def own_object(name: str) -> Any:
    """The program's own object of this name: from a scope, or registered as `name` or "package>name"; or None."""
    if (found := _scope.get().get(name)) is not None:
        return found
    if name in registered:
        return registered[name]
    return next((own for full, own in registered.items() if full.partition(">")[2] == name), None)


def registered_name(own: object) -> str | None:
    """The "package>name" under which a class or function was registered, if it was."""
    return next((name for name, known in registered.items() if known is own), None)


def function_name(where: str, argument: str, function: Callable[..., Any], taken: Collection[str]) -> str:
    """The name of a function of the program's own: as it was registered, or else its `__name__`.

    Raises:
        ValueError: a function that no name can tell from others: a lambda, or one with a name in `taken`.
    """
    if (registered := registered_name(function)) is not None:
        return registered
    own = getattr(function, "__name__", "")
    if not own.isidentifier() or own in taken:
        raise _check.bad_value(
            where, argument, f"{_check.show(function)} cannot be named in a config; write it as a function with a name "
            "of its own, and register it with densor.utils.register_keras_serializable"
        )  # fmt: skip
    return str(own)


def function_from(
    where: str, argument: str, name: str, custom_objects: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """The function that `function_name` named.

    Raises:
        ValueError: it is neither registered nor in a scope or in `custom_objects`.
    """
    found: Callable[..., Any] | None = (custom_objects or {}).get(name) or own_object(name)
    if found is None:
        raise _check.bad_value(
            where, argument, f"{_check.show(name)} is not a known function; register it with "
            "densor.utils.register_keras_serializable or pass it in custom_objects"
        )  # fmt: skip
    return found


class Registry(Generic[T]):
    """The classes of one kind, found by their names and by string names ("adam"), upper and lower case alike.

    kind: the word for messages ("optimizer"); package: where `get` and `deserialize` live ("optimizers").
    """

    def __init__(self, kind: str, package: str, names: Mapping[str, type[T]]) -> None:
        self.kind = kind
        self.package = package
        self._names = list(names)
        self._classes = {name.lower(): cls for name, cls in names.items()}
        for cls in names.values():
            self._classes[cls.__name__.lower()] = cls
        _registries.append(self)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._classes

    def register(self, cls: type[T]) -> None:
        """Adds a class under its own name."""
        self._names.append(cls.__name__)
        self._classes[cls.__name__.lower()] = cls

    def find(self, name: str, custom_objects: Mapping[str, type[T]] | None = None) -> type[T]:
        """Returns the class called `name`. Raises ValueError that lists the names and the nearest one."""
        if custom_objects and name in custom_objects:
            return custom_objects[name]
        found = self._classes.get(name.lower())
        if found is None and isinstance(own := own_object(name), type):
            return own
        if found is None:
            listed = ", ".join(f"'{known}'" for known in self._names)
            raise _check.bad_value(
                f"{self.package}.get",
                "identifier",
                f"{_check.show(name)} is not a known {self.kind}: {listed}{_check.suggestion(name, self._names)}",
            )
        return found

    def serialize(self, instance: T) -> dict[str, Any]:
        """Returns the configuration of `instance` as plain data."""
        config = {"class_name": type(instance).__name__, "config": instance.get_config()}
        name = registered_name(type(instance))
        return config if name is None else {**config, "registered_name": name}

    def deserialize(
        self, config: Mapping[str, Any], custom_objects: Mapping[str, type[T]] | None = None
    ) -> T:
        """Makes an instance from a configuration. `custom_objects`: further classes by name."""
        where = f"{self.package}.deserialize"
        if not isinstance(config, Mapping):
            raise _check.bad_type(where, "config", f"must be a dict, got {_check.show(config)}")
        name, settings = config.get("class_name"), config.get("config", {})
        if not isinstance(name, str):
            raise _check.bad_value(where, "config", f"'class_name' must be a string, got {_check.show(name)}")
        if not isinstance(settings, Mapping):
            raise _check.bad_value(where, "config", f"'config' must be a dict, got {_check.show(settings)}")
        if unknown := set(config) - _KEYS:
            raise _check.bad_value(where, "config", f"unknown keys {_check.show(sorted(unknown))}")
        own = config.get("registered_name")
        cls: Any = registered[own] if own in registered else self.find(name, custom_objects)
        made: T = cls.from_config(copy.deepcopy(dict(settings)))  # from_config may take its dict apart
        return made

    def own_function(self, identifier: object) -> Any:
        """The program's own function that `identifier` is or names, or None."""
        if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
            identifier = identifier.get("config")  # how Keras writes it
        if isinstance(identifier, str):
            identifier = None if identifier in self else own_object(identifier)
        return identifier if callable(identifier) and not isinstance(identifier, type) else None

    def get(self, identifier: object, base: type[T]) -> T:
        """Returns the instance for a name, a configuration, a class or an instance of `base`."""
        if isinstance(identifier, base):
            return identifier
        if isinstance(identifier, str):
            return self.find(identifier)()
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        if isinstance(identifier, type) and issubclass(identifier, base):
            return identifier()
        raise _check.bad_type(
            f"{self.package}.get",
            "identifier",
            f"must be a name, a configuration or an instance of {base.__name__}, got {_check.show(identifier)} "
            f"({type(identifier).__name__})",
        )


class FunctionRegistry(Registry[T]):
    """A registry of a kind that functions of the program's own may be, too: `wrapper(function)` makes one of them."""

    def __init__(
        self,
        kind: str,
        package: str,
        names: Mapping[str, type[T]],
        base: type[T],
        wrapper: Callable[[Any], T],
    ) -> None:
        super().__init__(kind, package, names)
        self._base = base
        self._wrapper: Any = wrapper  # a subclass of `base`, made of a function

    def choose(self, identifier: object) -> T | None:
        """Returns the instance for a name, a configuration, a class, an instance or a function; None for None."""
        if identifier is None or isinstance(identifier, self._base):
            return identifier
        own = self.own_function(identifier)
        if own is None:
            return self.get(identifier, self._base)
        made: T = self._wrapper(own)
        return made

    def describe(self, instance: T) -> dict[str, Any] | str:
        """Returns the configuration of `instance`, or the name of the function that it wraps."""
        if not isinstance(instance, self._wrapper):
            return self.serialize(instance)
        wrapped: Any = instance
        return function_name(f"{self.package}.serialize", self.kind, wrapped.function, self._names)

    def restore(self, config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None) -> T:
        """Makes the instance that `describe` described."""
        if not isinstance(config, str):
            return self.deserialize(config, custom_objects)
        with custom_objects_scope(custom_objects):
            found = self.choose(config)
        assert found is not None
        return found


def is_known(name: str) -> bool:
    """Whether any registry that was loaded has the class, or the program itself has made it known."""
    return own_object(name) is not None or any(name in registry for registry in _registries)


def find_any(name: str) -> Any:
    """The class of this name, whatever its kind. Raises ValueError where there is none."""
    if (own := own_object(name)) is not None:
        return own
    for registry in _registries:
        if name in registry:
            return registry.find(name)
    raise _check.bad_value("find_any", "name", f"{_check.show(name)} is not a known class")
