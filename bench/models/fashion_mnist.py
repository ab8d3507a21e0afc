"""The demo's network, data, batch size and epochs: densor against PyTorch eager.

Timed is the training, from the uint8 images as they come from the file: scaling, shuffling, every epoch. The
accuracy on the test images stands beside the time. PyTorch has what makes its eager mode fast: the images as
one float tensor, indexed batch by batch (no DataLoader), and the fused optimizer.
"""

import math
import time

import numpy as np

import contestant
from contestant import Figures

EPOCHS, BATCH, RATE, DROPOUT = 10, 128, 0.1, 0.1
EQUAL = 0.01  # of the accuracy, which shows that the work was equal: seeds differ by half of it


def figures(seconds: float, accuracy: float, rows: int) -> Figures:
    name = f"784-300-100-10, batch {BATCH}, {EPOCHS} epochs"
    return {name: {"seconds": seconds, "samples/s": EPOCHS * rows / seconds, "test accuracy": accuracy}}


def densor() -> Figures:
    import densor
    from densor import demo

    data = demo.load("fashion_mnist")
    x, y = data.train
    densor.utils.set_random_seed(0)
    model = demo.build(data, steps=EPOCHS * -(-len(x) // BATCH))
    start = time.perf_counter()
    model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    seconds = time.perf_counter() - start
    accuracy = np.mean(model.predict(data.test[0], verbose=0).argmax(axis=1) == data.test[1])
    return figures(seconds, float(accuracy), len(x))


def torch() -> Figures:
    import torch

    from densor import demo

    torch.manual_seed(0)
    data = demo.load("fashion_mnist")
    model = torch_network(torch.nn)
    start = time.perf_counter()
    x = torch.from_numpy(np.array(data.train[0])).flatten(1).float().div_(255)
    y = torch.from_numpy(np.array(data.train[1])).long()
    optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=0.9, nesterov=True, fused=True)
    steps = EPOCHS * math.ceil(len(x) / BATCH)
    step = 0
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for begin in range(0, len(x), BATCH):
            optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            rows = order[begin : begin + BATCH]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
            step += 1
    seconds = time.perf_counter() - start
    model.eval()
    with torch.no_grad():
        predicted = model(torch.from_numpy(np.array(data.test[0])).flatten(1).float() / 255).argmax(1).numpy()
    return figures(seconds, float(np.mean(predicted == data.test[1])), len(x))


def torch_network(nn):
    """The network of `densor.demo.build`."""
    layers = []
    for inputs, units in ((784, 300), (300, 100)):
        layers += [nn.Linear(inputs, units, bias=False), nn.BatchNorm1d(units, eps=1e-3, momentum=0.1)]
        layers += [nn.ReLU(), nn.Dropout(DROPOUT)]
    layers.append(nn.Linear(100, 10))
    for layer in layers[:-1]:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.xavier_uniform_(layers[-1].weight)
    nn.init.zeros_(layers[-1].bias)
    return nn.Sequential(*layers)


CONTESTANTS = {"densor": densor, "torch": torch}

if __name__ == "__main__":
    contestant.main(CONTESTANTS, equal={"test accuracy": EQUAL})
