"""PyTorch: batches are slices of one tensor, the optimizer is the fused one, denormals are flushed. Eager, or with the
model compiled."""

import time

import torch
from torch import nn

from peers.network import CLIP, DROPOUT, EPOCHS, EPSILON, MOMENTUM, RATE, Network


def train(network: Network, compiled: bool = False) -> tuple[list[float], float]:
    """Seconds of each epoch, and the loss of the first one, before rounding has grown."""
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    x, y = (torch.from_numpy(array) for array in network.data())
    y = y[:, None].float() if network.binary else y.long()
    loss_of = nn.BCEWithLogitsLoss() if network.binary else nn.CrossEntropyLoss()
    model = build(network)
    optimizer = torch.optim.Adam(model.parameters(), RATE, eps=1e-7, fused=True)
    forward = torch.compile(model) if compiled else model
    seconds, means = [], []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        losses = []
        for i in range(0, len(x), network.batch):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=network.precision == "bfloat16"):
                loss = loss_of(forward(x[i : i + network.batch]), y[i : i + network.batch])
            loss.backward()
            if network.rich:
                nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            losses.append(loss.detach())
        means.append(float(torch.stack(losses).mean()))
        seconds.append(time.perf_counter() - start)
    return seconds, means[0]


def build(network: Network) -> nn.Module:
    layers: list[nn.Module] = []
    *hidden, last = network.kernels()
    for kernel in hidden:
        layers.append(linear(kernel, bias=not network.rich))
        if network.rich:
            layers.append(nn.BatchNorm1d(kernel.shape[1], eps=EPSILON, momentum=1 - MOMENTUM))
        layers.append(nn.ReLU())
        if network.rich:
            layers.append(nn.Dropout(DROPOUT))
    return nn.Sequential(*layers, linear(last, bias=True))


def linear(kernel, bias: bool) -> nn.Linear:
    layer = nn.Linear(*kernel.shape, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
        if bias:
            layer.bias.zero_()
    return layer
