"""image_blur against PyTorch's convolution, one kernel for all images there. Bytes: reads x, writes y."""

import numpy as np

import contestant

CASES = {
    f"({rows},{side},{side},{channels}) {size}": (rows, side, channels, size)
    for rows, side, channels in ((128, 28, 1), (128, 32, 3))
    for size in (3, 7)
}


def images(rows, side, channels):
    return np.random.default_rng(0).random((rows, side * side * channels), np.float32)


def densor(rows, side, channels, size):
    from densor import _core

    x = images(rows, side, channels)
    y, chosen = np.empty_like(x), np.tile(np.array([1, 0, 1], np.float32), (rows, 1))
    step = _core.image_blur(y, x, chosen, [side, side, channels], [size, size], 0.0, 1.0)
    return step.run, 2 * x.nbytes


def torch(rows, side, channels, size):
    import torch

    x = torch.tensor(images(rows, side, channels)).reshape(rows, channels, side, side)
    at = torch.arange(size) - size // 2
    line = torch.exp(-0.5 * at**2)
    kernel = torch.outer(line, line) / line.sum() ** 2
    kernel = kernel.expand(channels, 1, size, size)
    options = {"padding": size // 2, "groups": channels}
    return lambda: torch.nn.functional.conv2d(x, kernel, **options), 2 * x.numel() * 4


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
