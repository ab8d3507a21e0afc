"""Policies of mixed precision: in which dtype a layer computes, and in which it keeps its weights."""

from collections.abc import Mapping
from typing import Any

from densor import _check, _registry

__all__ = ["DTypePolicy", "deserialize", "get", "serialize"]

_COMPUTE_DTYPES = {"float32": "float32", "mixed_bfloat16": "bfloat16"}

_default = "float32"


class DTypePolicy:
    """In which dtype a layer computes, and in which it keeps its weights.

    Under "mixed_bfloat16" the outputs of layers, and the gradients of these, are stored in bfloat16: the upper half of
    a float32, 2 bytes with 8 significant bits. Matrix products multiply bfloat16 numbers, kernels rounded for the
    purpose, and add in float32; what happens inside an operation, weights and their gradients, statistics of batch
    normalization, optimizers, losses and metrics are float32. See `densor.config.set_dtype_policy`.

    Args:
        name: "float32" or "mixed_bfloat16"; default: the global policy.

    Attributes:
        name: as given. compute_dtype: "float32" or "bfloat16". variable_dtype: "float32".

    Raises:
        TypeError: not a string. ValueError: another name.

    Source: Keras 3 `DTypePolicy`; Micikevicius et al., "Mixed Precision Training", 2018; Kalamkar et al., "A Study of
    BFLOAT16 for Deep Learning Training", 2019.

    Example:
        >>> from densor import DTypePolicy
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = _default if name is None else _check.choice("DTypePolicy", "name", name, _COMPUTE_DTYPES)
        self.compute_dtype = _COMPUTE_DTYPES[self.name]
        self.variable_dtype = "float32"

    def get_config(self) -> dict[str, Any]:
        """Returns `{"name": name}`."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DTypePolicy":
        """Returns the policy of a `get_config`."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


_registry_of_policies = _registry.Registry("dtype policy", "dtype_policies", {"DTypePolicy": DTypePolicy})


def get(identifier: Any) -> DTypePolicy:
    """Returns the policy for a name, a configuration or a policy; the global one for None.

    Raises:
        TypeError, ValueError: another policy, or no policy at all.

    Example:
        >>> from densor import dtype_policies
        >>> dtype_policies.get("float32")
        <DTypePolicy "float32">
    """
    if identifier is None or isinstance(identifier, str):
        return DTypePolicy(identifier)
    if isinstance(identifier, Mapping):
        return _registry_of_policies.deserialize(identifier)
    if isinstance(identifier, DTypePolicy):
        return identifier
    raise _check.bad_type(
        "dtype_policies.get",
        "identifier",
        f"must be a name, a configuration or a DTypePolicy, got {_check.show(identifier)}",
    )


def serialize(policy: DTypePolicy) -> dict[str, Any]:
    """Returns the configuration of a policy."""
    return _registry_of_policies.serialize(policy)


def deserialize(config: Mapping[str, Any]) -> DTypePolicy:
    """Returns the policy of a configuration; raises as `get`."""
    return _registry_of_policies.deserialize(config)


def set_default(policy: DTypePolicy) -> None:
    """Makes `policy` the global one. `densor.config.set_dtype_policy` checks first whether it runs well here."""
    global _default
    _default = policy.name
