"""image_blur: kernels of given sizes and of six deviations, also longer than the image."""

import numpy as np
import pytest

from densor import ops
from tests.ops.harness import _core, check, normal
from tests.reference import image_blur as reference

SIZES = [(1, 1, 1), (1, 7, 2), (6, 1, 1), (5, 4, 3), (17, 33, 1)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (3, 7), (21, 5), (0, 0)], ids=str)
@pytest.mark.parametrize("columns", [3, 4])
def test_values(size, kernel_size, columns):
    rng = np.random.default_rng([*size, *kernel_size])
    x = normal(rng, 6, *size)
    parameters = np.concatenate([rng.random((6, 2)), rng.uniform(0, 3, (6, columns - 2))], 1).astype(
        np.float32
    )
    expected = reference.forward(x, parameters, kernel_size, -0.5, 1.5)
    check(
        "image_blur",
        lambda o, i: _core.image_blur(o.y, i.x, i.parameters, list(size), list(kernel_size), -0.5, 1.5),
        {"x": x.reshape(6, -1), "parameters": parameters},
        {"y": (6, x[0].size)},
        {"y": expected.reshape(6, -1)},
        {"y": 4.0},
    )


def test_an_image_that_is_not_chosen_keeps_its_bits():
    x = normal(np.random.default_rng(0), 2, 5, 6, 3)
    np.testing.assert_array_equal(ops.image_blur(x, [[0.5, 0.5, 2.0]] * 2), x)


@pytest.mark.parametrize("deviation", [np.nan, -1.0, 1e30, np.inf])
def test_deviations_that_are_none_do_no_harm(deviation):
    assert ops.image_blur(np.ones((2, 5, 6)), [[1.0, 0.0, deviation]] * 2).shape == (2, 5, 6)
