"""cast, float32 to bfloat16 and back, against PyTorch. Bytes: read one, write the other."""

import numpy as np

import contestant
from contestant import normal

SIZES = ((128, 300), (4096, 512), (16384, 1024))
CASES = {f"{way} ({rows},{cols})": (way, rows, cols) for way in ("narrow", "widen") for rows, cols in SIZES}


def densor(way, rows, cols):
    from densor import _core

    wide = normal(rows, cols)
    stored = np.zeros((rows, cols), [("bfloat16", "<u2")])
    y, x = (stored, wide) if way == "narrow" else (wide, stored)
    return _core.cast(y, x).run, wide.nbytes + stored.nbytes


def torch(way, rows, cols):
    import torch

    wide = torch.tensor(normal(rows, cols))
    stored = wide.bfloat16()
    y, x = (stored, wide) if way == "narrow" else (wide, stored)
    return lambda: y.copy_(x), wide.nbytes + stored.nbytes


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
