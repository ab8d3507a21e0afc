"""loss = T^2 sum_j p_j (log p_j - log q_j) of each row, p = softmax(target / T), q = softmax(x / T).

Hinton, Vinyals, Dean 2015.
"""

import numpy as np

from tests.reference import softmax


def forward(x, target, temperature):
    log_q = softmax.log_forward(np.asarray(x, np.float64) / temperature)
    log_p = softmax.log_forward(np.asarray(target, np.float64) / temperature)
    return temperature**2 * (np.exp(log_p) * (log_p - log_q)).sum(axis=1)


def backward(x, target, temperature, weight=None, scale=1.0):
    q = softmax.forward(np.asarray(x, np.float64) / temperature)
    p = softmax.forward(np.asarray(target, np.float64) / temperature)
    factor = scale * (np.ones(len(x)) if weight is None else np.asarray(weight, np.float64))
    return factor[:, None] * temperature * (q - p)
