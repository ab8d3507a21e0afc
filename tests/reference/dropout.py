"""Inverted dropout, with the noise that every device must reproduce.

Philox4x32-10 under key (seed low, seed high). A block of 128 columns b, lane l = 0..15, has the counter
(16 b + l, row, step, stream); group g = 0..7 of the block takes half g % 2 of output word g // 2 for its
column 128 b + 16 g + l, which is kept iff half >= round(rate * 65536).
"""

import numpy as np

from tests.reference.activation import SELU_ALPHA, SELU_SCALE
from tests.reference.philox import LOW, philox4x32, seed_key

BLOCK, LANES, GROUPS = 128, 16, 8


def noise(rows, cols, seed, stream, step=0):
    """uint32 (rows, cols) holding the 16-bit half of each element."""
    blocks = -(-cols // BLOCK)
    lanes = np.arange(blocks * LANES).reshape(1, blocks, LANES)
    row = np.arange(rows).reshape(rows, 1, 1)
    words = philox4x32((lanes, row, step & LOW, stream), seed_key(seed))
    halves = [(words[g // 2] >> (16 * (g % 2))) & 0xFFFF for g in range(GROUPS)]
    return np.stack(halves, axis=2).reshape(rows, blocks * BLOCK)[:, :cols]


def kept(rows, cols, rate, seed, stream, step=0):
    """bool (rows, cols)."""
    return noise(rows, cols, seed, stream, step) >= round(rate * 65536)


def pack(keep):
    """Mask words uint16 (rows, ceil(cols / 16)): bit j of word w is column 16 w + j."""
    rows, cols = keep.shape
    words = -(-cols // 16)
    bits = np.zeros((rows, words * 16), np.uint32)
    bits[:, :cols] = keep
    return (bits.reshape(rows, words, 16) << np.arange(16, dtype=np.uint32)).sum(axis=2).astype(np.uint16)


def spread(noise_shape, shape, rate, seed, stream, step=0):
    """bool `shape`: what is kept where the noise has `noise_shape`, each size that of `shape` or 1."""
    rows, columns = noise_shape[0], int(np.prod(noise_shape[1:]))
    return np.broadcast_to(kept(rows, columns, rate, seed, stream, step).reshape(noise_shape), shape)


def alpha_values(rate):
    """a, b and the value s of dropped elements: y = a x + b where kept, else a s + b."""
    saturated = -SELU_SCALE * SELU_ALPHA
    a = ((1 - rate) * (1 + rate * saturated**2)) ** -0.5
    return a, -a * rate * saturated, saturated


def forward(x, keep, rate, kind="inverted"):
    x = np.asarray(x, np.float64)
    if kind == "alpha":
        a, b, saturated = alpha_values(rate)
        return a * np.where(keep, x, saturated) + b
    return np.where(keep, x / (1.0 - rate), 0.0)


def backward(dy, keep, rate, kind="inverted"):
    slope = alpha_values(rate)[0] if kind == "alpha" else 1.0 / (1.0 - rate)
    return np.where(keep, np.asarray(dy, np.float64) * slope, 0.0)
