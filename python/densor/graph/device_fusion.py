"""What steps on a device do for one another: products leave sums that later steps would read their results for."""

from __future__ import annotations

from collections import Counter

import numpy as np

from densor import _core
from densor.graph.buffers import BFLOAT16, Buffer, View
from densor.graph.lowering import GradientOf, Instruction, Lowering
from densor.graph.rewriting import by_buffer, exchange, mentions, with_arguments
from densor.graph.storage import bfloat16_operands, multiplies_bfloat16

__all__ = ["fuse_on_device"]


def fuse_on_device(lowering: Lowering) -> None:
    """Let steps do what would be passes of others, having the numbers at hand.

    Products drop out their results, those before batch normalization and before the optimizer leave sums, and softmax
    cross-entropy tells which rows accuracy counts. On a CPU, whose caches hold what was just written, nothing is left.
    """
    if lowering.device == "cpu":
        return
    _drop_in_products(lowering)
    _leave_moments(lowering)
    _leave_squares(lowering)
    _leave_hits(lowering)


# Dropout behind a product


def _drop_in_products(lowering: Lowering) -> None:
    """Let the dense product drop out its results, where nobody reads them as they are before.

    Behind relu that is where the mask keeps its derivative, and dropout takes place where the product lies.
    """
    products = by_buffer(lowering, "dense_forward", "y")
    uses = mentions(lowering)
    others: dict[int, list[Instruction]] = {}
    for drop in lowering.instructions:
        if drop.op != "dropout_forward" or drop.arguments["kind"] != "inverted":
            continue
        x, y = drop.arguments["x"], drop.arguments["y"]
        product = products.get(x.buffer)
        if product is None or product.arguments["y"].shape != x.shape or not _writes(product, x):
            continue
        behind = product.arguments["activation"]
        alone = uses[x.buffer] == 2 and behind == "linear"
        if alone or (x.buffer is y.buffer and behind == "relu" and drop.arguments.get("positive", False)):
            chosen = {name: drop.arguments[name] for name in ("mask", "rate", "seed", "stream")}
            others[id(product)] = [with_arguments(product, y=y.reshape(*x.shape), **chosen)]
            others[id(drop)] = []
    exchange(lowering, others)


def _writes(product: Instruction, x: View) -> bool:
    """Whether it writes x as it is stored: what is cast by a step behind it is dropped out behind that."""
    return x.dtype != BFLOAT16 or "y" in bfloat16_operands(product, "cuda")


# Moments of the columns that batch normalization reads


def _leave_moments(lowering: Lowering) -> None:
    """Let the dense product before batch normalization leave the moments of its columns, in parts of the rows."""
    products = by_buffer(lowering, "dense_forward", "y")
    dropped = by_buffer(lowering, "dropout_forward", "y")  # perhaps where the product has left its results
    others: dict[int, list[Instruction]] = {}
    moments: dict[Buffer, tuple[View, int]] = {}
    for item in lowering.instructions:
        if item.op != "batch_norm_forward":
            continue
        x = item.arguments["x"]
        product = products.get(x.buffer)
        if product is None or product.arguments["y"].shape != x.shape or x.buffer in dropped:
            continue
        if x.buffer not in moments:
            rows, part = x.shape[0], _moment_rows(product)
            if part == 0:
                continue
            moments[x.buffer] = lowering.buffer("moments", (2, -(-rows // part), x.shape[1])), part
            sums = {"moments": moments[x.buffer][0], "rounded": x.dtype == BFLOAT16}
            others[id(product)] = [with_arguments(product, **sums)]
        parts, part = moments[x.buffer]
        others[id(item)] = [with_arguments(item, moments=parts, moment_rows=part)]
    exchange(lowering, others)


def _moment_rows(product: Instruction) -> int:
    arguments = product.arguments
    if arguments["activation"] not in ("linear", "relu") or not arguments.get("training", False):
        return 0
    rows, inputs = arguments["x"].shape
    return _sums(product, rows, inputs, arguments["y"].shape[1])[0]


def _sums(product: Instruction, rows: int, inputs: int, units: int) -> tuple[int, int]:
    """What the product of a dense layer tells of its results, as it will be computed (`cast_around_steps`)."""
    halves = bool(bfloat16_operands(product, "cuda"))
    return _core.dense_sums(rows, inputs, units, multiplies_bfloat16(product), halves)


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
        for value in item.values()
        if isinstance(value, GradientOf)
    )
    variables, sums = [], []
    others: dict[int, list[Instruction]] = {}
    for item in lowering.instructions:
        gradient = item.arguments["dw"] if item.op == "dense_backward" else None
        if not isinstance(gradient, GradientOf) or uses[gradient.variable] != 1:
            continue
        (rows, inputs), units = item.arguments["x"].shape, item.arguments["dy"].shape[1]
        count = _sums(item, rows, inputs, units)[1]
        if count > 0:
            sums.append(lowering.buffer("squares", (count,), np.float64))
            variables.append(lowering.arena.variables.index(gradient.variable))
            others[id(item)] = [with_arguments(item, squares=sums[-1])]
    if sums:
        others[id(update)] = [with_arguments(update, squared=np.array(variables, np.int64), squares=sums)]
    exchange(lowering, others)


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
        for value in item.values()
    )


# The rows that accuracy counts


def _leave_hits(lowering: Lowering) -> None:
    """Let softmax cross-entropy, which has the rows at hand, tell where the largest logit is that of the target."""
    losses = {_read(item): item for item in lowering.instructions if item.op == "softmax_cross_entropy"}
    others: dict[int, list[Instruction]] = {}
    for item in lowering.instructions:
        if item.op != "accuracy" or item.arguments["kind"] == "binary":
            continue
        loss = losses.get(_read(item))
        if loss is not None and id(loss) not in others:
            others[id(loss)] = [with_arguments(loss, correct=item.arguments["correct"])]
            others[id(item)] = []
    exchange(lowering, others)


def _read(item: Instruction) -> tuple[Buffer, Buffer]:
    """The buffers of logits and targets."""
    return item.arguments["x"].buffer, item.arguments["target"].buffer
