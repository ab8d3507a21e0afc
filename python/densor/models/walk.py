"""The layer calls between the inputs and the outputs of a functional model, in Keras' order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from densor._check import bad_value
from densor.graph import Call, Tensor
from densor.graph.structure import flat
from densor.layers import InputLayer, Layer
from densor.layers.operation import Operation

__all__ = ["Walk"]


class Walk:
    """What a walk from the outputs back to the inputs finds.

    Args:
        entrances: the call of the InputLayer that stands for each input.
        outputs: where the walk begins.

    Attributes:
        calls: those between, in an order in which they can run.
        layers: theirs and the entrances', by the longest way to an output, then as the walk met them.

    Raises:
        ValueError: an output that does not come from the inputs.
    """

    def __init__(self, entrances: Mapping[Tensor, Call], outputs: Sequence[Tensor]) -> None:
        self._entrances = entrances
        self._met: dict[Layer, int] = {}
        calls = self._between(outputs)
        depth_of_call, depth_of_layer = self._depths(calls)
        inside = [call for call in calls if call.layer is not None and call not in entrances.values()]
        self.calls = sorted(inside, key=lambda call: -depth_of_call[call])
        self.layers = sorted(depth_of_layer, key=lambda layer: (-depth_of_layer[layer], self._met[layer]))
        unused = [call.layer for call in entrances.values() if call.layer not in depth_of_layer]
        self.layers += unused

    def _maker(self, tensor: Tensor) -> Call | None:
        """The call that computed the tensor; a function of `densor.ops` outside layers becomes one here."""
        if tensor in self._entrances:
            return self._entrances[tensor]
        if tensor.call is None and tensor.written is not None:
            outputs = tensor.written.outputs
            layer, inputs = Operation.of(tensor.written)
            layer.build_for([item.shape for item in inputs])
            call = Call(layer, inputs, outputs)
            for item in flat(outputs):
                item.call = call
        return tensor.call

    def _between(self, outputs: Sequence[Tensor]) -> list[Call]:
        """Depth first with its own stack: models may be deeper than Python's."""
        finished: dict[Call, None] = {}
        stack = [(tensor, False) for tensor in reversed(outputs)]
        while stack:
            tensor, done = stack.pop()
            call = self._maker(tensor)
            if call is None or (isinstance(call.layer, InputLayer) and tensor not in self._entrances):
                what = (
                    "does not come from 'inputs'"
                    if call or tensor.node is None
                    else "was made outside any layer"
                )
                raise bad_value("Model", "outputs", f"the graph is not connected: {tensor!r} {what}")
            if done:
                finished.setdefault(call)
            elif call not in finished:
                self._met.setdefault(call.layer, len(self._met))
                stack.append((tensor, True))
                stack.extend((item, False) for item in reversed(flat(call.inputs)))
        return list(finished)

    def _depths(self, calls: Sequence[Call]) -> tuple[dict[Call, int], dict[Layer, int]]:
        """The longest way from each call and layer to an output."""
        of_call: dict[Call, int] = dict.fromkeys(calls, 0)
        of_layer: dict[Layer, int] = {}
        for call in reversed(calls):
            depth = max(of_call[call], of_layer.get(call.layer, 0))
            of_call[call] = of_layer[call.layer] = depth
            for tensor in flat(call.inputs):
                before = self._maker(tensor)
                if before is not None and before in of_call:
                    of_call[before] = max(depth + 1, of_call[before])
        return of_call, of_layer
