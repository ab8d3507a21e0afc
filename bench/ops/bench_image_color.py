"""image_color against PyTorch. Bytes: reads x, writes y."""

import numpy as np

import contestant

CASES = {
    f"({rows},{side},{side},{channels}) {kind}": (rows, side, channels, kind)
    for rows, side, channels in ((128, 28, 1), (1024, 32, 3))
    for kind in ("brightness", "contrast", "gamma")
}


def images(rows, side, channels):
    return np.random.default_rng(0).random((rows, side * side * channels), np.float32)


def densor(rows, side, channels, kind):
    from densor import _core

    x = images(rows, side, channels)
    y, amount = np.empty_like(x), np.linspace(0.5, 1.5, rows, dtype=np.float32).reshape(-1, 1)
    step = _core.image_color(y, x, None, amount, kind, [side, side, channels], 0.0, 1.0)
    return step.run, 2 * x.nbytes


def torch(rows, side, channels, kind):
    import torch

    x = torch.tensor(images(rows, side, channels)).reshape(rows, side, side, channels)
    amount = torch.linspace(0.5, 1.5, rows).reshape(-1, 1, 1, 1)

    def contrast():
        mean = x.mean(dim=(1, 2), keepdim=True)
        return ((x - mean) * amount + mean).clamp(0, 1)

    calls = {
        "brightness": lambda: (x + amount).clamp(0, 1),
        "contrast": contrast,
        "gamma": lambda: x.clamp(0, 1) ** amount,
    }
    return calls[kind], 2 * x.numel() * 4


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
