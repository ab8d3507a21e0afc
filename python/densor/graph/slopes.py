"""The derivatives of activation and dropout, applied by the product that makes the gradient they multiply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from densor.graph.buffers import BFLOAT16, Buffer, View
from densor.graph.lowering import Instruction, Lowering
from densor.graph.storage import bfloat16_operands

__all__ = ["fuse_slopes"]

# The steps that store a gradient of bfloat16 numbers when it has been multiplied by a derivative.
_ROUND_BEHIND_SLOPE = ("activation_backward", "dense_backward")

# The steps that begin with a product by the derivative of their own activation, and what is left of them without.
_BEGIN_WITH_SLOPE = {
    "dense_backward": {"dz": None, "saved": None, "activation": "linear", "alpha": 0.0},
    "batch_norm_backward": {"y": None, "activation": "linear", "alpha": 0.0},
    "batch_norm_inference_backward": {"y": None, "activation": "linear", "alpha": 0.0},
}


def fuse_slopes(lowering: Lowering) -> None:
    """Let `dense_backward` multiply dx by the derivatives of the dropout and the activation below it, in this order.

    So the layer below gets its dz. Only where nobody else adds to the gradient, or reads it before it has all its
    factors, and where it is stored in float32, or the product writes bfloat16 numbers: the bits are those of steps of
    their own. On a CPU only the derivative of relu: it is applied in registers, the others would be a pass as before,
    over what lies no nearer.
    """
    pass_ = _Fusion(lowering)
    for index, instruction in enumerate(lowering.instructions):
        if instruction.op == "dense_backward" and instruction.arguments["dx"] is not None:
            pass_.extend(index)
    replaced = iter(pass_.instructions)
    lowering.rewrite(lambda _: [item] if (item := next(replaced)) is not None else [])


@dataclass(frozen=True)
class _Slope:
    """What a step multiplies `dy` by: the arguments of `dense_backward` for that, and what is left of the step."""

    below: dict[str, Any]
    result: View  # the product
    rest: Instruction | None
    last: bool  # the derivative of an activation, behind which the product takes nothing more


class _Fusion:
    def __init__(self, lowering: Lowering) -> None:
        self.device = lowering.device
        self.instructions: list[Instruction | None] = list(lowering.instructions)
        self.mentions: dict[Buffer, list[int]] = {}
        for index, instruction in enumerate(lowering.instructions):
            for view in instruction.views():
                self.mentions.setdefault(view.buffer, []).append(index)

    def extend(self, index: int) -> None:
        """Let the product at `index` take over what only its own gradient is multiplied by, as far as that goes."""
        product = self.instructions[index]
        assert product is not None
        below: dict[str, Any] = {}
        shape, gradient, last = product.arguments["dx"].shape, product.arguments["dx"], False
        if gradient.dtype == BFLOAT16 and "dx" not in bfloat16_operands(product, self.device):
            return
        while not last:
            readers = [reader for reader in self.mentions[gradient.buffer] if reader != index]
            slope = self._slope(readers[0], gradient, shape, below) if len(set(readers)) == 1 else None
            if slope is None:
                break
            below |= slope.below
            last = slope.last
            self.instructions[readers[0]] = slope.rest
            if slope.rest is None:
                self._move(readers[0], index)
            gradient = slope.result
        if below:
            arguments = {**product.arguments, "dx": gradient.reshape(*shape), **below}
            self.instructions[index] = replace(product, arguments=arguments)

    def _move(self, index: int, to: int) -> None:
        """What the instruction at `index` mentioned is mentioned by another from now on."""
        for mentions in self.mentions.values():
            mentions[:] = [to if mention == index else mention for mention in mentions]

    def _slope(
        self, reader: int, gradient: View, shape: tuple[int, ...], below: dict[str, Any]
    ) -> _Slope | None:
        """What the instruction does with the gradient, if the product can do it."""
        instruction = self.instructions[reader]
        if instruction is None:
            return None
        arguments = instruction.arguments
        dy = arguments.get("dy")
        if not isinstance(dy, View) or dy.buffer is not gradient.buffer or not _stored_alike(instruction):
            return None
        # What normalization multiplies by in float32 would be rounded before it.
        exact = gradient.dtype != BFLOAT16 or instruction.op in _ROUND_BEHIND_SLOPE
        taken = (self.device != "cpu" and exact) or arguments.get("activation") == "relu"
        if instruction.op == "dropout_backward" and not below and dy.shape == shape:
            factor = {
                "below_mask": arguments["mask"],
                "below_rate": arguments["rate"],
                "below_kind": arguments["kind"],
            }
            return _Slope(factor, arguments["dx"], None, last=False)
        if instruction.op == "activation_backward" and taken:
            return _Slope(_factor(arguments, arguments["saved"], shape), arguments["dx"], None, last=True)
        if instruction.op in _BEGIN_WITH_SLOPE and arguments["activation"] != "linear" and taken:
            saved = arguments["saved"] if "saved" in arguments else arguments["y"]
            if saved is None:
                return None
            rest = replace(instruction, arguments={**arguments, **_BEGIN_WITH_SLOPE[instruction.op]})
            return _Slope(_factor(arguments, saved, shape), dy, rest, last=True)
        return None


def _stored_alike(instruction: Instruction) -> bool:
    """Whether what a derivative is multiplied with, computed from and stored to has one dtype."""
    arguments = instruction.arguments
    names = ("dx", "saved", "y") if instruction.op not in _BEGIN_WITH_SLOPE else ("saved", "y")
    views = [view for name in names if isinstance(view := arguments.get(name), View)]
    return all(view.dtype == arguments["dy"].dtype for view in views)


def _factor(arguments: dict[str, Any], saved: View, shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "below_saved": saved.reshape(*shape),
        "below_activation": arguments["activation"],
        "below_alpha": arguments["alpha"],
    }
