"""The axes of every row in another order."""

import numpy as np


def forward(x, shape, axes):
    """x (rows, features), whose rows have the axes `shape`."""
    moved = x.reshape(len(x), *shape).transpose(0, *(axis + 1 for axis in axes))
    return np.ascontiguousarray(moved).reshape(x.shape)
