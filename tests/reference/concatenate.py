"""Columns side by side, and back."""

import numpy as np


def forward(xs):
    return np.concatenate(xs, axis=1)


def backward(dy, widths):
    return np.split(dy, np.cumsum(widths)[:-1], axis=1)
