"""Where the GPU benchmarks run: on the GPU, or, with DENSOR_GPU_DRY=1, all of them on the processor with tiny sizes, so
that every line has run before a GPU is at hand. Times of a dry run mean nothing. Needs PyTorch and no densor: what
measures the GPU alone runs without a build.
"""

import os

import torch

DRY = os.environ.get("DENSOR_GPU_DRY") == "1"
DEVICE = "cpu" if DRY else "cuda"


def sized(real: int, dry: int) -> int:
    return dry if DRY else real


def wait() -> None:
    if not DRY:
        torch.cuda.synchronize()
