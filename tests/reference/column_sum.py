"""The sum of every column."""

import numpy as np


def forward(x):
    return np.asarray(x, np.float64).sum(axis=0, keepdims=True)
