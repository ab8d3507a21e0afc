"""Expressions: every operation, operands of every shape, reductions, on every target; and wrong lists."""

import numpy as np
import pytest

from tests.ops.harness import _core, check, normal, on_every_target
from tests.reference import column_sum, expression
from tests.reference.activation import NAMES as ACTIVATIONS

OPCODES = _core.expression_opcodes()
NAMES = {code: name for name, code in OPCODES.items()}
SHAPES = [(1, 1), (5, 1), (1, 7), (33, 10), (97, 31), (3, 256), (2, 257), (5, 300), (2, 1000)]
ELEMENTWISE = [name for name in OPCODES if name not in ("load", "store", *expression.REDUCTIONS)]


def instructions(*lines):
    return np.array([(OPCODES[name], *(*rest, 0, 0, 0)[:4]) for name, *rest in lines], np.int32)


def run(code, operands, outputs, rows, cols, constants=()):
    """Checks the outputs, given by shape, against the reference."""
    constants = np.array(constants, np.float32)
    expected = expression.forward(NAMES, code, constants, operands, rows, cols)
    # A sum of n terms of either sign is off by the square root of n roundings or so.
    terms = {i: 1 if outputs[i][1] == cols else np.sqrt(cols) for i in expected}
    magnitude = {f"y{i}": np.maximum(1.0, np.abs(y)) * terms[i] for i, y in expected.items()}
    check(
        "expression",
        lambda o, i: _core.expression(
            [getattr(o, f"y{k}") for k in range(len(outputs))], i.operands, code, constants, rows, cols
        ),
        {"operands": operands},
        {f"y{k}": shape for k, shape in enumerate(outputs)},
        {f"y{k}": y for k, y in expected.items()},
        magnitude,
    )


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_operation(name):
    rng = np.random.default_rng(len(name))
    for rows, cols in ((5, 33), (2, 300)):
        a, b, c = (normal(rng, rows, cols) for _ in range(3))
        if name in ("sqrt", "log", "log1p", "power"):
            a = np.abs(a) + np.float32(0.1)
        if name in ("select", "equal"):
            a = np.round(a)
            b = np.round(b)
        if name.removesuffix("_slope") in ACTIVATIONS:
            b = np.abs(b)
        lines = [("load", i, i) for i in range(3)] + [(name, 3, 0, 1, 2), ("store", 0, 3)]
        run(instructions(*lines), [a, b, c], [(rows, cols)], rows, cols)


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
@pytest.mark.parametrize("name", expression.REDUCTIONS)
def test_reductions(name, rows, cols):
    x = normal(np.random.default_rng(cols), rows, cols)
    code = instructions(("load", 0, 0), (name, 0, 0), ("absolute", 1, 0), (name, 1, 1))
    run(code, [x], [(rows, 1), (rows, 1)], rows, cols)


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_operands_repeat_themselves(rows, cols):
    rng = np.random.default_rng(rows * cols)
    rows *= 3
    operands = [
        normal(rng, *shape) for shape in ((rows, cols), (1, cols), (rows, 1), (1, 1), (3, cols), (3, 1))
    ]
    lines = [("load", 1, 0)]
    for index in range(1, len(operands)):
        lines += [("load", 2, index), ("multiply", 1, 1, 2), ("add", 1, 1, 2), ("add", 1, 1, 0)]
    lines += [("store", 0, 1), ("sum", 1, 1)]
    run(instructions(*lines), operands, [(rows, cols), (rows, 1)], rows, cols, [0.25])


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_nan_wins(name):
    a = np.array([[np.nan, 1.0, np.nan, 2.0]], np.float32)
    b = np.array([[1.0, np.nan, np.nan, 3.0]], np.float32)
    code = instructions(("load", 0, 0), ("load", 1, 1), (name, 2, 0, 1), ("store", 0, 2))
    run(code, [a, b], [(1, 4)], 1, 4)
    reduction = {"maximum": "highest", "minimum": "lowest"}[name]
    for cols in (4, 17, 300):
        for place in (0, cols // 2, cols - 1):
            x = np.zeros((2, cols), np.float32)
            x[1, place] = np.nan
            run(instructions(("load", 0, 0), (reduction, 0, 0)), [x], [(2, 1)], 2, cols)


def test_as_many_registers_as_there_may_be():
    x = normal(np.random.default_rng(3), 3, 600)
    lines = [("load", 255, 0), ("multiply", 254, 255, 253), ("add", 254, 254, 0), ("store", 0, 254)]
    constants = np.linspace(-1.0, 2.0, 254)
    run(instructions(*lines), [x], [(3, 600)], 3, 600, constants)
    run(instructions(*lines, ("sum", 1, 254)), [x], [(3, 600), (3, 1)], 3, 600, constants)


SPECIAL_POWERS = [
    (0, 2, 0),
    (0, 0.5, 0),
    (0, -1, np.inf),
    (-2, 3, -8),
    (-2, 2, 4),
    (-2, 0.5, np.nan),
    (-3, -1, -1 / 3),
    (1, np.inf, 1),
    (np.nan, 0, 1),
    (5, 0, 1),
    (1e30, 2, np.inf),
    (1e-30, 2, 0),
]


def test_powers():
    """Relative to the size of y log x, the error is that of one rounding."""
    rng = np.random.default_rng(1)
    x = np.exp(rng.uniform(-5, 5, (1, 4096))).astype(np.float32)
    y = rng.uniform(-8, 8, (1, 4096)).astype(np.float32)
    special = np.array(SPECIAL_POWERS, np.float32)
    code = instructions(("load", 0, 0), ("load", 1, 1), ("power", 2, 0, 1), ("store", 0, 2))

    def power(a, b):
        none = np.zeros(0, np.float32)
        return on_every_target(
            lambda o, i: _core.expression([o.z], [i.x, i.y], code, none, *a.shape),
            {"x": a, "y": b},
            {"z": a.shape},
        )

    exact = np.power(x.astype(np.float64), y)
    allowed = exact * 2e-7 * (1 + np.abs(y * np.log(x)))
    for target, result in power(x, y).items():
        assert (np.abs(result["z"] - exact) <= allowed).all(), target
    for target, result in power(special[:, 0][None].copy(), special[:, 1][None].copy()).items():
        np.testing.assert_allclose(result["z"][0], special[:, 2], rtol=3e-7, err_msg=target)


@pytest.mark.parametrize("shape", [(1, 1), (1, 33), (7, 16), (300, 5), (65, 200)], ids=str)
def test_column_sum(shape):
    x = normal(np.random.default_rng(shape[0]), *shape)
    magnitude = {"sum": np.abs(x).sum(axis=0, keepdims=True)}
    build = lambda o, i: _core.column_sum(o.sum, i.x)  # noqa: E731
    check("column_sum", build, {"x": x}, {"sum": (1, shape[1])}, {"sum": column_sum.forward(x)}, magnitude)


LOAD, STORE = ("load", 0, 0), ("store", 0, 0)
WRONG = {
    "code.*instruction 1: register 3 is read before": [LOAD, ("exp", 1, 3), STORE],
    "code.*instruction 0: operand 1 is outside": [("load", 0, 1), STORE],
    "code.*instruction 1: output 2 is outside": [LOAD, ("store", 2, 0)],
    "code.*instruction 2: output 0 is written twice": [LOAD, STORE, STORE],
    "code.*output 0 is never written": [LOAD],
    "code.*instruction 0: register 256 is outside": [("load", 256, 0), STORE],
    "code.*instruction 0: register -1 is outside": [("load", -1, 0), STORE],
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_lists(message):
    x, y = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"^expression\(\): argument '" + message.replace(".*", "': .*", 1)):
        _core.expression([y], [x], instructions(*WRONG[message]), np.zeros(0, np.float32), 2, 3)
    assert (y == 1).all()


def test_constants_are_not_written():
    x, y = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match="register 0 holds a constant"):
        _core.expression([y], [x], instructions(LOAD, STORE), np.zeros(1, np.float32), 2, 3)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2), (4, 1)], ids=str)
def test_operands_that_do_not_fit(shape):
    x, y = np.zeros(shape, np.float32), np.ones((2, 3), np.float32)
    with pytest.raises(
        ValueError, match=r"^expression\(\): argument 'operands': shape .* cannot be broadcast"
    ):
        _core.expression([y], [x], instructions(LOAD, STORE), np.zeros(0, np.float32), 2, 3)


@pytest.mark.parametrize("shape", [(2, 1), (3, 3), (2, 4)], ids=str)
def test_outputs_that_do_not_fit(shape):
    x, y = np.zeros((2, 3), np.float32), np.ones(shape, np.float32)
    with pytest.raises(ValueError, match=r"^expression\(\): argument 'outputs': expected shape \(2, 3\)"):
        _core.expression([y], [x], instructions(LOAD, STORE), np.zeros(0, np.float32), 2, 3)
    with pytest.raises(ValueError, match=r"^expression\(\): argument 'outputs': overlaps"):
        _core.expression([x], [x], instructions(LOAD, STORE), np.zeros(0, np.float32), 2, 3)
