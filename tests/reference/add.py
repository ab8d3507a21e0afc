"""y = a + b, in float32: one rounding, so exact equality is asked for."""

import numpy as np


def forward(a, b):
    return np.asarray(a, np.float32) + np.asarray(b, np.float32)
