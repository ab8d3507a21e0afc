"""The part of a layer that says in which dtypes it computes and keeps its weights."""

from __future__ import annotations

from typing import Any, ClassVar

from densor import config, dtype_policies
from densor.dtype_policies import DTypePolicy
from densor.graph.structure import mapped
from densor.ops.cast import stored_as

__all__ = ["HasPolicy"]


class HasPolicy:
    """What a layer knows of dtypes; `Layer` adds the rest."""

    _policy: DTypePolicy
    built: bool
    name: str
    autocast: ClassVar[bool] = True  # a model leaves the casting to its layers

    def _choose_policy(self, dtype: Any) -> None:
        self._policy = config.usable_dtype_policy(type(self).__name__, "dtype", dtype)

    def _cast_inputs(self, inputs: Any) -> Any:
        """The symbolic inputs in the dtype in which the layer computes."""
        return (
            mapped(lambda tensor: stored_as(tensor, self.compute_dtype), inputs) if self.autocast else inputs
        )

    def _dtypes(self) -> Any:
        """The policy as a configuration has it: mixed ones as Keras writes them, "float32" by its name."""
        return self._policy.name if self._policy.name == "float32" else dtype_policies.serialize(self._policy)

    @property
    def dtype_policy(self) -> DTypePolicy:
        """In which dtypes the layer computes and keeps its weights; to be set before it is built.

        Raises:
            TypeError, ValueError: as the argument `dtype`. RuntimeError: the layer is built.
        """
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        if self.built:
            raise RuntimeError(
                f"dtype_policy: layer {self.name!r} is built, and programs may rely on its dtypes; make a new layer "
                "with the other policy and give it the weights of this one"
            )
        self._choose_policy(value)

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the layer's outputs are stored: "float32" or "bfloat16"."""
        return self._policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights: "float32"."""
        return self._policy.variable_dtype

    @property
    def dtype(self) -> str:
        """The same as `variable_dtype`."""
        return self.variable_dtype
