"""softplus(logsumexp over pairs of one class + logsumexp over other pairs) of rows of similarities x."""

import numpy as np


def _pairs(x, label, reference, gamma, margin, without_diagonal):
    """(values, slopes by x, which pairs count) of the pairs of one class, and of the others."""
    x = np.asarray(x, np.float64)
    same = np.asarray(label)[:, None] == np.asarray(reference)
    other = ~same
    if without_diagonal:
        same = same & ~np.eye(*same.shape, dtype=bool)
    d, down = np.maximum(1 - x, 0), np.where(x < 1, -1.0, np.where(x == 1, -0.5, 0.0))
    near, far = np.maximum(margin + d, 0), np.maximum(1 + margin - d, 0)
    yield gamma * near * (d - margin), gamma * (near > 0) * (near + d - margin) * down, same
    yield gamma * far * (1 - margin - d), -gamma * (far > 0) * (far + 1 - margin - d) * down, other


def _log_sum_exp(values, counts):
    return np.logaddexp.reduce(np.where(counts, values, -np.inf), axis=1, initial=-np.inf)


def forward(x, label, reference, gamma, margin, without_diagonal):
    pairs = _pairs(x, label, reference, gamma, margin, without_diagonal)
    return np.logaddexp(0.0, sum(_log_sum_exp(values, counts) for values, _, counts in pairs))


def backward(x, label, reference, gamma, margin, without_diagonal):
    pairs = list(_pairs(x, label, reference, gamma, margin, without_diagonal))
    totals = [_log_sum_exp(values, counts) for values, _, counts in pairs]
    share = np.exp(-np.logaddexp(0.0, -sum(totals)))
    dx = np.zeros(np.shape(x))
    for (values, slopes, counts), total in zip(pairs, totals, strict=True):
        safe = np.where(np.isfinite(total), total, 0.0)[:, None]
        dx += share[:, None] * np.exp(np.where(counts, values, -np.inf) - safe) * slopes
    return dx
