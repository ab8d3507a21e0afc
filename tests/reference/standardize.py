"""Columns to mean 0 and deviation 1 by given statistics, and back."""

import numpy as np


def forward(x, mean, variance, epsilon=1e-7, invert=False):
    deviation = np.maximum(np.sqrt(np.asarray(variance, np.float64)), epsilon)
    mean = 0.0 if mean is None else np.asarray(mean, np.float64)
    return x * deviation + mean if invert else (np.asarray(x, np.float64) - mean) / deviation
