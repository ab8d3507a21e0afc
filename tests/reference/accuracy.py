"""Accuracy of each row; the first of equal maxima counts."""

import numpy as np


def forward(x, target, kind, threshold=0.5):
    match kind:
        case "sparse":
            return (np.argmax(x, axis=1) == target).astype(np.float64)
        case "categorical":
            return (np.argmax(x, axis=1) == np.argmax(target, axis=1)).astype(np.float64)
        case "binary":
            return ((np.asarray(x) > threshold) == np.asarray(target)).mean(axis=1)
    raise ValueError(kind)
