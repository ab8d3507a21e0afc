"""A kernel divided by its spectral norm as the power iteration sees it (Miyato et al. 2018)."""

import numpy as np


def forward(kernel, u, iterations):
    """(kernel, u) after the iterations."""
    w, u = np.asarray(kernel, np.float64), np.asarray(u, np.float64)
    for _ in range(iterations):
        v = w @ u
        if not v.any():
            return w, u
        v /= np.linalg.norm(v)
        u = w.T @ v
        u /= np.linalg.norm(u)
    return w / (v @ w @ u), u
