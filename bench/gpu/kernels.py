"""The CUDA kernels against PyTorch's, interleaved, equal results checked: `python bench/gpu/kernels.py OUT.json`."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional

from densor import _core

ROUNDS = 5
CALLS = 50  # between two looks at the clock
PRECISIONS = ("ieee", "x6", "high", "medium")
SHAPES = ((32, 784, 300), (1024, 1024, 1024), (8192, 1024, 1024), (8192, 4096, 4096))


def dense_pairs(rows: int, inputs: int, units: int) -> dict[str, Callable[[], object]]:
    """Work by contestant: relu(x w + bias) at each precision, and PyTorch's in float32 and bfloat16."""
    x, w = torch.randn(rows, inputs, device="cuda"), torch.randn(inputs, units, device="cuda")
    bias, y = torch.randn(units, device="cuda"), torch.empty(rows, units, device="cuda")
    found: dict[str, Callable[[], object]] = {}
    exact = functional.relu(x.double() @ w.double() + bias.double())
    for precision in PRECISIONS:
        _core.set_matmul_precision(precision)
        step = _core.dense_forward(y, None, x, w, bias, "relu", 0.0)
        step.run()
        error = float((y.double() - exact).norm() / exact.norm())
        assert error < (1e-2 if precision == "medium" else 1e-4), f"{precision}: error {error}"
        print(f"  {precision}: error {error:.2e}")
        program = _core.Program([], [step])
        found[f"densor {precision}"] = lambda program=program: _core.run(
            program, None, batches=CALLS, batch_size=0
        )
    low = [t.bfloat16() for t in (x, w, bias)]
    found["torch float32"] = repeated(lambda: functional.relu(torch.addmm(bias, x, w)))
    found["torch bf16"] = repeated(lambda: functional.relu(torch.addmm(low[2], low[0], low[1])))
    return found


def repeated(work: Callable[[], object]) -> Callable[[], None]:
    """CALLS calls and a wait for the last, as a program of Densor does them."""

    def run() -> None:
        for _ in range(CALLS):
            work()
        torch.cuda.synchronize()

    return run


def interleaved(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Microseconds by contestant: the median of rounds in which all take turns."""
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            work()
            begin = time.perf_counter()
            work()
            rounds[name].append(1e6 * (time.perf_counter() - begin) / CALLS)
    return {name: sorted(times)[ROUNDS // 2] for name, times in rounds.items()}


def main() -> None:
    """Measures, prints and writes the table after every case."""
    torch.backends.cuda.matmul.allow_tf32 = False
    table: dict[str, object] = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
    for shape in SHAPES:
        print(f"dense forward {shape}", flush=True)
        times = interleaved(dense_pairs(*shape))
        flops = 2.0 * shape[0] * shape[1] * shape[2]
        for name, spent in times.items():
            ratio = times["torch float32"] / spent
            print(
                f"  {name}: {spent:.1f} us, {flops / spent / 1e6:.1f} TFLOP/s, torch float32 / it {ratio:.2f}"
            )
        table[f"dense forward {shape}"] = times
        Path(sys.argv[1]).write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
