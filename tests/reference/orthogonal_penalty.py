"""factor * mean |n_i . n_j| over the pairs i < j of rows (or columns) n of x, scaled to length 1."""

import numpy as np


def _rows(x, mode):
    x = np.asarray(x, np.float64)
    return x if mode == "rows" else x.T


def value(x, factor, mode):
    n = _rows(x, mode)
    n = n / np.linalg.norm(n, axis=1, keepdims=True)
    pairs = [(i, j) for i in range(len(n)) for j in range(i)]
    return factor * np.mean([abs(n[i] @ n[j]) for i, j in pairs])


def gradient(x, factor, mode):
    x = _rows(x, mode)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    n = x / length
    signs = np.sign(n @ n.T)
    np.fill_diagonal(signs, 0.0)
    dn = factor / (len(n) * (len(n) - 1) / 2) * signs @ n
    dx = (dn - n * (n * dn).sum(axis=1, keepdims=True)) / length
    return dx if mode == "rows" else dx.T
