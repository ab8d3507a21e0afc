"""Normal noise of matrices: word w of lane l of block b of a row's columns belongs to column 64 b + 16 w + l.

The counter is (16 b + l, row, step, stream) under the key of the seed.
"""

import numpy as np

from tests.reference.philox import LOW, philox4x32, seed_key
from tests.reference.random import BLOCK, LANES, standard_normal


def noise(rows, cols, seed, stream, step=0):
    blocks = -(-cols // BLOCK)
    lanes = np.arange(blocks * LANES).reshape(1, blocks, LANES)
    row = np.arange(rows).reshape(rows, 1, 1)
    words = philox4x32((lanes, row, step & LOW, stream), seed_key(seed))
    return standard_normal(words.transpose(1, 2, 0, 3).reshape(rows, -1)[:, :cols])


def forward(x, stddev, multiplies, seed, stream, step=0):
    x = np.asarray(x, np.float64)
    z = stddev * noise(*x.shape, seed, stream, step)
    return x * (1 + z) if multiplies else x + z
