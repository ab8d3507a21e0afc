"""What passes over the instructions of a program share: who mentions a buffer, and others in an instruction's place."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from densor.graph.buffers import Buffer, View
from densor.graph.lowering import Instruction, Lowering

__all__ = ["by_buffer", "exchange", "mentions", "with_arguments"]


def mentions(lowering: Lowering) -> Counter[Buffer]:
    """How often the instructions name each buffer."""
    return Counter(view.buffer for item in lowering.instructions for view in item.views())


def by_buffer(lowering: Lowering, op: str, argument: str) -> dict[Buffer, Instruction]:
    """The instructions of an op by the buffer that is this argument."""
    return {
        value.buffer: item
        for item in lowering.instructions
        if item.op == op and isinstance(value := item.arguments.get(argument), View)
    }


def exchange(lowering: Lowering, others: dict[int, list[Instruction]]) -> None:
    """Put other instructions in the place of those with these identities."""
    lowering.rewrite(lambda item: others.get(id(item), [item]))


def with_arguments(instruction: Instruction, **arguments: Any) -> Instruction:
    """The instruction with some arguments replaced or added."""
    return replace(instruction, arguments=instruction.arguments | arguments)
