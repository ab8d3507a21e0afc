"""Batch normalization of columns (Ioffe and Szegedy 2015): biased variance, then scale, shift and activation."""

import numpy as np

from tests.reference import activation as f


def _affine(x, gamma, beta):
    gamma = np.ones(x.shape[1]) if gamma is None else np.asarray(gamma, np.float64)
    beta = np.zeros(x.shape[1]) if beta is None else np.asarray(beta, np.float64)
    return gamma, beta


def statistics(x):
    """Mean and biased variance of each column."""
    x = np.asarray(x, np.float64)
    mean = x.mean(axis=0)
    return mean, ((x - mean) ** 2).mean(axis=0)


def inference(x, gamma, beta, mean, variance, epsilon, activation="linear", alpha=0.0):
    """Returns (y, z), z before the activation."""
    x = np.asarray(x, np.float64)
    gamma, beta = _affine(x, gamma, beta)
    z = gamma * (x - mean) / np.sqrt(np.asarray(variance, np.float64) + epsilon) + beta
    return f.forward(z, activation, alpha), z


def forward(x, gamma, beta, epsilon, activation="linear", alpha=0.0):
    """Returns (y, z, mean, variance)."""
    mean, variance = statistics(x)
    y, z = inference(x, gamma, beta, mean, variance, epsilon, activation, alpha)
    return y, z, mean, variance


def _upstream(dy, x, z, mean, variance, epsilon, activation, alpha):
    dz = f.backward(dy, z, activation, alpha)
    inverse = 1.0 / np.sqrt(np.asarray(variance, np.float64) + epsilon)
    return dz, (np.asarray(x, np.float64) - mean) * inverse, inverse


def backward(dy, x, z, gamma, mean, variance, epsilon, activation="linear", alpha=0.0):
    """Returns (dx, dgamma, dbeta) with mean and variance functions of x."""
    dz, normalized, inverse = _upstream(dy, x, z, mean, variance, epsilon, activation, alpha)
    gamma, _ = _affine(dz, gamma, None)
    dgamma, dbeta = (dz * normalized).sum(axis=0), dz.sum(axis=0)
    dx = gamma * inverse * (dz - dbeta / len(dz) - normalized * dgamma / len(dz))
    return dx, dgamma, dbeta


def inference_backward(dy, x, z, gamma, mean, variance, epsilon, activation="linear", alpha=0.0):
    """Returns (dx, dgamma, dbeta) with mean and variance constants (a frozen layer)."""
    dz, normalized, inverse = _upstream(dy, x, z, mean, variance, epsilon, activation, alpha)
    gamma, _ = _affine(dz, gamma, None)
    return gamma * inverse * dz, (dz * normalized).sum(axis=0), dz.sum(axis=0)


def update(moving, batch, momentum):
    """Moving average of a statistic: momentum weights the old value."""
    return momentum * np.asarray(moving, np.float64) + (1.0 - momentum) * np.asarray(batch, np.float64)
