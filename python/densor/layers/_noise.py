"""What layers with noise share: the seed, and when the noise is on."""

from __future__ import annotations

from typing import Any

from densor._check import bad_type, bad_value, integer, show
from densor._seeds import next_seed
from densor.graph.trace import scope
from densor.layers.layer import Layer

__all__ = ["NoiseLayer", "checked_noise_shape"]


class NoiseLayer(Layer):
    """A layer whose noise is a function of (seed, layer, step, element): it keeps no state.

    Subclasses check their own arguments before they call `__init__`, which may draw a seed: a refused call draws none.

    Attributes:
        samples: whether Monte Carlo sampling (`Model.predict_mc`) turns the noise on outside training.
    """

    samples = False

    def __init__(self, seed: int | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.seed = (
            None if seed is None else integer(type(self).__name__, "seed", seed, low=0, high=2**64 - 1)
        )
        self._noise_seed = next_seed() if self.seed is None else self.seed

    def noisy(self, training: bool | None) -> bool:
        """Whether a call in this mode makes noise."""
        return bool(training) or (self.samples and scope().sampling)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"seed": self.seed}


def checked_noise_shape(function: str, value: Any) -> tuple[int | None, ...] | None:
    """The argument `noise_shape`: None, or a size for every axis, None where it is the input's.

    Raises:
        TypeError: no list of integers. ValueError: a size below 1.
    """
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise bad_type(function, "noise_shape", f"must be a list of integers or None, got {show(value)}")
    if not value:
        raise bad_value(function, "noise_shape", "must name every axis of the inputs, got none")
    return tuple(None if size is None else integer(function, "noise_shape", size, low=1) for size in value)
