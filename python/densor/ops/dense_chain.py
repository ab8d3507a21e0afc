"""Dense layers that follow one another, with dropout between them, as one kernel of a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from densor import _core
from densor.graph import Lowering, Node
from densor.graph.buffers import View
from densor.ops.dropout import DropoutNode, mask_words

if TYPE_CHECKING:
    from densor.ops.dense import DenseNode

__all__ = ["DenseChainNode"]


class DenseChainNode(Node):
    """y = the layers of `run` one after the other. Saves what backward reads: each layer's output, masks.

    Where its derivative needs it, a layer saves its input x w + b, too; of a program without gradients only the last
    output is written. The layers below the first one that learns save nothing.
    """

    stem = "dense_chain"

    def __init__(self, run: Sequence[Node]) -> None:
        # Made by a pass, after the trace, for an output that is there already.
        self.layers = cast("list[DenseNode]", [node for node in run if node.link() == "layer"])
        noises = {node.inputs[0]: node for node in run if isinstance(node, DropoutNode)}
        self.dropouts = [noises.get(layer.output) for layer in self.layers]
        self.inputs = run[0].inputs
        self.variables = tuple(dict.fromkeys(variable for node in run for variable in node.variables))
        self.output = run[-1].output

    def forward(self, lowering: Lowering) -> None:
        first = self._first(lowering)
        y: list[View | None] = []
        z: list[View | None] = []
        for i, layer in enumerate(self.layers):
            shape = lowering.shape(layer.output)
            last = layer is self.layers[-1]
            y.append(lowering.save(self, f"y{i}", shape) if i >= first - 1 and not last else None)
            z.append(lowering.save(self, f"z{i}", shape) if i >= first and _saves_input(layer) else None)
        y[-1] = lowering.result(self.output)
        lowering.emit(
            "dense_chain_forward",
            y=y,
            z=z,
            mask=[self._mask(lowering, i) for i in range(len(self.layers))],
            x=lowering.value(self.inputs[0]),
            w=[layer.w for layer in self.layers],
            bias=[layer.bias for layer in self.layers],
            **self._constants(),
            seed=[0 if noise is None else noise.seed for noise in self.dropouts],
            stream=[0 if noise is None else lowering.stream(noise) for noise in self.dropouts],
        )

    def backward(self, lowering: Lowering) -> None:
        first, count = self._first(lowering), len(self.layers)
        dx = lowering.contribution(self.inputs[0])
        gradients = [
            (lowering.variable_gradient(layer.bias), lowering.variable_gradient(layer.w))
            for layer in reversed(self.layers)
        ][::-1]
        y = [lowering.saved(self, f"y{i}") if first - 1 <= i < count - 1 else None for i in range(count)]
        if self.layers[-1].name != "linear" and not _saves_input(self.layers[-1]):
            y[-1] = lowering.value(self.output)
        lowering.emit(
            "dense_chain_backward",
            dx=dx,
            dw=[dw for _, dw in gradients],
            dbias=[dbias for dbias, _ in gradients],
            dy=lowering.gradient(self.output),
            x=lowering.value(self.inputs[0]),
            w=[layer.w for layer in self.layers],
            y=y,
            z=[
                lowering.saved(self, f"z{i}") if i >= first and _saves_input(layer) else None
                for i, layer in enumerate(self.layers)
            ],
            mask=[
                None if noise is None else lowering.saved(self, f"mask{i}")
                for i, noise in enumerate(self.dropouts)
            ],
            **self._constants(),
        )

    def _first(self, lowering: Lowering) -> int:
        """The first layer that the way back comes to; behind the last one, where there is none."""
        if not lowering.wants(self.output):
            return len(self.layers) + 1
        if lowering.wants(self.inputs[0]):
            return 0
        return next(i for i, layer in enumerate(self.layers) if any(map(lowering.trains, layer.variables)))

    def _mask(self, lowering: Lowering, i: int) -> View | None:
        if self.dropouts[i] is None:
            return None
        rows, units = lowering.shape(self.layers[i].output)
        return lowering.save(self, f"mask{i}", (rows, mask_words(units)), np.uint16)

    def _constants(self) -> dict[str, list[Any]]:
        return {
            "activation": [layer.name for layer in self.layers],
            "alpha": [layer.alpha for layer in self.layers],
            "rate": [0.0 if noise is None else noise.rate for noise in self.dropouts],
            "kind": ["inverted" if noise is None else noise.kind for noise in self.dropouts],
        }


def _saves_input(layer: DenseNode) -> bool:
    return bool(_core.activation_saves(layer.name) == "input")
