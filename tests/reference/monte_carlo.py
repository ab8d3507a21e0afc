"""Mean, population deviation and entropy over samples of predictions."""

import numpy as np


def forward(samples):
    """(mean, sum of squared deviations from it) over the first axis."""
    samples = np.asarray(samples, np.float64)
    return samples.mean(axis=0), samples.var(axis=0) * len(samples)


def entropy(p, independent=False):
    """Nats of every row: of one choice among the columns, or the sum over independent columns."""
    p = np.asarray(p, np.float64)

    def surprise(q):
        return np.where(q > 0, -q * np.log(np.where(q > 0, q, 1.0)), 0.0)

    return (surprise(p) + (surprise(1 - p) if independent else 0.0)).sum(axis=-1)
