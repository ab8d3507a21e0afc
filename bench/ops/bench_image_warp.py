"""image_warp, a rotation, against PyTorch's grid_sample with the grid made beforehand. Bytes: reads x, writes y."""

import numpy as np

import contestant

CASES = {
    f"({rows},{side},{side},{channels})": (rows, side, channels)
    for rows, side, channels in ((128, 28, 1), (1024, 28, 1), (128, 32, 3))
}


def images(rows, side, channels):
    return np.random.default_rng(0).random((rows, side * side * channels), np.float32)


def densor(rows, side, channels):
    from densor import _core

    x = images(rows, side, channels)
    y, turns = np.empty_like(x), np.linspace(-0.1, 0.1, rows, dtype=np.float32).reshape(-1, 1)
    step = _core.image_warp(
        y, x, turns, None, "rotation", [side, side, channels], [side, side], "reflect", 0.0, False
    )
    return step.run, 2 * x.nbytes


def torch(rows, side, channels):
    import torch

    x = torch.tensor(images(rows, side, channels)).reshape(rows, channels, side, side)
    angle = torch.linspace(-0.6, 0.6, rows)
    turn = torch.stack([angle.cos(), -angle.sin(), 0 * angle, angle.sin(), angle.cos(), 0 * angle], 1)
    grid = torch.nn.functional.affine_grid(turn.reshape(-1, 2, 3), x.shape, align_corners=True)
    options = {"padding_mode": "reflection", "align_corners": True}
    return lambda: torch.nn.functional.grid_sample(x, grid, **options), 2 * x.numel() * 4


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
