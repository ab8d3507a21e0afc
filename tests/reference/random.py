"""Random fills and permutations as functions of Philox words, in float64.

Numbers come in blocks of 64: element 64 b + 16 w + l is word w of the counter (16 b + l, its high word, `what`,
stream) under the key of the seed. A fill takes one word an element: 24 bits make a uniform number; of a normal
one the lowest bit is the sign and the others, as m, the tail probability (m + 1/2) / 2^31 of the magnitude.
"""

from statistics import NormalDist

import numpy as np

from tests.reference.philox import LOW, philox4x32, seed_key

LANES, BLOCK = 16, 64
FILL, PERMUTATION = LOW, LOW - 1
OUTSIDE = 2 * NormalDist().cdf(-2)  # probability of a normal number beyond two standard deviations


def words(n, seed, stream, what=FILL):
    blocks = -(-n // BLOCK)
    counter = np.arange(blocks * LANES, dtype=np.uint64)
    noise = philox4x32((counter & np.uint64(LOW), counter >> np.uint64(32), what, stream), seed_key(seed))
    return noise.reshape(4, blocks, LANES).swapaxes(0, 1).reshape(-1)[:n]


def uniform(n, low, high, seed, stream):
    return low + (words(n, seed, stream) >> 8) / 2**24 * (high - low)


def rows(n, low, high, seed, stream, step=0):
    """Row r, column 64 b + 16 w + l: word w of the counter (16 b + l, r, step, stream)."""
    blocks = -(-len(low) // BLOCK)
    lanes = np.arange(blocks * LANES).reshape(1, blocks, LANES)
    noise = philox4x32((lanes, np.arange(n).reshape(n, 1, 1), step & LOW, stream), seed_key(seed))
    unit = (noise.transpose(1, 2, 0, 3).reshape(n, -1)[:, : len(low)] >> 8) / 2**24
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    return low + unit * (high - low)


def _signed_magnitude(noise, tail):
    magnitude = -np.vectorize(NormalDist().inv_cdf)(tail / 2)
    return np.where(noise & 1, -magnitude, magnitude)


def standard_normal(noise):
    """The normal numbers that words of noise stand for."""
    return _signed_magnitude(noise, ((noise >> 1) + 0.5) / 2**31)


def normal(n, mean, stddev, seed, stream):
    return mean + stddev * standard_normal(words(n, seed, stream))


def truncated_normal(n, mean, stddev, seed, stream):
    noise = words(n, seed, stream)
    tail = OUTSIDE + (1 - OUTSIDE) * (((noise >> 1) + 0.5) / 2**31)
    return mean + stddev * _signed_magnitude(noise, tail)


def permutation(n, seed, stream):
    """Fisher-Yates; a word that would make some choices likelier than others is drawn again."""
    noise = iter(words(4 * n + BLOCK, seed, stream, PERMUTATION).tolist())
    out = []
    for i in range(n):
        product = next(noise) * (i + 1)
        while (product & LOW) < 2**32 % (i + 1):
            product = next(noise) * (i + 1)
        j = product >> 32
        out.append(i)
        out[i], out[j] = out[j], i
    return np.array(out, np.int64)
