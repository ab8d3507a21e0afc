"""The pass that leaves the gradients of dense layers to the optimizer, which computes them block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from densor import _core
from densor.graph.arena import Arena
from densor.graph.buffers import View
from densor.graph.lowering import GradientOf, Instruction, Lowering, Reshaped
from densor.graph.variable import Variable

__all__ = ["WeightGradient", "take_weight_gradients"]

# With more rows the product takes so long that writing the gradient once hardly counts.
_MOST_ROWS = 256


class ClippingLike(Protocol):
    """What tells whether an optimizer needs whole gradients."""

    rule: str
    clipnorm: float | None
    global_clipnorm: float | None
    gradient_accumulation_steps: int | None


@dataclass(frozen=True)
class WeightGradient:
    """The gradient `x^T dz` of a dense layer's kernel; without x that of its bias, the column sums of dz."""

    variable: Variable
    x: View | None
    dz: View


def take_weight_gradients(lowering: Lowering, optimizer: ClippingLike, arena: Arena) -> list[WeightGradient]:
    """Take the gradients that only the optimizer reads out of `dense_backward` and return what they are made of.

    None where the optimizer needs norms, sums or masks of whole gradients, where the batch is large, and on a
    device, whose products are stored.
    """
    if (
        optimizer.clipnorm is not None
        or optimizer.global_clipnorm is not None
        or optimizer.gradient_accumulation_steps is not None
        or arena.mask is not None
        or lowering.repeats > 1
        or _core.optimizer_needs_norms(optimizer.rule)
        or _core.device_of(arena.parameters) != "cpu"
    ):
        return []
    uses: dict[Variable, int] = {}
    for instruction in lowering.instructions:
        for value in _values(instruction):
            if value is arena.gradients:
                return []
            if isinstance(value, GradientOf):
                uses[value.variable] = uses.get(value.variable, 0) + 1
    taken: list[WeightGradient] = []
    kept: list[Instruction] = []
    for instruction in lowering.instructions:
        rest: Instruction | None = instruction
        if instruction.op == "dense_backward":
            rest = _take(instruction, uses, taken)
        if rest is not None:
            kept.append(rest)
    lowering.instructions[:] = kept
    return taken


def _values(instruction: Instruction) -> Iterator[Any]:
    for argument in instruction.arguments.values():
        for value in argument if isinstance(argument, list) else [argument]:
            yield value.value if isinstance(value, Reshaped) else value


def _take(
    instruction: Instruction, uses: dict[Variable, int], taken: list[WeightGradient]
) -> Instruction | None:
    """The instruction without the gradients that it need not compute; None if nothing is left of it."""
    arguments = dict(instruction.arguments)
    dz = arguments["dz"] or arguments["dy"]
    if dz.shape[0] > _MOST_ROWS:
        return instruction
    for name, x in (("dw", arguments["x"]), ("dbias", None)):
        gradient = arguments[name]
        if isinstance(gradient, GradientOf) and uses[gradient.variable] == 1:
            taken.append(WeightGradient(gradient.variable, x, dz))
            arguments[name] = None
    if all(arguments[name] is None for name in ("dx", "dw", "dbias", "dz")):
        return None
    return replace(instruction, arguments=arguments)
