"""Weights that stay as they are for many batches are packed for the matrix units once, not in every product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from densor import _core
from densor.graph.buffers import View
from densor.graph.lowering import Instruction, Lowering, Reshaped
from densor.graph.variable import Variable

__all__ = ["pack_weights_once"]

# Which arguments of which instructions are only read. What else mentions a variable may change it.
_READ = {("dense_forward", "w"), ("dense_backward", "w"), ("penalty", "xs")}


def pack_weights_once(lowering: Lowering) -> None:
    """Pack the kernels that no instruction changes when a run begins, where products on matrix units read them.

    These are all kernels of a program that does not train, and the frozen ones of a program that does. Whoever changes
    them from outside does so between two runs. A kernel that the optimizer changes is packed by its products, into the
    cache: a copy that outlives them is written to memory and read again, which takes about the time that it saves.
    """
    changed = _changed(lowering)
    kernels: dict[Variable, dict[str, View]] = {}
    terms_of: dict[Variable, int] = {}
    for index, instruction in enumerate(lowering.instructions):
        variable = instruction.arguments.get("w")
        if not isinstance(variable, Variable) or variable in changed:
            continue
        terms = _terms(instruction)
        if terms == 0 or terms_of.setdefault(variable, terms) != terms:
            continue
        forms = kernels.setdefault(variable, {})
        form = instruction.op.removeprefix("dense_")
        if form not in forms:
            inputs, units = variable.shape
            size = _core.dense_packed_bytes(inputs, units, terms)
            forms[form] = View.new("packed", (size,), np.uint8)
            forms[form].buffer.mention(0)  # it lives from the beginning
        arguments = instruction.arguments | {"packed": forms[form]}
        lowering.instructions[index] = replace(instruction, arguments=arguments)
    lowering.instructions += [
        Instruction(
            "dense_pack",
            {
                "forward": forms.get("forward"),
                "backward": forms.get("backward"),
                "w": variable,
                "terms": terms_of[variable],
            },
            "begin",
        )
        for variable, forms in kernels.items()
    ]


def _terms(instruction: Instruction) -> int:
    """The bfloat16 terms of a weight that a dense layer's product reads; 0 for any other instruction."""
    arguments, op = instruction.arguments, instruction.op
    if op not in ("dense_forward", "dense_backward") or arguments.get("dx", arguments) is None:
        return 0
    inputs, units = arguments["w"].shape
    return _core.dense_terms(
        arguments["x"].shape[0],
        inputs,
        units,
        backward=op == "dense_backward",
        training=arguments.get("training", False),
        bfloat16=arguments.get("bfloat16", False),
    )


def _changed(lowering: Lowering) -> set[Variable]:
    """The variables that a batch may change."""
    changed = {variable for item in lowering.instructions for variable in _touched(item)}
    trains = any(item.op == "optimizer" for item in lowering.instructions)
    return changed.union(lowering.arena.variables if trains and lowering.arena is not None else ())


def _touched(instruction: Instruction) -> Iterator[Variable]:
    """The variables among arguments that are not known to be only read."""
    for name, argument in instruction.arguments.items():
        if (instruction.op, name) in _READ:
            continue
        for item in argument if isinstance(argument, list) else [argument]:
            value = item.value if isinstance(item, Reshaped) else item
            if isinstance(value, Variable):
                yield value
