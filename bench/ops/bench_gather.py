"""gather of a shuffled batch of uint8 images, scaled to float32, against PyTorch's indexing.

Bytes: read one byte, write four, per pixel. PyTorch converts after the indexing, as a user of uint8 images does.
"""

import numpy as np

import contestant

ROWS, PIXELS = 10000, 784
CASES = {
    f"{batch} of {ROWS:,} x {PIXELS} {kind}": (batch, kind)
    for batch in (32, 128, 1024)
    for kind in ("uint8", "float32")
}


def data(kind):
    return np.random.default_rng(0).integers(0, 256, (ROWS, PIXELS)).astype(kind)


def order(batch):
    return np.random.default_rng(1).permutation(ROWS)[:batch]


def moved(batch, kind):
    return batch * PIXELS * (4 + np.dtype(kind).itemsize)


def densor(batch, kind):
    from densor import _core

    feed, images, rows = _core.Feed(), data(kind), order(batch)
    feed.bind(images)
    step = _core.gather(np.empty((batch, PIXELS), np.float32), feed, 1 / 255, 0.0)
    return lambda: step.run(rows=rows), moved(batch, kind)


def torch(batch, kind):
    import torch

    images, rows = torch.tensor(data(kind)), torch.tensor(order(batch))
    return lambda: images[rows].float().mul_(1 / 255), moved(batch, kind)


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
