"""Dropout behind an activation of which a bit tells the gradient: one mask for both, and less that is stored."""

from __future__ import annotations

from collections import Counter
from typing import Any

from densor.graph.buffers import BFLOAT16, Buffer, View
from densor.graph.lowering import Instruction, Lowering
from densor.graph.rewriting import by_buffer, exchange, mentions, with_arguments

__all__ = ["fuse_dropout"]

_PASSED_BY_A_BIT = ("linear", "relu")  # activations whose gradient is that of their output, or nothing


def fuse_dropout(lowering: Lowering) -> None:
    """Let batch normalization drop out its results, and dropout behind relu keep the derivative of that."""
    _drop_in_normalization(lowering)
    _keep_the_derivative(lowering)


# Behind batch normalization


def _drop_in_normalization(lowering: Lowering) -> None:
    """One pass for normalization, activation and dropout, if nothing else reads between.

    What both let pass is a bit, and the gradient needs nothing else of the output: y before dropout is never stored.
    The bit is read where the gradient is multiplied by both derivatives: by the product that makes it (`fuse_slopes`),
    or by the passes of batch normalization, which no step of its own comes before.
    """
    uses = mentions(lowering)
    normalized = by_buffer(lowering, "batch_norm_forward", "y")
    slopes = by_buffer(lowering, "batch_norm_backward", "mean")
    gradients = by_buffer(lowering, "dropout_backward", "mask") | by_buffer(
        lowering, "dense_backward", "below_mask"
    )
    others: dict[int, list[Instruction]] = {}
    for drop in lowering.instructions:
        if drop.op != "dropout_forward" or drop.arguments["kind"] != "inverted":
            continue
        forward = normalized.get(drop.arguments["x"].buffer)
        if forward is None or not _one_bit_tells(forward, drop):
            continue
        backward = slopes.get(forward.arguments["mean"].buffer)
        gradient = gradients.get(drop.arguments["mask"].buffer)
        instead = _gradients_by_a_bit(uses, drop, backward, gradient)
        readers = [forward, drop, *(item for item in (backward, gradient) if item is not None)]
        if instead is None or uses[drop.arguments["x"].buffer] != _named(readers, drop.arguments["x"].buffer):
            continue
        chosen = {name: drop.arguments[name] for name in ("mask", "rate", "seed", "stream")}
        chosen["rounded"] = drop.arguments["x"].dtype == BFLOAT16
        others[id(forward)] = [with_arguments(forward, y=drop.arguments["y"], **chosen)]
        others[id(drop)] = []
        others |= instead
    exchange(lowering, others)


def _one_bit_tells(forward: Instruction, drop: Instruction) -> bool:
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
        return {id(gradient): [with_arguments(gradient, **slopes)]}
    if uses[between] != 2:
        return None
    passed = {
        "dy": gradient.arguments["dy"],
        "mask": drop.arguments["mask"],
        "rate": drop.arguments["rate"],
        "rounded": gradient.arguments["dx"].dtype == BFLOAT16,
    }
    return {id(backward): [with_arguments(backward, y=None, **passed)], id(gradient): []}


# Behind relu


def _keep_the_derivative(lowering: Lowering) -> None:
    """Where a product reads what dropout was applied to for the derivative of relu only, the mask tells that, too.

    Then nobody reads it after dropout, which takes place where it lies.
    """
    uses = mentions(lowering)
    products = by_buffer(lowering, "dense_backward", "below_saved")
    others: dict[int, list[Instruction]] = {}
    moved: dict[Buffer, View] = {}
    for drop in lowering.instructions:
        if drop.op != "dropout_forward":
            continue
        x, y, mask = (drop.arguments[name] for name in ("x", "y", "mask"))
        product = products.get(x.buffer)
        if product is None or uses[x.buffer] != 3 or uses[mask.buffer] != 2:
            continue
        below = product.arguments["below_mask"]
        if below is None or below.buffer is not mask.buffer:
            continue
        if product.arguments["below_activation"] != "relu":
            continue
        moved[x.buffer] = y
        others[id(drop)] = [with_arguments(drop, x=y.reshape(*x.shape), positive=True)]
        others[id(product)] = [
            with_arguments(product, below_saved=None, below_activation="linear", below_alpha=0.0)
        ]
    for item in lowering.instructions:
        if id(item) not in others and any(view.buffer in moved for view in item.views()):
            others[id(item)] = [_elsewhere(item, moved)]
    exchange(lowering, others)


def _elsewhere(instruction: Instruction, moved: dict[Buffer, View]) -> Instruction:
    """The instruction with what lies in some buffers in the places of others."""

    def there(value: Any) -> Any:
        if isinstance(value, list):
            return [there(item) for item in value]
        if isinstance(value, View) and value.buffer in moved:
            return moved[value.buffer].reshape(*value.shape)
        return value

    arguments = {name: there(value) for name, value in instruction.arguments.items()}
    return with_arguments(instruction, **arguments)
