"""y = x * scale + offset."""

import numpy as np


def forward(x, scale, offset):
    return np.asarray(x, np.float64) * scale + offset
