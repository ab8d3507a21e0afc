"""A wrapper that keeps the spectral norm of a layer's kernel at 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from densor import ops
from densor._check import bad_type, bad_value, positive_int, show
from densor.graph import Tensor, Variable
from densor.initializers import TruncatedNormal
from densor.layers._registry import deserialize, register, serialize
from densor.layers.layer import Layer

__all__ = ["SpectralNormalization"]


@register
class SpectralNormalization(Layer):
    """Divides the kernel of a layer by its largest singular value before every training step.

    The value is found by power iteration that goes on from step to step. Inference uses the kernel as it is.

    Args:
        layer: the layer, which has a `kernel` (rows, columns), such as `Dense`.
        power_iterations: per step, >= 1.
        name, trainable, dtype, input_shape: as for `Layer`.

    Weights: those of the layer, and `vector_u` (1, columns), not trainable.

    Raises:
        TypeError, ValueError: not a layer, one without kernel, or an argument out of range.

    Source: Miyato et al. 2018, as Keras 3.

    Example:
        >>> import numpy as np
        >>> from densor import layers
        >>> layer = layers.SpectralNormalization(layers.Dense(3), power_iterations=50)
        >>> y = layer(np.ones((2, 4)), training=True)
        >>> round(float(np.linalg.norm(layer.layer.kernel.numpy(), 2)), 4)
        1.0
    """

    vector_u: Variable

    def __init__(self, layer: Layer, power_iterations: int = 1, **keywords: Any) -> None:
        super().__init__(**keywords)
        function = type(self).__name__
        if not isinstance(layer, Layer):
            raise bad_type(function, "layer", f"must be a layer, got {show(layer)}")
        self.layer = layer
        self.power_iterations = positive_int(function, "power_iterations", power_iterations)

    def build(self, input_shape: Any) -> None:
        self.layer.build_for(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        if not isinstance(kernel, Variable) or len(kernel.shape) != 2:
            raise bad_value(
                type(self).__name__, "layer", f"{type(self.layer).__name__} has no kernel (rows, columns)"
            )
        self.vector_u = self.add_weight(
            (1, kernel.shape[1]), TruncatedNormal(stddev=0.02), trainable=False, name="vector_u"
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Any:
        kernel: Any = getattr(self.layer, "kernel")  # noqa: B009 - whatever layer has one
        if training and self.trainable:
            inputs = ops.spectral_normalized(inputs, kernel, self.vector_u, self.power_iterations)
        return self.layer(inputs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "layer": serialize(self.layer),
            "power_iterations": self.power_iterations,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SpectralNormalization:
        """A new layer with the arguments of `get_config`; the wrapped layer may be a config."""
        settings = dict(config)
        if isinstance(settings.get("layer"), Mapping):
            settings["layer"] = deserialize(settings["layer"])
        return cls(**settings)
