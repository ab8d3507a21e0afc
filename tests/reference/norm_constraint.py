"""w (rate clip(n, low, high) + (1 - rate) n) / (n + 1e-7), n the norms along an axis."""

import numpy as np


def apply(w, low, high, rate=1.0, axis=0):
    w = np.asarray(w, np.float64)
    axis = tuple(axis) if isinstance(axis, list) else axis
    norm = np.sqrt((w * w).sum(axis=axis, keepdims=True))
    return w * (rate * np.clip(norm, low, high) + (1 - rate) * norm) / (norm + 1e-7)
