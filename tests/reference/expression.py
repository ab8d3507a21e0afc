"""Runs a list of instructions (csrc/math/expression_kind.h) over a whole matrix in float64."""

import math

import numpy as np

from tests.reference import activation

UNARY = {
    "negative": np.negative,
    "absolute": np.abs,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "round": np.round,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "less": np.less,
    "less_equal": np.less_equal,
    "equal": np.equal,
}
REDUCTIONS = {"sum": np.sum, "mean": np.mean, "highest": np.max, "lowest": np.min}


def broadcast(x, rows, cols):
    """An operand (period, width), repeated downwards and sideways."""
    return np.broadcast_to(np.tile(x, (rows // max(len(x), 1), 1)), (rows, cols))


def forward(names, code, constants, operands, rows, cols):
    """The outputs by number; `names` are those of the opcodes."""
    register = {i: np.full((rows, cols), number, np.float64) for i, number in enumerate(constants)}
    outputs = {}
    with np.errstate(all="ignore"):
        for opcode, to, *sources in code:
            name = names[opcode]
            a, b, c = (register.get(source) for source in sources)
            if name == "load":
                register[to] = broadcast(np.asarray(operands[sources[0]], np.float64), rows, cols)
            elif name == "store":
                outputs[to] = a
            elif name in REDUCTIONS:
                outputs[to] = REDUCTIONS[name](a, axis=1, keepdims=True)
            else:
                register[to] = value(name, a, b, c)
    return outputs


def value(name, a, b=None, c=None):
    """One elementwise operation."""
    if name in UNARY:
        return UNARY[name](a)
    if name in BINARY:
        return BINARY[name](a, b).astype(np.float64)
    if name == "select":
        return np.where(a != 0, b, c)
    if name.endswith("_slope"):
        return activation.slope(a, name.removesuffix("_slope"), b)
    return activation.forward(a, name, b)
