"""expression: x * sigmoid(1.5 x) and mean((x - y)^2) of rows of rows, against NumPy. Bytes: operands, outputs."""

import numpy as np

import contestant
from contestant import normal

CASES = {
    f"{name} ({rows},{cols})": (name, rows, cols)
    for name in ("swish", "squared error")
    for rows, cols in ((128, 10), (128, 300), (4096, 512))
}
LISTS = {
    "swish": (
        ("load", 1, 0), ("multiply", 2, 1, 0), ("sigmoid", 2, 2, 0), ("multiply", 1, 1, 2), ("store", 0, 1),
    ),
    "squared error": (
        ("load", 1, 0), ("load", 2, 1), ("subtract", 1, 1, 2), ("multiply", 1, 1, 1), ("mean", 0, 1),
    ),
}  # fmt: skip


def densor(name, rows, cols):
    from densor import _core

    opcode = _core.expression_opcodes()
    code = np.array([(opcode[line[0]], *(*line[1:], 0, 0)[:4]) for line in LISTS[name]], np.int32)
    operands = [normal(rows, cols), normal(rows, cols)][: 1 if name == "swish" else 2]
    output = np.empty((rows, cols if name == "swish" else 1), np.float32)
    step = _core.expression([output], operands, code, np.array([1.5], np.float32), rows, cols)
    return step.run, sum(x.nbytes for x in operands) + output.nbytes


def numpy(name, rows, cols):
    x, y = normal(rows, cols), normal(rows, cols)
    if name == "swish":
        return lambda: x / (1 + np.exp(-1.5 * x)), 2 * x.nbytes
    return lambda: np.square(x - y).mean(axis=1), 2 * x.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, numpy=numpy)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
