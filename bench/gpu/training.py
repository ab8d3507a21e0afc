"""A training step of a dense net with Adam, on data that lie on the GPU: of 784-300-100-10, batch 32, unless told."""

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from ground import Contest, Work
from place import DEVICE, DRY, sized, wait
from torch import nn

import densor
from densor import _core

SIZES, BATCH, RATE, EPSILON = (784, 300, 100, 10), 32, 1e-3, 1e-7


class Data:
    """Rows that a net of these sizes can learn, and the weights that all begin with; one output tells two classes."""

    def __init__(self, sizes: tuple[int, ...] = SIZES, batch: int = BATCH) -> None:
        self.sizes, self.batch, self.binary = sizes, batch, sizes[-1] == 1
        self.rows = sized(batch * max(1000 * BATCH // batch, 20), batch * 2)
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((self.rows, sizes[0]), dtype=np.float32)
        scores = self.x @ rng.standard_normal((sizes[0], sizes[-1]))
        self.y = (scores[:, 0] > 0).astype(np.float32) if self.binary else scores.argmax(1)
        pairs = list(itertools.pairwise(sizes))
        self.kernels = [rng.standard_normal(p).astype(np.float32) * (2 / p[0]) ** 0.5 for p in pairs]


def densor_model(data: Data) -> densor.Sequential:
    hidden = [densor.layers.Dense(units, activation="relu") for units in data.sizes[1:-1]]
    last = densor.layers.Dense(data.sizes[-1], activation="sigmoid" if data.binary else "softmax")
    model = densor.Sequential([densor.Input((data.sizes[0],)), *hidden, last])
    model.set_weights([w for kernel in data.kernels for w in (kernel, np.zeros(kernel.shape[1]))])
    loss = "binary_crossentropy" if data.binary else "sparse_categorical_crossentropy"
    model.compile(densor.optimizers.Adam(RATE, epsilon=EPSILON), loss, device="cuda")
    return model


# What `set_device_steps` is told: graphs of launches, or the phases of one kernel.
WAYS = {"densor graphs": "graph", "densor persistent": "persistent"}


def densor_steps(data: Data, way: str = "graph") -> Work:
    model = densor_model(data)
    x, y = (data.x, data.y) if DRY else (torch.from_numpy(a).to(DEVICE) for a in (data.x, data.y))

    def run(calls: int) -> None:
        epochs = max(1, calls * data.batch // data.rows)
        _core.set_device_steps(way)
        model.fit(x, y, batch_size=data.batch, epochs=epochs, verbose=0)
        _core.set_device_steps("auto")

    return run


class TorchSteps:
    """PyTorch with everything on the GPU: the step as it is, or captured in a graph."""

    def __init__(self, data: Data, captured: bool) -> None:
        self.size = data.batch
        self.x, self.y = torch.from_numpy(data.x).to(DEVICE), torch.from_numpy(data.y).to(DEVICE)
        layers: list[nn.Module] = []
        for kernel in data.kernels:
            linear = nn.Linear(*kernel.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(kernel.T.copy()))
                linear.bias.zero_()
            layers += [linear, nn.ReLU()]
        self.model = nn.Sequential(*layers[:-1]).to(DEVICE)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), RATE, eps=EPSILON, fused=captured, capturable=captured and not DRY
        )
        self.loss_of = BinaryLoss() if data.binary else nn.CrossEntropyLoss()
        self.batch = self.x[: self.size].clone(), self.y[: self.size].clone()
        self.graph = self.capture() if captured and not DRY else None

    def step(self) -> torch.Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss: torch.Tensor = self.loss_of(self.model(self.batch[0]), self.batch[1])
        loss.backward()
        self.optimizer.step()
        return loss

    def capture(self) -> torch.cuda.CUDAGraph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self.step()
        return graph

    def run(self, calls: int) -> None:
        order = torch.randperm(len(self.x), device=DEVICE)
        for i in range(calls):
            first = i * self.size % len(order)
            rows = order[first : first + self.size]
            torch.index_select(self.x, 0, rows, out=self.batch[0])
            torch.index_select(self.y, 0, rows, out=self.batch[1])
            if self.graph is not None:
                self.graph.replay()
            else:
                self.step()
        wait()


class BinaryLoss(nn.BCEWithLogitsLoss):
    """Of a column of logits."""

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return super().forward(logits[:, 0], labels)


def contest(data: Data, works: dict[str, Work], ways: Sequence[str]) -> Contest:
    """These ways of densor's, told to `set_device_steps` for the comparison of losses, against PyTorch's."""
    works["torch eager"] = TorchSteps(data, captured=False).run
    works["torch graph, fused Adam"] = TorchSteps(data, captured=True).run

    def error() -> float:
        """Of the mean loss of the first batches in order, against PyTorch's."""
        rows = min(data.rows, 20 * data.batch)
        found = []
        for way in ways:
            _core.set_device_steps(way)
            history = densor_model(data).fit(data.x[:rows], data.y[:rows], data.batch, 1, 0, shuffle=False)
            found.append(history.history["loss"][0])
        _core.set_device_steps("auto")
        other, losses = TorchSteps(data, captured=False), []
        for first in range(0, rows, data.batch):
            other.batch = other.x[first : first + data.batch], other.y[first : first + data.batch]
            losses.append(float(other.step().detach()))
        return max(abs(loss / (sum(losses) / len(losses)) - 1) for loss in found)

    # What begins an epoch is part of its steps.
    return Contest(works, error, 1e-4, data.rows // data.batch, without_start=False)


def step() -> Contest:
    data = Data()
    return contest(data, {name: densor_steps(data, way) for name, way in WAYS.items()}, list(WAYS.values()))
