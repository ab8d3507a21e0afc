"""PyTorch with the whole step compiled as one graph: gradients by `torch.func`, Adam written out, state in place."""

import functools
import time

import torch
from torch.nn import functional

from peers.network import CLIP, DROPOUT, EPOCHS, EPSILON, MOMENTUM, RATE, Network

Layers = list[dict[str, torch.Tensor]]


def train(network: Network) -> tuple[list[float], float]:
    """Seconds of each epoch, and the loss of the first one, before rounding has grown."""
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    torch._dynamo.reset()
    x, y = (torch.from_numpy(array) for array in network.data())
    y = y.float() if network.binary else y.long()
    layers, moving = first_state(network)
    slots = [[torch.zeros_like(w) for w in flat(layers)] for _ in range(2)]
    t = torch.zeros(())
    run = torch.compile(functools.partial(step, network))
    seconds, means = [], []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        losses = [
            run(layers, moving, slots, t, x[i : i + network.batch], y[i : i + network.batch])
            for i in range(0, len(x), network.batch)
        ]
        means.append(float(torch.stack(losses).mean()))
        seconds.append(time.perf_counter() - start)
    return seconds, means[0]


def first_state(network: Network) -> tuple[Layers, Layers]:
    """The layers, and the moving averages of the batch normalizations between them."""
    layers, moving = [], []
    kernels = network.kernels()
    for i, kernel in enumerate(kernels):
        units = kernel.shape[1]
        layer = {"kernel": torch.from_numpy(kernel), "bias": torch.zeros(units)}
        if network.rich and i < len(kernels) - 1:
            layer["gamma"] = torch.ones(units)
            moving.append({"mean": torch.zeros(units), "variance": torch.ones(units)})
        layers.append(layer)
    return layers, moving


def flat(layers: Layers) -> list[torch.Tensor]:
    return [weights for layer in layers for weights in layer.values()]


def step(network: Network, layers: Layers, moving: Layers, slots, t, x, y) -> torch.Tensor:
    gradients, (loss, statistics) = torch.func.grad(functools.partial(loss_of, network), has_aux=True)(
        layers, x, y
    )
    gradients = flat(gradients)
    if network.rich:
        norm = torch.stack([(g * g).sum() for g in gradients]).sum().sqrt()
        gradients = [g * (CLIP / norm.clamp(min=CLIP)) for g in gradients]
        for average, batch in zip(flat(moving), flat(statistics), strict=True):
            average.lerp_(batch, 1 - MOMENTUM)
    t.add_(1)
    rate = RATE * (1 - 0.999**t).sqrt() / (1 - 0.9**t)
    for w, g, m, v in zip(flat(layers), gradients, *slots, strict=True):
        m.lerp_(g, 0.1)
        v.lerp_(g * g, 0.001)
        w.sub_(rate * m / (v.sqrt() + 1e-7))
    return loss


def loss_of(network: Network, layers: Layers, x, y):
    *hidden, last = layers
    statistics = []
    for layer in hidden:
        if network.rich:
            x = x @ layer["kernel"]
            mean, variance = x.mean(0), x.var(0, unbiased=False)
            statistics.append({"mean": mean.detach(), "variance": variance.detach()})
            x = (x - mean) * (variance + EPSILON).rsqrt() * layer["gamma"] + layer["bias"]
            x = functional.dropout(x.relu(), DROPOUT)
        else:
            x = torch.addmm(layer["bias"], x, layer["kernel"]).relu()
    z = torch.addmm(last["bias"], x, last["kernel"])
    if network.binary:
        loss = functional.binary_cross_entropy_with_logits(z[:, 0], y)
    else:
        loss = functional.cross_entropy(z, y)
    return loss, (loss.detach(), statistics)
