"""l1 sum |x| + l2 sum x^2 and its gradient, 0 for |x| at 0."""

import numpy as np


def value(x, l1=0.0, l2=0.0):
    x = np.asarray(x, np.float64)
    return l1 * np.abs(x).sum() + l2 * (x * x).sum()


def gradient(x, l1=0.0, l2=0.0):
    x = np.asarray(x, np.float64)
    return l1 * np.sign(x) + 2 * l2 * x
