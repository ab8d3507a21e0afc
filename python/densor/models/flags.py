"""Which layers were trainable when `compile` was called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from densor.layers import Layer

__all__ = ["TrainableFlags"]


class TrainableFlags:
    """The `trainable` flags of a model's layers at one moment.

    A model that is not built when it is compiled gets its weights, and its training graph, only with the first
    data; until then these flags stand for what `compile` saw.
    """

    def __init__(self, model: Layer) -> None:
        self._flags: dict[Layer, bool] = {}
        self._take(model)

    def _take(self, layer: Layer) -> None:
        if layer not in self._flags:
            self._flags[layer] = layer.trainable
            for part in layer.sublayers():
                self._take(part)

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Set the layers back to these flags inside a `with` block."""
        now = {layer: layer.trainable for layer in self._flags}
        try:
            self._set(self._flags)
            yield
        finally:
            self._set(now)

    def _set(self, flags: dict[Layer, bool]) -> None:
        for layer, flag in flags.items():  # outer layers come first: their setter reaches what is inside
            if layer.trainable != flag:
                layer.trainable = flag
