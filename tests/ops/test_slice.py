"""Parts of arrays along an axis, as NumPy has them: traced, at once, and their gradients."""

import numpy as np
import pytest

from densor import ops
from densor.graph import Tensor, run_eagerly
from tests.graph.build import MSE, check_gradients, variable

RNG = np.random.default_rng(7)
FLAT = RNG.standard_normal((5, 7)).astype(np.float32)
CUBE = RNG.standard_normal((4, 6, 5)).astype(np.float32)

KEYS = [
    (FLAT, np.s_[:, :2]), (FLAT, np.s_[:, 2:]), (FLAT, np.s_[:, -2:]), (FLAT, np.s_[:, 3]), (FLAT, np.s_[:, -1]),
    (FLAT, np.s_[..., :-1]), (FLAT, np.s_[..., 0]), (FLAT, np.s_[:, 1:100]),
    (FLAT, np.s_[:, np.int64(2)]),
    (FLAT, np.s_[:, ::2]), (FLAT, np.s_[:, 1::2]), (FLAT, np.s_[:, 1::3]), (FLAT, np.s_[:, 5::9]),
    (FLAT, np.s_[:, 6::3]),
    (FLAT, np.s_[:, ::-1]), (FLAT, np.s_[:, 5:1:-2]), (FLAT, np.s_[:, None]), (FLAT, np.s_[:, :, None]),
    (FLAT, np.s_[:]),
    (FLAT, np.s_[...]), (FLAT, np.s_[:, None, 1:3, None]),
    (CUBE, np.s_[:, 2]), (CUBE, np.s_[:, :, 1:]), (CUBE, np.s_[:, 1, 2]), (CUBE, np.s_[..., 0]),
    (CUBE, np.s_[:, ..., -1]),
    (CUBE, np.s_[:, 1:4, ::2]), (CUBE, np.s_[:, ::4, 0, None]), (CUBE, np.s_[:, ::-3, 1:2]),
]  # fmt: skip


@pytest.mark.parametrize(("x", "key"), KEYS, ids=str)
def test_get_item(x, key):
    for result in (run_eagerly(lambda t: t[key], [x], False), ops.get_item(x, key)):
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, x[key])


FUNCTIONS = {
    "take": (FLAT, lambda x: ops.take(x, [3, 4, 5, 0, -1], axis=1), lambda x: x[:, [3, 4, 5, 0, 6]]),
    "take twice": (FLAT, lambda x: ops.take(x, [2, 2, 4, 6, 5], -1), lambda x: x[:, [2, 2, 4, 6, 5]]),
    "take one": (CUBE, lambda x: ops.take(x, -1, axis=1), lambda x: x[:, -1]),
    "take, array": (
        CUBE,
        lambda x: ops.take(x, [[0, 2, 1], [3, -1, 0]], axis=1),
        lambda x: x[:, [[0, 2, 1], [3, -1, 0]]],
    ),
    "transpose": (CUBE, lambda x: ops.transpose(x, (0, -1, 1)), lambda x: x.transpose(0, 2, 1)),
    "expand_dims": (FLAT, lambda x: ops.expand_dims(x, 1), lambda x: x[:, None]),
    "expand_dims, last": (FLAT, lambda x: ops.expand_dims(x, -1), lambda x: x[..., None]),
    "squeeze": (CUBE[:, :1], lambda x: ops.squeeze(x, 1), lambda x: x[:, 0]),
    "squeeze all": (CUBE[:, :1, :1], lambda x: ops.squeeze(x), lambda x: x[:, 0, 0]),
    "matmul": (CUBE, lambda x: ops.matmul(x, FLAT), lambda x: x @ FLAT),
    "@": (FLAT, lambda x: x @ FLAT.T, lambda x: x @ FLAT.T),
    "stack": (FLAT, lambda x: ops.stack([x, ops.negative(x)], axis=1), lambda x: np.stack([x, -x], 1)),
    "stack, last": (
        FLAT,
        lambda x: ops.stack([x, ops.negative(x), x], -1),
        lambda x: np.stack([x, -x, x], -1),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    x, ours, theirs = FUNCTIONS[name]
    for result in (run_eagerly(ours, [x], False), ours(x)):
        np.testing.assert_allclose(result, theirs(x), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(("parts", "axis"), [(3, 1), ([1, 4], 1), ([2, -1], -1), (5, 2), (1, 1)])
def test_split(parts, axis):
    expected = np.split(CUBE, parts, axis=axis)
    traced = run_eagerly(lambda t: ops.split(t, parts, axis=axis), [CUBE], False)
    for found in (traced if isinstance(traced, list) else [traced], ops.split(CUBE, parts, axis=axis)):
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_arrays_have_the_first_axis_too():
    np.testing.assert_array_equal(ops.get_item(FLAT, np.s_[1:4:2, 3]), FLAT[1:4:2, 3])
    np.testing.assert_array_equal(ops.take(FLAT, [4, 0], axis=0), FLAT[[4, 0]])
    np.testing.assert_array_equal(ops.take(FLAT, [[9, 0]]), FLAT.reshape(-1)[[[9, 0]]])
    assert ops.take(FLAT, 9) == FLAT.reshape(-1)[9]
    np.testing.assert_array_equal(ops.transpose(CUBE), CUBE.T)
    np.testing.assert_array_equal(ops.transpose(CUBE, (1, 2, 0)), CUBE.transpose(1, 2, 0))
    np.testing.assert_array_equal(ops.split(CUBE, 2)[1], CUBE[2:])
    np.testing.assert_array_equal(ops.stack([FLAT, -FLAT]), np.stack([FLAT, -FLAT]))
    np.testing.assert_array_equal(ops.concatenate([FLAT, FLAT[:1]], axis=0), np.concatenate([FLAT, FLAT[:1]]))
    np.testing.assert_array_equal(ops.expand_dims(FLAT, 0), FLAT[None])
    assert ops.get_item(CUBE, np.s_[:, 2:2, 1:]).shape == (4, 0, 4)
    assert ops.get_item(FLAT, np.s_[9:]).shape == (0, 7)
    assert ops.take(FLAT, [], axis=0).shape == (0, 7)
    np.testing.assert_array_equal(ops.get_item(FLAT[:0], np.s_[:, 1:3]), FLAT[:0, 1:3])


GRADIENTS = {
    "one column": lambda x: x[:, 1],
    "overlapping": lambda x: ops.concatenate([x[:, :5], x[:, 3:], x[:, ::2]], axis=1),
    "parts": lambda x: ops.multiply(*ops.split(x[:, 1:], 2, axis=1)),
    "taken": lambda x: ops.take(x, [6, 1, 2, 3, 1], axis=1),
    "inner axis": lambda x: ops.reshape(x, (-1, 7, 1))[:, 2:5] * 2.0,
    "stacked": lambda x: ops.stack([x, x * x], axis=1)[:, 1, 2:4],
    "product": lambda x: x[:, 2:] @ FLAT[:, :3],
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    """Of a product whose columns are taken, and of one that takes them."""
    columns = ops.flatten(GRADIENTS[name](Tensor((None, 7)))).columns
    w, v = variable("w", 3, 7), variable("v", columns, 2)
    targets = np.random.default_rng(0).uniform(-1, 1, (4, 2))
    check_gradients(lambda x: ops.dense(ops.flatten(GRADIENTS[name](ops.dense(x, w))), v), 3, targets, MSE)


SYMBOL = Tensor((None, 4))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: SYMBOL[0], ValueError, r"get_item\(\): argument 'key': .*the batch, which stays whole; got 0"),
        (lambda: SYMBOL[1:], ValueError, "the batch, which stays whole"),
        (lambda: SYMBOL[None], ValueError, "the batch, which stays whole"),
        (lambda: SYMBOL[:, 4], ValueError, r"'key': 4 is outside an axis of length 4"),
        (lambda: SYMBOL[:, -5], ValueError, "-5 is outside"),
        (lambda: SYMBOL[:, 3:1], ValueError, r"leaves nothing of shape \(None, 4\); symbolic"),
        (lambda: SYMBOL[:, ::0], ValueError, "must not be zero|cannot be zero"),
        (lambda: SYMBOL[:, :, 0], ValueError, r"is no key for shape \(None, 4\)"),
        (lambda: SYMBOL[..., ...], ValueError, "is no key"),
        (lambda: SYMBOL[:, [0, 2]], TypeError, r"ops.take\(\) takes lists"),
        (lambda: SYMBOL[:, np.array([0, 2])], TypeError, r"ops.take\(\) takes lists"),
        (lambda: SYMBOL[:, 1.5], TypeError, "'key'"),
        (lambda: SYMBOL[:, True], TypeError, "'key'"),
        (lambda: ops.split(SYMBOL, 2), ValueError, r"split\(\): argument 'axis': .*the batch"),
        (lambda: ops.split(SYMBOL, 3, axis=1), ValueError, "3 equal parts of length 4 do not exist"),
        (lambda: ops.split(SYMBOL, 0, axis=1), ValueError, "'indices_or_sections'"),
        (lambda: ops.split(SYMBOL, [3, 1], axis=1), ValueError, "leaves a part of length 4 empty"),
        (lambda: ops.stack([SYMBOL, SYMBOL]), ValueError, r"stack\(\): argument 'axis'"),
        (lambda: ops.stack([SYMBOL, SYMBOL[:, 1:]], axis=1), ValueError, r"shape \(None, 3\) of item 1"),
        (lambda: ops.stack(SYMBOL, axis=1), TypeError, "list"),
        (lambda: ops.stack([], axis=1), ValueError, "at least one"),
        (lambda: ops.expand_dims(SYMBOL, 3), ValueError, "3 is outside the axes"),
        (lambda: ops.squeeze(SYMBOL, 1), ValueError, "longer than 1"),
        (lambda: ops.take(SYMBOL, [0, 4], axis=1), ValueError, "'indices'"),
        (lambda: ops.take(SYMBOL, [], axis=1), ValueError, "'indices'"),
        (lambda: ops.take(SYMBOL, [0.5], axis=1), TypeError, "'indices'"),
        (lambda: ops.take(SYMBOL, [[0], [1, 2]], axis=1), ValueError, "'indices'"),
        (lambda: ops.take(SYMBOL, [0]), ValueError, r"take\(\): argument 'axis': is needed for a symbolic tensor"),
        (lambda: ops.transpose(SYMBOL), ValueError, r"transpose\(\): argument 'axes': the batch .*stays.*got None"),
        (lambda: ops.transpose(SYMBOL, (1, 0)), ValueError, r"the batch of a symbolic tensor stays.*got \(1, 0\)"),
        (lambda: ops.transpose(FLAT, (0, 0)), ValueError, r"the axes of shape \(5, 7\), each once, got \(0, 0\)"),
        (lambda: ops.matmul(SYMBOL, SYMBOL), TypeError, r"matmul\(\): argument 'x2'.*layers.Dot"),
        (lambda: np.ones((2, 2)) @ SYMBOL, TypeError, r"matmul\(\): argument 'x2'"),
        (lambda: SYMBOL @ np.ones((3, 2)), ValueError, r"\(4, 2\)"),
    ],
)  # fmt: skip
def test_wrong_calls(call, error, text):
    with pytest.raises(error, match=text):
        call()
