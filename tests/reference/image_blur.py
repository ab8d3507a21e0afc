"""Gaussian blur of images (rows, height, width, channels), zeros outside."""

import numpy as np


def weights(size, deviation):
    """A Gaussian of `size` pixels, or of six deviations, that sums to 1."""
    deviation = deviation + 1e-6
    size = size or int(6 * deviation) | 1
    at = np.arange(size) - size // 2
    gaussian = np.exp(-0.5 * (at / deviation) ** 2)
    return gaussian / gaussian.sum()


def along(x, axis, kernel):
    return np.apply_along_axis(
        lambda line: np.convolve(line, kernel)[len(kernel) // 2 :][: len(line)], axis, x
    )


def forward(x, parameters, kernel_size=(0, 0), low=-np.inf, high=np.inf):
    x = np.array(x, np.float64)
    for image, p in zip(x, np.asarray(parameters, np.float64), strict=True):
        if p[1] < p[0]:
            across, down = weights(kernel_size[0], p[2]), weights(kernel_size[1], p[-1])
            image[...] = along(along(image, 1, across), 0, down)
    return np.clip(x, low, high)
