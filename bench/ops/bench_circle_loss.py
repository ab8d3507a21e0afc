"""circle_loss of similarities, with its gradient, against PyTorch. Bytes: read x, write dx."""

import numpy as np

import contestant
from contestant import normal

CASES = {f"({rows},{cols})": (rows, cols) for rows, cols in ((32, 32), (256, 256), (1024, 1024))}
GAMMA, MARGIN = 80.0, 0.4


def data(rows, cols):
    labels = (np.arange(max(rows, cols)) % 10).astype(np.float32)
    return np.clip(0.3 * normal(rows, cols), -1, 1), labels[:rows].copy(), labels[:cols].copy()


def densor(rows, cols):
    from densor import _core

    x, label, reference = data(rows, cols)
    loss, dx = np.empty(rows, np.float32), np.empty_like(x)
    return _core.circle_loss(loss, dx, x, label, reference, GAMMA, MARGIN, True).run, 2 * x.nbytes


def torch(rows, cols):
    import torch

    x, label, reference = map(torch.tensor, data(rows, cols))
    x.requires_grad_()
    equal = label[:, None] == reference
    same = equal & ~torch.eye(rows, cols, dtype=torch.bool)
    nothing = torch.tensor(-torch.inf)

    def circle_loss():
        d = torch.clamp(1 - x, min=0)
        near = GAMMA * torch.clamp(MARGIN + d, min=0) * (d - MARGIN)
        far = GAMMA * torch.clamp(1 + MARGIN - d, min=0) * (1 - MARGIN - d)
        sums = [torch.where(mask, v, nothing).logsumexp(1) for mask, v in ((same, near), (~equal, far))]
        return torch.autograd.grad(torch.nn.functional.softplus(sums[0] + sums[1]).sum(), x)

    return circle_loss, 2 * x.numel() * 4


CONTESTANTS = contestant.memory_bound(CASES, densor=densor, torch=torch)

if __name__ == "__main__":
    contestant.main(CONTESTANTS)
