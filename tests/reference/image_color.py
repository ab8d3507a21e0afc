"""Changes of the values of images (rows, height, width, channels), each by its row of parameters."""

import numpy as np


def brightness(x, p, other, low, high):
    return np.clip(x + p[0] * (high - low), low, high)


def contrast(x, p, other, low, high):
    mean = x.mean(axis=(0, 1))
    return np.clip((x - mean) * p[0] + mean, low, high)


def gamma(x, p, other, low, high):
    return low + (high - low) * np.clip((x - low) / (high - low), 0, 1) ** p[0]


def invert(x, p, other, low, high):
    return high - x if p[1] < p[0] else x


def blend(x, p, other, low, high):
    return np.clip(x + p[0] * (other.reshape(x.shape) - x), low, high)


def salt(x, p, other, low, high):
    noise = other.reshape(*x.shape[:2], 1)
    return np.where(noise < p[0] / 2, low, np.where(noise >= 1 - p[0] / 2, high, x))


def inside(share, coin, size):
    """Which pixels of a side lie in the box."""
    start = coin * (size - np.sqrt(share) * size)
    return (np.arange(size) >= start) & (np.arange(size) < start + np.sqrt(share) * size)


def erase(x, p, other, low, high):
    if p[1] >= p[0]:
        return x
    box = inside(p[2], p[4], x.shape[0])[:, None, None] & inside(p[3], p[5], x.shape[1])[None, :, None]
    return np.where(box, np.clip(other.reshape(x.shape), low, high), x)


def forward(x, kind, parameters, other=None, low=0.0, high=255.0):
    change = globals()[kind]
    beside = [None] * len(x) if other is None else np.asarray(other, np.float64)
    return np.stack(
        [
            change(image, p, second, low, high)
            for image, p, second in zip(
                np.asarray(x, np.float64), np.asarray(parameters, np.float64), beside, strict=True
            )
        ]
    )
