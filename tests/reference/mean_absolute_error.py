"""loss = mean over columns of |x - target|, with derivative 0 at 0; a target of one column is broadcast."""

import numpy as np


def forward(x, target):
    return np.abs(np.asarray(x, np.float64) - np.asarray(target, np.float64)).mean(axis=1)


def backward(x, target, weight=None, scale=1.0):
    x = np.asarray(x, np.float64)
    factor = scale * (np.ones(len(x)) if weight is None else np.asarray(weight, np.float64))
    return factor[:, None] * np.sign(x - np.asarray(target, np.float64)) / x.shape[1]
