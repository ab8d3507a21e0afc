"""From the values of an expression to native instructions: passes over the matrix, and registers.

A value that needs a reduction of the row must wait until that row has been read: the values are computed in
passes, each of which reads the operands, and the reductions of earlier passes, anew. What a pass computes on the
way is computed again where a later one needs it, and never stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor.graph.expression import Value, ordered

__all__ = ["Output", "Pass", "passes"]


class Output(NamedTuple):
    """A value that memory receives: a number per element (`wide`) or per row."""

    value: Value
    wide: bool


@dataclass(frozen=True)
class Pass:
    """One native call over all columns (`wide`) or over one number per row.

    `operands` are operands or reductions of earlier passes.
    `code` int32 `(n, 5)` and `constants` float32 are what `_core.expression` takes.
    """

    wide: bool
    outputs: tuple[Output, ...]
    operands: tuple[Value, ...]
    code: NDArray[np.int32]
    constants: NDArray[np.float32]


def passes(roots: Sequence[Output], available: Collection[Value] = ()) -> list[Pass]:
    """The passes that compute `roots`, in order; the reductions in `available` are known already.

    Reductions that a later pass needs are outputs of an earlier one beside the roots.
    """
    order = ordered([root.value for root in roots], available)
    stage: dict[Value, int] = {}
    for value in order:
        inputs = () if value in available else value.inputs
        stage[value] = max((stage[i] + (i.reduces and i not in available) for i in inputs), default=0)
    reductions = [value for value in order if value.reduces and value not in available]
    wide = [Output(value, False) for value in reductions] + [root for root in roots if root.wide]
    found = []
    for number in range(1 + max((_when(item, stage) for item in wide), default=-1)):
        outputs = [item for item in wide if _when(item, stage) == number]
        if outputs:
            found.append(_pass(True, outputs, {*available, *(r for r in reductions if stage[r] < number)}))
    narrow = [root for root in roots if not root.wide and root.value not in reductions]
    if narrow:
        found.append(_pass(False, narrow, {*available, *reductions}))
    return found


def _when(output: Output, stage: dict[Value, int]) -> int:
    """The number of the pass: a reduction that is stored in every column comes one later than itself."""
    return stage[output.value] + (output.wide and output.value.reduces)


@cache
def _opcodes() -> dict[str, int]:
    return _core.expression_opcodes()


def _pass(wide: bool, outputs: Sequence[Output], known: Collection[Value]) -> Pass:
    # A reduction that is an output is computed from its input: only the others are leaves.
    reduced = [output.value.reduces and output.value not in known for output in outputs]
    results = [
        output.value.inputs[0] if reduces else output.value
        for output, reduces in zip(outputs, reduced, strict=True)
    ]
    order = ordered(results, known)
    last = {item: i for i, value in enumerate(order) for item in (() if value in known else value.inputs)}
    constants = [value for value in order if value.operation == "constant"]
    operands = [value for value in order if value in known or value.operation == "operand"]
    register = {value: i for i, value in enumerate(constants)}
    free: list[int] = []
    used = len(constants)
    code: list[tuple[int, ...]] = []
    opcodes = _opcodes()

    def release(values: Sequence[Value], index: int) -> None:
        for value in dict.fromkeys(values):
            if last.get(value, -1) <= index and value.operation != "constant" and value in register:
                free.append(register[value])

    for i, value in enumerate(order):
        if value.operation != "constant":
            inputs = () if value in known else value.inputs
            sources = [register[item] for item in inputs]
            release(inputs, i)
            register[value] = free.pop() if free else used
            used = max(used, register[value] + 1)
            if value in known or value.operation == "operand":
                code.append((opcodes["load"], register[value], operands.index(value), 0, 0))
            else:
                code.append((opcodes[value.operation], register[value], *sources, *(0,) * (3 - len(sources))))
        for number, result in enumerate(results):
            if result is value:
                opcode = opcodes[outputs[number].value.operation if reduced[number] else "store"]
                code.append((opcode, number, register[value], 0, 0))
        release([value], i)
    return Pass(
        wide,
        tuple(outputs),
        tuple(operands),
        np.array(code, np.int32).reshape(-1, 5),
        np.array([value.number for value in constants], np.float32),
    )
