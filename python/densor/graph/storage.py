"""Activations that are stored in bfloat16: steps compute in float32, and few ops know of another dtype."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

from densor import _core
from densor.graph.buffers import BFLOAT16, Buffer, View
from densor.graph.lowering import Instruction, Lowering, Reshaped, seen_as
from densor.graph.variable import Variable

__all__ = ["ALL_OR_NONE", "bfloat16_operands", "cast_around_steps", "multiplies_bfloat16"]


# What these steps take where all of it that is there is bfloat16.
ALL_OR_NONE = {
    "activation_forward": ("y", "x"),
    "activation_backward": ("dx", "dy", "saved"),
    "add": ("y", "a", "b"),
    "batch_norm_forward": ("y", "x"),
    "batch_norm_inference": ("y", "x"),
    "batch_norm_backward": ("dx", "dy", "x", "y"),
    "batch_norm_inference_backward": ("dx", "dy", "x", "y"),
    "dropout_forward": ("y", "x"),
    "dropout_spread": ("y", "x"),
    "dropout_backward": ("dx", "dy"),
    "layer_norm_forward": ("y", "x"),
    "layer_norm_backward": ("dx", "dy", "x"),
    "softmax_forward": ("y", "x"),
    "softmax_backward": ("dx", "dy", "y"),
}
# On a CPU, as long as so many rows of some columns stay in a cache: of more it waits longer for narrow columns than
# casts take.
_CACHED_ROWS = {"batch_norm_backward": 512}


def cast_around_steps(lowering: Lowering) -> None:
    """Widen what an instruction reads in bfloat16 to float32, and round what it writes in bfloat16 from float32.

    The float32 copies live as long as their instruction: what lies in memory between two of them is bfloat16. An
    instruction writes the buffers that it is the first to mention, changes those that it mentions twice, and reads the
    others. As they are they are read and written by normalization, dropout, activations, softmax, sums and formulas,
    and by the products of dense layers: on a GPU where it multiplies bfloat16 numbers, kernels rounded once a batch, on
    a CPU with matrix units.
    """
    written: set[Buffer] = set()
    # Matrix units round a kernel while they pack it.
    rounds_kernels = lowering.device == "cpu" and _core.cpu_reads_halves()
    kernels: dict[Variable, View] = {}  # rounded, as long as nobody changes them

    def around(instruction: Instruction) -> list[Instruction]:
        stored = {view.buffer: view for view in instruction.views() if view.dtype == BFLOAT16}
        mentions = Counter(view.buffer for view in instruction.views())
        known = written & stored.keys()
        written.update(stored)
        multiplies = multiplies_bfloat16(instruction)
        if not multiplies:
            for value in instruction.values():
                if isinstance(value, Variable):
                    kernels.pop(value, None)
        if instruction.op == "cast" or not stored:
            return [instruction]
        as_stored = bfloat16_operands(instruction, lowering.device)
        taken = replace(instruction, arguments={name: instruction.arguments[name] for name in as_stored})
        kept = {view.buffer for view in taken.views()}
        stored = {buffer: view for buffer, view in stored.items() if buffer not in kept}
        wide = {buffer: View.new("wide", _matrix(view.shape)) for buffer, view in stored.items()}
        arguments = {name: _widened(value, wide) for name, value in instruction.arguments.items()}
        before, after = [], []
        for buffer, view in stored.items():
            matrix = view.reshape(*_matrix(view.shape))
            if buffer in known:
                before.append(_cast(wide[buffer], matrix, instruction))
            if buffer not in known or mentions[buffer] > 1:
                after.append(_cast(matrix, wide[buffer], instruction))
        if multiplies:
            arguments["bfloat16"] = True
        if multiplies and not rounds_kernels:
            if as_stored:
                before += _rounded_once(arguments, kernels, instruction)
            elif arguments.get("dx", wide) is not None:
                rounded, copy = (
                    View.new("kernel", arguments["w"].shape, BFLOAT16),
                    View.new("kernel", arguments["w"].shape),
                )
                # As one row: each worker reads the whole copy, whose rows or columns may be as many as those that a
                # product takes for its worker's own (Step::reads_rows), and then no barrier would stand between.
                before += [
                    _cast(_row(rounded), _row(arguments["w"]), instruction),
                    _cast(_row(copy), _row(rounded), instruction),
                ]
                arguments["w"] = copy
        return [*before, replace(instruction, arguments=arguments), *after]

    lowering.rewrite(_slopes_apart)
    lowering.rewrite(around)


def multiplies_bfloat16(instruction: Instruction) -> bool:
    """Whether it is a dense layer's that reads or writes bfloat16: its products are those of rounded numbers."""
    return (
        instruction.op in ("dense_forward", "dense_backward")
        and isinstance(instruction.arguments["w"], Variable)
        and any(view.dtype == BFLOAT16 for view in instruction.views())
    )


def bfloat16_operands(instruction: Instruction, device: str) -> tuple[str, ...]:
    """The arguments that it takes as they are stored, in bfloat16, where it runs; none where it cannot.

    A product reads two arrays of bfloat16 or none (on a CPU beside a kernel in float32). A formula
    takes each of its arrays in either dtype. The others take all of theirs so, or none: casts stand around one whose
    arrays are of both. A CPU rounds data row by row while it gathers them.
    """
    arguments, on_cpu = instruction.arguments, device == "cpu"
    if instruction.op in ALL_OR_NONE:
        names = tuple(name for name in ALL_OR_NONE[instruction.op] if arguments.get(name) is not None)
        if on_cpu and _matrix(arguments[names[-1]].shape)[0] > _CACHED_ROWS.get(instruction.op, math.inf):
            return ()
        return names if all(arguments[name].dtype == BFLOAT16 for name in names) else ()
    if instruction.op == "expression":  # each array in its own dtype
        return ("outputs", "operands")
    if instruction.op == "gather":
        return ("out",) if on_cpu and arguments["out"].dtype == BFLOAT16 else ()
    reads = _core.cpu_reads_halves() if on_cpu else _core.device_reads_halves()
    if not (multiplies_bfloat16(instruction) and reads):
        return ()
    needed: tuple[str, ...]
    possible: tuple[str, ...]
    if instruction.op == "dense_forward":
        needed, possible = ("x",), ("y", "z")
    else:
        needed, possible = ("x", "dy"), ("dx", "below_saved")
    if any(arguments[name].dtype != BFLOAT16 for name in needed):
        return ()
    if on_cpu and not _rounds_result(instruction):
        possible = ()
    views = {name: view for name in possible if (view := arguments.get(name)) is not None}
    return (*needed, *(name for name, view in views.items() if view.dtype == BFLOAT16))


def _rounds_result(product: Instruction) -> bool:
    """Whether a CPU rounds what this product makes before it stores it: it does so in one pass."""
    inputs, units = product.arguments["w"].shape
    return _core.cpu_writes_halves(units if product.op == "dense_backward" else inputs)


def _rounded_once(
    arguments: dict[str, Any], kernels: dict[Variable, View], beside: Instruction
) -> list[Instruction]:
    """Put the rounded kernel in the place of the argument `w`; the cast, where no instruction before has it."""
    kernel: Variable = arguments["w"]
    made: list[Instruction] = []
    if kernel not in kernels:
        kernels[kernel] = View.new("kernel", kernel.shape, BFLOAT16)
        made.append(_cast(kernels[kernel], kernel, beside))
    arguments["w"] = kernels[kernel]
    return made


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


def _row(value: View | Variable) -> View | Reshaped:
    return seen_as(value, 1, value.size)


def _cast(y: View | Reshaped, x: View | Variable | Reshaped, beside: Instruction) -> Instruction:
    return Instruction("cast", {"y": y, "x": x}, beside.phase)


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    return (math.prod(shape[:-1]), shape[-1])


def _widened(value: Any, wide: dict[Buffer, View]) -> Any:
    """The argument with the float32 copies in the places of what is stored in bfloat16."""
    if isinstance(value, list):
        return [_widened(item, wide) for item in value]
    if isinstance(value, View) and value.buffer in wide:
        return wide[value.buffer].reshape(*value.shape)
    return value
