"""Normalization of rows: layer, root mean square and unit length; groups of rows have gamma and beta in turn."""

import numpy as np


def _affine(parameters, rows, cols, default):
    """(rows, cols): row i has row i % groups of the parameters, repeated over its columns."""
    if parameters is None:
        return np.full((rows, cols), default)
    parameters = np.asarray(parameters, np.float64)
    groups, inner = parameters.shape
    return np.tile(parameters, (1, cols // inner))[np.arange(rows) % groups]


def statistics(x, epsilon, kind="layer"):
    """(mean, 1 / deviation) of each row; the mean is 0 for the kinds that do not subtract it."""
    x = np.asarray(x, np.float64)
    if kind == "layer":
        return x.mean(axis=1), 1.0 / np.sqrt(x.var(axis=1) + epsilon)
    if kind == "rms":
        return np.zeros(len(x)), 1.0 / np.sqrt((x**2).mean(axis=1) + epsilon)
    return np.zeros(len(x)), 1.0 / np.maximum(np.sqrt((x**2).sum(axis=1)), epsilon)


def _normalized(x, epsilon, kind):
    mean, inverse = statistics(x, epsilon, kind)
    return (np.asarray(x, np.float64) - mean[:, None]) * inverse[:, None], inverse[:, None]


def forward(x, gamma, beta, epsilon, kind="layer"):
    return _normalized(x, epsilon, kind)[0] * _affine(gamma, *x.shape, 1.0) + _affine(beta, *x.shape, 0.0)


def backward(dy, x, gamma, epsilon, kind="layer", groups=1, inner=None):
    """(dx, dgamma, dbeta); the latter (groups, inner), by default the shape of gamma."""
    dy = np.asarray(dy, np.float64)
    rows, cols = x.shape
    groups, inner = (groups, inner or cols) if gamma is None else gamma.shape
    normalized, inverse = _normalized(x, epsilon, kind)
    g = dy * _affine(gamma, rows, cols, 1.0)
    terms = 1 if kind == "unit" else cols
    dx = g - normalized * (g * normalized).sum(axis=1, keepdims=True) / terms
    if kind == "layer":
        dx -= g.mean(axis=1, keepdims=True)

    def per_group(values):
        spans = values.reshape(rows, cols // inner, inner).sum(axis=1)
        return np.stack([spans[group::groups].sum(axis=0) for group in range(groups)])

    return dx * inverse, per_group(dy * normalized), per_group(dy)
