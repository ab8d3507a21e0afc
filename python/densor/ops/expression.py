"""What the elementwise functions share: nodes that become part of an expression, shapes, and running on arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from densor import _core
from densor._array import float32_array
from densor._check import bad_type, bad_value, is_number
from densor.graph import Node, Tensor, Variable
from densor.graph.expression import Expression, Value
from densor.graph.expression_code import Output, Pass, passes
from densor.ops._device import float32_there, operand_of, shapes_joined
from densor.ops._eager import empty

__all__ = ["ElementwiseNode", "ReductionNode", "elementwise", "reduction"]

Argument = Tensor | Variable | float
_NAMES = {1: ("x",), 2: ("a", "b"), 3: ("condition", "a", "b")}  # of arguments, by their number


class ElementwiseNode(Node):
    """y = operation(arguments), elementwise: tensors, variables and numbers."""

    stem = "expression"
    elementwise = True
    has_kernel = False

    def __init__(self, operation: str, arguments: list[Argument], shape: tuple[int | None, ...]) -> None:
        self.operation = operation
        self.arguments = tuple(arguments)
        super().__init__(
            [item for item in arguments if isinstance(item, Tensor)],
            shape,
            [item for item in arguments if isinstance(item, Variable)],
        )

    def rewired(self, inputs: Any, output: Tensor) -> ElementwiseNode:
        node = super().rewired(inputs, output)
        replaced = dict(zip(self.inputs, inputs, strict=True))
        node.arguments = tuple(
            replaced[item] if isinstance(item, Tensor) else item for item in self.arguments
        )
        return node

    def express(self, expression: Expression, value_of: Callable[[Any], Value]) -> Value:
        return expression.apply(
            self.operation,
            *(
                value_of(item) if isinstance(item, Tensor | Variable) else expression.constant(item)
                for item in self.arguments
            ),
        )


class ReductionNode(Node):
    """y = sum, mean, highest or lowest of x over the last axis, which stays with one column."""

    stem = "expression"
    elementwise = True
    reduces = True
    has_kernel = False

    def __init__(self, operation: str, x: Tensor) -> None:
        self.operation = operation
        super().__init__([x], (*x.shape[:-1], 1))

    def express(self, expression: Expression, value_of: Callable[[Any], Value]) -> Value:
        return expression.reduce(self.operation, value_of(self.inputs[0]))


def elementwise(function: str, operation: str, *arguments: Any) -> Any:
    """`operation` (csrc/math/expression_kind.h) of tensors, variables and numbers, or of arrays at once.

    Raises:
        TypeError: not real numbers. ValueError: shapes that cannot be broadcast.
    """
    names = _NAMES[len(arguments)]
    if any(isinstance(item, Tensor) for item in arguments):
        items = [_argument(function, name, item) for name, item in zip(names, arguments, strict=True)]
        return ElementwiseNode(operation, items, _broadcast(function, items)).output
    there = [float32_there(function, name, item) for name, item in zip(names, arguments, strict=True)]
    if any(array is not None for array in there):
        return _on_device(function, operation, arguments, there)
    arrays = [float32_array(function, name, item) for name, item in zip(names, arguments, strict=True)]
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise bad_value(function, names[-1], f"shapes {shapes} cannot be broadcast") from None
    numbers = [float(array).hex() if shape and _is_constant(array) else None for array in arrays]
    used = [
        np.broadcast_to(array, shape) for array, number in zip(arrays, numbers, strict=True) if number is None
    ]
    return _run(_program(operation, *numbers), used, 1, math.prod(shape)).reshape(shape)


def _is_constant(array: Any) -> bool:
    return array.ndim == 0 and math.isfinite(array)


@lru_cache(maxsize=256)
def _program(operation: str, *numbers: str | None) -> Pass:
    """The instructions of an operation of arrays (None) and numbers, as hexadecimal digits: 0.0 == -0.0."""
    expression = Expression(2)  # of any number of columns, as nothing is reduced
    places = itertools.count()
    values = [
        expression.operand(next(places), True)
        if number is None
        else expression.constant(float.fromhex(number))
        for number in numbers
    ]
    (program,) = passes([Output(expression.apply(operation, *values), True)])
    return program


def _on_device(function: str, operation: str, arguments: Any, there: list[Any]) -> Any:
    """The same for arrays in the memory of a GPU, and numbers."""
    names, arrays = _NAMES[len(arguments)], [array for array in there if array is not None]
    shape = shapes_joined(function, names[-1], [array.shape for array in arrays])
    alike = all(array.shape == shape for array in arrays)
    rows, columns = (1, arrays[0].size) if alike else (math.prod(shape[:-1]), shape[-1])
    numbers: list[str | None] = []
    used: list[Any] = []
    for name, item, array in zip(names, arguments, there, strict=True):
        if array is None:
            if not is_number(item):
                raise bad_type(
                    function,
                    name,
                    "expected a number or an array in the memory of the GPU, as the others are",
                )
            numbers.append(float(item).hex())
        elif rows * columns:
            numbers.append(None)
            used.append(array.reshape(1, array.size) if alike else operand_of(array, shape))
    if rows * columns == 0:
        return empty(shape, arrays[0])
    return _run(_program(operation, *numbers), used, rows, columns).reshape(shape)


def reduction(operation: str, x: Any) -> Any:
    """sum, mean, highest or lowest over the last axis, which stays with one column."""
    if isinstance(x, Tensor):
        return ReductionNode(operation, x).output
    if x.shape[-1] == 1:
        return x
    rows, columns = math.prod(x.shape[:-1]), x.shape[-1]
    program = _reduction_program(operation, columns)
    return _run(program, [x.reshape(rows, columns)], rows, columns).reshape((*x.shape[:-1], 1))


@lru_cache(maxsize=256)
def _reduction_program(operation: str, columns: int) -> Pass:
    expression = Expression(columns)
    (program,) = passes([Output(expression.reduce(operation, expression.operand(0, True)), False)])
    return program


def _run(program: Pass, arrays: Any, rows: int, columns: int) -> Any:
    result = empty((rows, columns if program.outputs[0].wide else 1), arrays[0])
    operands = [
        np.ascontiguousarray(array).reshape(rows, columns) if isinstance(array, np.ndarray) else array
        for array in arrays
    ]
    used = [operands[value.index] for value in program.operands]
    _core.expression([result], used, program.code, program.constants, rows, columns).run()
    return result


def _argument(function: str, name: str, value: Any) -> Argument:
    if isinstance(value, Tensor | Variable):
        return value
    if is_number(value) and not isinstance(value, np.ndarray):
        if not math.isfinite(float(value)):
            raise bad_value(function, name, f"numbers beside symbolic tensors must be finite, got {value!r}")
        return float(value)
    try:
        array = float32_array(function, name, value)
    except TypeError:
        kind = type(value).__name__
        raise bad_type(
            function, name, f"expected a tensor, a variable, numbers or an array, got {kind}"
        ) from None
    return float(array) if array.ndim == 0 else Variable(array, "constant", trainable=False)


def _broadcast(function: str, arguments: list[Argument]) -> tuple[int | None, ...]:
    """The shape of the result: tensors agree but for a last axis of 1; variables repeat themselves over the rows."""
    tensors = [item for item in arguments if isinstance(item, Tensor) and item.batched]
    repeated = [
        tuple(size or 0 for size in item.shape)
        for item in arguments
        if isinstance(item, Variable) or (isinstance(item, Tensor) and not item.batched)
    ]
    front = tensors[0].shape[:-1] if tensors and tensors[0].ndim > 1 else ()
    lasts = [item.columns for item in tensors] + [shape[-1] for shape in repeated if shape]
    last = max(lasts, default=1)
    whole: tuple[int | None, ...] = (*front, last) if front else (None,) if tensors else ()
    if not tensors and any(repeated):
        whole = (*max(repeated, key=len)[:-1], last)
    fits = all(
        item.shape == whole or (len(whole) > 1 and item.shape == (*whole[:-1], 1)) for item in tensors
    ) and all(_repeats(shape, whole) for shape in repeated)
    if not fits:
        shapes = " and ".join(str(item.shape) for item in arguments if not isinstance(item, float))
        raise bad_value(
            function,
            _NAMES[len(arguments)][-1],
            f"shapes {shapes} cannot be broadcast: symbolic tensors must agree, but for a last axis of 1; "
            "arrays and variables have the shape of a row, or of its last axes",
        )
    return whole


def _repeats(shape: tuple[int, ...], whole: tuple[int | None, ...]) -> bool:
    while shape and shape[0] == 1:
        shape = shape[1:]
    if not shape:
        return True
    if len(shape) >= len(whole) or shape[-1] not in (1, whole[-1]):
        return False
    return shape[:-1] == whole[len(whole) - len(shape) : -1]
