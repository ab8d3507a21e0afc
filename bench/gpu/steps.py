"""The training step of 784-300-100-10 at batch 32, by every way to run it: `python bench/gpu/steps.py OUT.json`.

Densor's by graphs of one batch, by graphs of several, and as phases of one kernel; PyTorch's as it stands and captured
with its fused Adam. The data lie on the GPU. All take turns; a number is the median microseconds of a step.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import densor
from densor import _core

ROWS, BATCH, WIDTHS = 64000, 32, (784, 300, 100, 10)
STEPS, ROUNDS = ROWS // BATCH, 5
# By name: what `set_device_steps` and `set_batches_per_graph` are told.
WAYS = {"graphs of 1": ("graph", 1), "graphs": ("graph", 0), "persistent": ("persistent", 0)}


def densor_fit(x: torch.Tensor, y: torch.Tensor, steps: str, batches: int) -> Callable[[], float]:
    """An epoch of a model of its own; the loss at its end."""
    densor.utils.set_random_seed(1)
    hidden = [densor.layers.Dense(units, activation="relu") for units in WIDTHS[1:-1]]
    last = densor.layers.Dense(WIDTHS[-1], activation="softmax")
    model = densor.Sequential([densor.Input((WIDTHS[0],)), *hidden, last])
    model.compile("adam", "sparse_categorical_crossentropy", device="cuda")

    def run() -> float:
        densor.config.set_device_steps(steps)
        _core.set_batches_per_graph(batches)
        return float(model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0).history["loss"][0])

    return run


def torch_fit(x: torch.Tensor, y: torch.Tensor, captured: bool) -> Callable[[], float]:
    """The same in PyTorch; every step reads its batch from the GPU."""
    torch.manual_seed(1)
    layers: list[torch.nn.Module] = []
    for wide, narrow in itertools.pairwise(WIDTHS):
        layers += [torch.nn.Linear(wide, narrow), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1]).cuda()
    optimizer = torch.optim.Adam(net.parameters(), fused=True, capturable=captured)
    loss_of = torch.nn.CrossEntropyLoss()
    features, labels = x[:BATCH].clone(), y[:BATCH].clone()

    def step() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=not captured)
        loss: torch.Tensor = loss_of(net(features), labels)
        loss.backward()
        optimizer.step()
        return loss

    play = step
    if captured:
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = step()

        def play() -> torch.Tensor:
            graph.replay()
            return kept

    def run() -> float:
        total = torch.zeros((), device="cuda")
        for first in range(0, ROWS, BATCH):
            features.copy_(x[first : first + BATCH])
            labels.copy_(y[first : first + BATCH])
            total += play().detach()
        return float(total) / STEPS

    return run


def main() -> None:
    """Measures, prints and writes the table."""
    torch.backends.cuda.matmul.allow_tf32 = False
    x = torch.randn(ROWS, WIDTHS[0], device="cuda")
    y = (x @ torch.randn(WIDTHS[0], WIDTHS[-1], device="cuda")).argmax(1)
    works = {f"densor, {name}": densor_fit(x, y, *way) for name, way in WAYS.items()}
    works |= {"torch": torch_fit(x, y, False), "torch, captured": torch_fit(x, y, True)}
    losses = {name: work() for name, work in works.items()}
    for name in WAYS:
        assert abs(losses[f"densor, {name}"] - losses["densor, graphs"]) < 1e-3, losses
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            torch.cuda.synchronize()
            begin = time.perf_counter()
            work()
            torch.cuda.synchronize()
            rounds[name].append(1e6 * (time.perf_counter() - begin) / STEPS)
    times = {name: sorted(spent)[ROUNDS // 2] for name, spent in rounds.items()}
    for name, spent in times.items():
        print(f"{name}: {spent:.1f} us a step, torch captured / it {times['torch, captured'] / spent:.2f}")
    plan = _core.launch_plan(STEPS, 14)
    table = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "graphs": plan,
        "us a step": times,
    }
    Path(sys.argv[1]).write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
