"""Initializers, as in Keras: objects called with a shape, and their string names."""

from collections.abc import Callable, Mapping
from typing import Any

from densor._registry import Registry, function_name
from densor.initializers.constant import Constant as Constant
from densor.initializers.constant import Ones as Ones
from densor.initializers.constant import Zeros as Zeros
from densor.initializers.glorot import GlorotNormal as GlorotNormal
from densor.initializers.glorot import GlorotUniform as GlorotUniform
from densor.initializers.he import HeNormal as HeNormal
from densor.initializers.he import HeUniform as HeUniform
from densor.initializers.identity import Identity as Identity
from densor.initializers.initializer import Initializer as Initializer
from densor.initializers.lecun import LecunNormal as LecunNormal
from densor.initializers.lecun import LecunUniform as LecunUniform
from densor.initializers.orthogonal import Orthogonal as Orthogonal
from densor.initializers.random_normal import RandomNormal as RandomNormal
from densor.initializers.random_uniform import RandomUniform as RandomUniform
from densor.initializers.truncated_normal import TruncatedNormal as TruncatedNormal
from densor.initializers.variance_scaling import VarianceScaling as VarianceScaling

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "deserialize",
    "get",
    "serialize",
]

_NAMES: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "orthogonal": Orthogonal,
    "identity": Identity,
}

_registry: Registry[Initializer] = Registry(
    "initializer",
    "initializers",
    {
        **_NAMES, "zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform,
        "OrthogonalInitializer": Orthogonal, "IdentityInitializer": Identity,
    },
)  # fmt: skip

# The names that Keras has beside those of the classes: `initializers.he_normal()`.
IdentityInitializer = identity = Identity
OrthogonalInitializer = orthogonal = Orthogonal
constant, ones, zeros = Constant, Ones, Zeros
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling


def get(
    identifier: str | Mapping[str, Any] | Initializer | type[Initializer] | Callable[..., Any] | None,
) -> Callable[..., Any] | None:
    """Returns an initializer for its name, its configuration or itself; None for None.

    Any other callable is returned as it is; it is called as `f(shape, dtype="float32")`. One that was registered, or
    stands in a scope of custom objects, has a name, too. Raises ValueError for an unknown name, with the nearest known
    one, and TypeError for anything else.

    >>> get("he_normal").scale
    2.0
    """
    if identifier is None:
        return None
    if callable(identifier) and not isinstance(identifier, Initializer | type):
        return identifier
    own: Callable[..., Any] | None = _registry.own_function(identifier)
    if own is not None:
        return own
    return _registry.get(identifier, Initializer)


def serialize(initializer: Initializer | Callable[..., Any]) -> dict[str, Any] | str:
    """Returns the configuration of an initializer: `{"class_name": ..., "config": ...}`, plain data; or its name.

    Raises ValueError for a function that no name can tell from others, such as a lambda.
    """
    if isinstance(initializer, Initializer):
        return _registry.serialize(initializer)
    return function_name("initializers.serialize", "initializer", initializer, list(_NAMES))


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[Initializer]] | None = None
) -> Initializer:
    """Makes the initializer that `serialize` described. `custom_objects`: further classes by name."""
    return _registry.deserialize(config, custom_objects)
