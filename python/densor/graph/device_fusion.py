"""What steps on a device do for one another: products leave sums that later steps would read their results for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from densor import _core
from densor.graph.buffers import BFLOAT16, Buffer, View
from densor.graph.lowering import GradientOf, Instruction, Lowering, Reshaped

__all__ = ["fuse_on_device"]

_PASSED_BY_A_BIT = ("linear", "relu")  # activations whose gradient is that of their output, or nothing


def fuse_on_device(lowering: Lowering) -> None:
    """Let batch normalization drop out its results, and the products before it and before the optimizer leave sums.

    On a CPU, whose caches hold what was just written, every step stays as it is.
    """
    if lowering.device == "cpu":
        return
    _drop_in_normalization(lowering)
    _leave_moments(lowering)
    _leave_squares(lowering)


def _mentions(lowering: Lowering) -> Counter[Buffer]:
    """How often the instructions name each buffer."""
    return Counter(view.buffer for item in lowering.instructions for view in item.views())


def _by_buffer(lowering: Lowering, op: str, argument: str) -> dict[Buffer, Instruction]:
    """The instructions of an op by the buffer that is this argument."""
    return {
        value.buffer: item
        for item in lowering.instructions
        if item.op == op and isinstance(value := item.arguments.get(argument), View)
    }


def _exchange(lowering: Lowering, others: dict[int, list[Instruction]]) -> None:
    """Put other instructions in the place of those with these identities."""
    lowering.rewrite(lambda item: others.get(id(item), [item]))


def _with(instruction: Instruction, **arguments: Any) -> Instruction:
    return replace(instruction, arguments=instruction.arguments | arguments)


# Dropout behind batch normalization


def _drop_in_normalization(lowering: Lowering) -> None:
    """One pass for normalization, activation and dropout, if nothing else reads between.

    What both let pass is a bit, and the gradient needs nothing else of the output: y before dropout is never stored.
    The bit is read where the gradient is multiplied by both derivatives: by the product that makes it (`fuse_slopes`),
    or by the passes of batch normalization, which no step of its own comes before.
    """
    uses = _mentions(lowering)
    normalized = _by_buffer(lowering, "batch_norm_forward", "y")
    slopes = _by_buffer(lowering, "batch_norm_backward", "mean")
    gradients = _by_buffer(lowering, "dropout_backward", "mask") | _by_buffer(
        lowering, "dense_backward", "below_mask"
    )
    others: dict[int, list[Instruction]] = {}
    for drop in lowering.instructions:
        if drop.op != "dropout_forward" or drop.arguments["kind"] != "inverted":
            continue
        forward = normalized.get(drop.arguments["x"].buffer)
        if forward is None or not _fits(forward, drop):
            continue
        backward = slopes.get(forward.arguments["mean"].buffer)
        gradient = gradients.get(drop.arguments["mask"].buffer)
        instead = _gradients_by_a_bit(uses, drop, backward, gradient)
        readers = [forward, drop, *(item for item in (backward, gradient) if item is not None)]
        if instead is None or uses[drop.arguments["x"].buffer] != _named(readers, drop.arguments["x"].buffer):
            continue
        chosen = {name: drop.arguments[name] for name in ("mask", "rate", "seed", "stream")}
        chosen["rounded"] = drop.arguments["x"].dtype == BFLOAT16
        others[id(forward)] = [_with(forward, y=drop.arguments["y"], **chosen)]
        others[id(drop)] = []
        others |= instead
    _exchange(lowering, others)


def _fits(forward: Instruction, drop: Instruction) -> bool:
    y, x = forward.arguments["y"], drop.arguments["x"]
    return forward.arguments["activation"] in _PASSED_BY_A_BIT and y.shape == x.shape and y.dtype == x.dtype


def _named(instructions: list[Instruction], buffer: Buffer) -> int:
    return sum(view.buffer is buffer for item in instructions for view in item.views())


def _gradients_by_a_bit(
    uses: Counter[Buffer], drop: Instruction, backward: Instruction | None, gradient: Instruction | None
) -> dict[int, list[Instruction]] | None:
    """What takes the places of the gradients of normalization and dropout; None if they must stay."""
    if backward is None or gradient is None:
        return {} if backward is gradient else None
    between = backward.arguments["dy"].buffer
    if gradient.arguments["dx"].buffer is not between:
        return None
    if gradient.op == "dense_backward":
        if backward.arguments["activation"] != "linear":
            return None
        slopes = {"below_saved": None, "below_activation": "linear", "below_alpha": 0.0}
        return {id(gradient): [_with(gradient, **slopes)]}
    if uses[between] != 2:
        return None
    passed = {
        "dy": gradient.arguments["dy"],
        "mask": drop.arguments["mask"],
        "rate": drop.arguments["rate"],
        "rounded": gradient.arguments["dx"].dtype == BFLOAT16,
    }
    return {id(backward): [_with(backward, y=None, **passed)], id(gradient): []}


# Moments of the columns that batch normalization reads


def _leave_moments(lowering: Lowering) -> None:
    """Let the dense product before batch normalization leave the moments of its columns, in parts of the rows."""
    products = _by_buffer(lowering, "dense_forward", "y")
    others: dict[int, list[Instruction]] = {}
    moments: dict[Buffer, tuple[View, int]] = {}
    for item in lowering.instructions:
        if item.op != "batch_norm_forward":
            continue
        x = item.arguments["x"]
        product = products.get(x.buffer)
        if product is None or product.arguments["y"].shape != x.shape:
            continue
        if x.buffer not in moments:
            rows, part = x.shape[0], _moment_rows(product)
            if part == 0:
                continue
            moments[x.buffer] = lowering.buffer("moments", (2, -(-rows // part), x.shape[1])), part
            sums = {"moments": moments[x.buffer][0], "rounded": x.dtype == BFLOAT16}
            others[id(product)] = [_with(product, **sums)]
        parts, part = moments[x.buffer]
        others[id(item)] = [_with(item, moments=parts, moment_rows=part)]
    _exchange(lowering, others)


def _moment_rows(product: Instruction) -> int:
    arguments = product.arguments
    if arguments["activation"] not in ("linear", "relu") or not arguments["training"]:
        return 0
    rows, inputs = arguments["x"].shape
    return _core.dense_sums(rows, inputs, arguments["y"].shape[1], _stores_bfloat16(product))[0]


def _stores_bfloat16(instruction: Instruction) -> bool:
    """Whether its products are those of bfloat16 numbers, see `cast_around_steps`."""
    return any(view.dtype == BFLOAT16 for view in instruction.views())


# Squares of gradients that norms are made of


def _leave_squares(lowering: Lowering) -> None:
    """Let the products leave the squares of the gradients of kernels, where the optimizer clips by norms.

    Only of gradients that nobody but the optimizer touches afterwards: what a penalty or a second layer adds to, what
    is accumulated, masked or summed over repeats, is read again.
    """
    update = next((item for item in lowering.instructions if item.op == "optimizer"), None)
    if update is None or not _clips_what_is_stored(lowering, update):
        return
    assert lowering.arena is not None
    uses = Counter(
        value.variable
        for item in lowering.instructions
        for value in map(_unshaped, _flat(item))
        if isinstance(value, GradientOf)
    )
    variables, sums = [], []
    others: dict[int, list[Instruction]] = {}
    for item in lowering.instructions:
        gradient = item.arguments["dw"] if item.op == "dense_backward" else None
        if not isinstance(gradient, GradientOf) or uses[gradient.variable] != 1:
            continue
        (rows, inputs), units = item.arguments["x"].shape, item.arguments["dy"].shape[1]
        count = _core.dense_sums(rows, inputs, units, _stores_bfloat16(item))[1]
        if count > 0:
            sums.append(lowering.buffer("squares", (count,), np.float64))
            variables.append(lowering.arena.variables.index(gradient.variable))
            others[id(item)] = [_with(item, squares=sums[-1])]
    if sums:
        others[id(update)] = [_with(update, squared=np.array(variables, np.int64), squares=sums)]
    _exchange(lowering, others)


def _clips_what_is_stored(lowering: Lowering, update: Instruction) -> bool:
    """Whether norms are wanted of the gradients as the steps before the optimizer have stored them."""
    arguments, arena = update.arguments, lowering.arena
    if arguments["clipnorm"] is None and arguments["global_clipnorm"] is None:
        return False
    if (
        arena is None
        or arguments["accumulator"] is not None
        or arguments["mask"] is not None
        or lowering.repeats > 1
    ):
        return False
    reading = ("optimizer", "refuse_nonfinite")
    return not any(
        value is arena.gradients
        for item in lowering.instructions
        if item.op not in reading
        for value in _flat(item)
    )


def _flat(instruction: Instruction) -> list[Any]:
    """The arguments, those in lists too."""
    return [
        value
        for argument in instruction.arguments.values()
        for value in (argument if isinstance(argument, list) else [argument])
    ]


def _unshaped(value: Any) -> Any:
    return value.value if isinstance(value, Reshaped) else value
