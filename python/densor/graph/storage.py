"""Activations that are stored in bfloat16: inside the steps they are float32, so that ops know of one dtype only."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

from densor import _core
from densor.graph.buffers import BFLOAT16, Buffer, View
from densor.graph.lowering import Instruction, Lowering
from densor.graph.variable import Variable

__all__ = ["cast_around_steps"]


def cast_around_steps(lowering: Lowering) -> None:
    """Widen what an instruction reads in bfloat16 to float32, and round what it writes in bfloat16 from float32.

    The float32 copies live as long as their instruction: what lies in memory between two of them is bfloat16. An
    instruction writes the buffers that it is the first to mention, changes those that it mentions twice, and reads
    the others.
    """
    written: set[Buffer] = set()
    # Matrix units round a kernel while they pack it.
    rounds_kernels = lowering.device == "cpu" and _core.cpu_target().startswith("amx")

    def around(instruction: Instruction) -> list[Instruction]:
        stored = {view.buffer: view for view in instruction.views() if view.dtype == BFLOAT16}
        mentions = Counter(view.buffer for view in instruction.views())
        known = written & stored.keys()
        written.update(stored)
        if instruction.op == "cast" or not stored:
            return [instruction]
        wide = {buffer: View.new("wide", _matrix(view.shape)) for buffer, view in stored.items()}
        arguments = {name: _widened(value, wide) for name, value in instruction.arguments.items()}
        before, after = [], []
        for buffer, view in stored.items():
            matrix = view.reshape(*_matrix(view.shape))
            if buffer in known:
                before.append(_cast(wide[buffer], matrix, instruction))
            if buffer not in known or mentions[buffer] > 1:
                after.append(_cast(matrix, wide[buffer], instruction))
        if _multiplies(instruction):
            arguments["bfloat16"] = True
            if not rounds_kernels and arguments.get("dx", wide) is not None:
                rounded, copy = (
                    View.new("kernel", arguments["w"].shape, BFLOAT16),
                    View.new("kernel", arguments["w"].shape),
                )
                before += [_cast(rounded, arguments["w"], instruction), _cast(copy, rounded, instruction)]
                arguments["w"] = copy
        return [*before, replace(instruction, arguments=arguments), *after]

    lowering.rewrite(_slopes_apart)
    lowering.rewrite(around)


def _multiplies(instruction: Instruction) -> bool:
    """Whether it is a dense layer's, whose products are those of bfloat16 numbers."""
    return instruction.op in ("dense_forward", "dense_backward") and isinstance(
        instruction.arguments["w"], Variable
    )


def _slopes_apart(instruction: Instruction) -> list[Instruction]:
    """The derivative of an activation as a step before the products, so that these read what is stored of it."""
    arguments = instruction.arguments
    if instruction.op != "dense_backward" or arguments["dy"].dtype != BFLOAT16 or arguments["dz"] is None:
        return [instruction]
    slope = {name: arguments[name] for name in ("dy", "saved", "activation", "alpha")}
    products = {
        **arguments,
        "dz": None,
        "dy": arguments["dz"],
        "saved": None,
        "activation": "linear",
        "alpha": 0.0,
    }
    return [
        Instruction("activation_backward", {"dx": arguments["dz"], **slope}, instruction.phase),
        replace(instruction, arguments=products),
    ]


def _cast(y: View, x: View | Variable, beside: Instruction) -> Instruction:
    return Instruction("cast", {"y": y, "x": x}, beside.phase)


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    return (math.prod(shape[:-1]), shape[-1])


def _widened(value: Any, wide: dict[Buffer, View]) -> Any:
    """The argument with the float32 copies in the places of what is stored in bfloat16."""
    if isinstance(value, list):
        return [_widened(item, wide) for item in value]
    if isinstance(value, View) and value.dtype == BFLOAT16:
        return wide[value.buffer].reshape(*value.shape)
    return value
