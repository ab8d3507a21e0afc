"""bfloat16 terms, the tile instruction of AMX, and the products made of them: bit by bit, in NumPy.

TDPBF16PS as Intel documents it (Software Developer's Manual, volume 2): of each pair of bfloat16 numbers the lower ones
make up one chain of float32 multiply-adds, the upper ones another; their sum is added to c. Denormals are zero.
"""

import numpy as np

TERMS = {1: ((0, 0),), 3: ((0, 1), (0, 0), (1, 0)), 6: ((2, 0), (1, 0), (1, 1), (0, 1), (0, 2), (0, 0))}
SIDE = 32  # terms of k in one instruction
TINY = np.float32(2.0**-126)


def flush(x):
    """Denormals become zero of the same sign."""
    return np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x).astype(np.float32)


def rounded(x):
    """To the nearest bfloat16, ties to even, as a float32."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.where(np.isnan(x), np.float32(np.nan), bits.astype(np.uint32).view(np.float32))


def split(x, count):
    """The first `count` bfloat16 terms of x: ties to even in the first, away from zero in the second."""
    with np.errstate(invalid="ignore"):
        terms = [rounded(x)]
        rest = flush(x - terms[0])
        bits = (rest.view(np.uint32).astype(np.uint64) + 0x8000) & 0xFFFF0000
        terms.append(bits.astype(np.uint32).view(np.float32))
        terms.append(flush(rest - terms[1]))
    return terms[:count]


def to_float32(exact):
    """Rounds pairs of float64 (sum, error of the sum) once: the error decides what looks like a tie."""
    total, error = exact
    # Round to odd: a sum that is not exact gets an odd last bit, so that the second rounding is the only one.
    bits = total.view(np.int64)
    inexact = (error != 0) & np.isfinite(total) & (bits & 1 == 0)
    towards = np.where((error > 0) == (total >= 0), 1, -1)
    odd = np.where(inexact, bits + towards, bits).view(np.float64)
    return odd.astype(np.float32)


def multiply_add(a, b, c):
    """float32 fma(a, b, c), denormals zero on both sides."""
    product = flush(a).astype(np.float64) * flush(b).astype(np.float64)  # 48 bits at most: exact
    c = flush(c).astype(np.float64)
    total = product + c
    part = total - product
    error = (product - (total - part)) + (c - part)
    return flush(to_float32((total, np.where(np.isfinite(total), error, 0.0))))


def instruction(c, a, b):
    """c (m, n) += a (m, 32) b (32, n) of bfloat16 numbers: terms k and k + 16 are a pair."""
    sums = []
    for half in (slice(0, 16), slice(16, 32)):
        total = np.zeros_like(c)
        for a_k, b_k in zip(a[:, half].T, b[half], strict=True):
            total = multiply_add(a_k[:, None], b_k[None], total)
        sums.append(total)
    return flush(flush(c) + flush(sums[0] + sums[1]))


def product(a, b, products):
    """a b (float32), as the kernels compute it from 1, 3 or 6 products; without what they put right."""
    count = {1: 1, 3: 2, 6: 3}[products]
    padding = -a.shape[1] % SIDE
    a_terms = split(np.pad(a, ((0, 0), (0, padding))), count)
    b_terms = split(np.pad(b, ((0, padding), (0, 0))), count)
    c = np.zeros((a.shape[0], b.shape[1]), np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        for k in range(0, a.shape[1] + padding, SIDE):
            for s, t in TERMS[products]:
                c = instruction(c, a_terms[s][:, k : k + SIDE], b_terms[t][k : k + SIDE])
    return c
