"""Gradients of dense layers by what they are made of: left to the optimizer, or known to be finite without a look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from densor import _core
from densor.graph.arena import Arena
from densor.graph.buffers import BFLOAT16, View
from densor.graph.lowering import GradientOf, Instruction, Lowering
from densor.graph.variable import Variable

__all__ = ["WeightGradient", "known_by_operands", "take_weight_gradients"]

# With more rows the product takes so long that writing the gradient once hardly counts; and products of bfloat16
# numbers, rounded here, are fast.
_MOST_ROWS = 256

# Where its norm is needed first, it comes from the pairs of rows, in time rows^2 (inputs + units): it pays where that
# is less than so much an element of the gradient, which is written and read twice otherwise.
_NORM_WORK = 4


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

    None where the optimizer needs sums or masks of whole gradients, where the batch is large, or so large that norms
    are cheaper to take from stored gradients, and on a device, whose products are stored.
    """
    if (
        optimizer.gradient_accumulation_steps is not None
        or arena.mask is not None
        or lowering.repeats > 1
        or _core.optimizer_needs_norms(optimizer.rule)
        or lowering.device != "cpu"
    ):
        return []
    if any(value is arena.gradients for item in lowering.instructions for value in item.values()):
        return []
    uses = _uses(lowering)
    norms = optimizer.clipnorm is not None or optimizer.global_clipnorm is not None
    taken: list[WeightGradient] = []
    kept: list[Instruction] = []
    for instruction in lowering.instructions:
        rest: Instruction | None = instruction
        if instruction.op == "dense_backward":
            rest = _take(instruction, uses, taken, norms)
        if rest is not None:
            kept.append(rest)
    lowering.instructions[:] = kept
    return taken


def known_by_operands(lowering: Lowering) -> list[WeightGradient]:
    """The stored gradients of dense layers that are larger than what they are made of, which is then less to read.

    None on a device: reading is not what a look costs there.
    """
    if lowering.device != "cpu":
        return []
    uses = _uses(lowering)
    known: list[WeightGradient] = []
    for instruction in lowering.instructions:
        if instruction.op != "dense_backward":
            continue
        arguments = instruction.arguments
        x, dz = arguments["x"], arguments["dz"] or arguments["dy"]
        made = [
            WeightGradient(gradient.variable, operand, dz)
            for name, operand in (("dw", x), ("dbias", None))
            if isinstance(gradient := arguments[name], GradientOf) and uses[gradient.variable] == 1
        ]
        if dz.dtype != BFLOAT16 and sum(gradient.variable.size for gradient in made) > x.size + dz.size:
            known += made
    return known


def _uses(lowering: Lowering) -> dict[Variable, int]:
    """In how many places each variable's gradient is written or read."""
    uses: dict[Variable, int] = {}
    for instruction in lowering.instructions:
        for value in instruction.values():
            if isinstance(value, GradientOf):
                uses[value.variable] = uses.get(value.variable, 0) + 1
    return uses


def _take(
    instruction: Instruction, uses: dict[Variable, int], taken: list[WeightGradient], norms: bool
) -> Instruction | None:
    """The instruction without the gradients that it need not compute; None if nothing is left of it."""
    arguments = dict(instruction.arguments)
    dz = arguments["dz"] or arguments["dy"]
    rows, units = dz.shape
    inputs = arguments["x"].shape[1]
    if (
        dz.dtype == BFLOAT16
        or rows > _MOST_ROWS
        or (norms and rows * rows * (inputs + units) > _NORM_WORK * inputs * units)
    ):
        return instruction
    for name, x in (("dw", arguments["x"]), ("dbias", None)):
        gradient = arguments[name]
        if isinstance(gradient, GradientOf) and uses[gradient.variable] == 1:
            taken.append(WeightGradient(gradient.variable, x, dz))
            arguments[name] = None
    if all(arguments[name] is None for name in ("dx", "dw", "dbias", "dz")):
        return None
    return replace(instruction, arguments=arguments)
