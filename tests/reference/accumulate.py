"""totals + (sum of values * weight, number of rows), added row by row in double."""

import numpy as np


def forward(totals, values, weight=None):
    total, rows = totals
    weight = np.ones(len(values)) if weight is None else np.asarray(weight, np.float64)
    for value, factor in zip(np.asarray(values, np.float64), weight, strict=True):
        total += value * factor
    return np.array([total, rows + len(values)])
