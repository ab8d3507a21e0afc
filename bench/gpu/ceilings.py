"""What the GPU at hand reaches at best, through PyTorch: copies, matrix products, and what a kernel costs.

`python bench/gpu/ceilings.py OUT.json`. Every goal on this GPU is a ratio to a line of this table.
"""

import json
import sys
from pathlib import Path

import torch
from timing import microseconds

SIZES = (4096, 8192)
LAYERS = ((1024, 128, 128), (8192, 128, 128), (1024, 1024, 1024), (8192, 1024, 1024), (8192, 4096, 4096))


def copy_bandwidth() -> float:
    """TB/s of a copy of 1 GiB, reads and writes counted."""
    source = torch.randn(2**28, device="cuda")
    target = torch.empty_like(source)
    return 8 * source.numel() / microseconds(lambda: target.copy_(source)) / 1e6


def product_rate(m: int, n: int, k: int, kind: str) -> float:
    """TFLOP/s of one product."""
    torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    a, b = torch.randn(m, k, device="cuda", dtype=dtype), torch.randn(k, n, device="cuda", dtype=dtype)
    return 2 * m * n * k / microseconds(lambda: a @ b, runs=10, repeats=3) / 1e6


def kernel_cost(captured: bool) -> float:
    """Microseconds of one of 100 dependent kernels that do next to nothing, launched or replayed."""
    x = torch.zeros(32, device="cuda")

    def chain() -> None:
        for _ in range(100):
            x.add_(1.0)

    if not captured:
        return microseconds(chain, repeats=1) / 100
    chain()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        chain()
    return microseconds(graph.replay, repeats=1) / 100


def split_error(terms: int, k: int) -> float:
    """Relative error of a product by bfloat16 terms side by side in k, smallest first, against float64."""
    a, b = torch.randn(64, k, device="cuda"), torch.randn(k, 64, device="cuda")
    order = {3: ((1, 0), (0, 1), (0, 0)), 6: ((2, 0), (1, 1), (0, 2), (1, 0), (0, 1), (0, 0))}[terms]

    def split(x: torch.Tensor) -> list[torch.Tensor]:
        parts = []
        for _ in range(3):
            parts.append(x.bfloat16())
            x = x - parts[-1].float()
        return parts

    of_a, of_b = split(a), split(b)
    left = torch.cat([of_a[i] for i, _ in order], dim=1)
    right = torch.cat([of_b[j] for _, j in order], dim=0)
    exact = a.double() @ b.double()
    found = torch.mm(left, right, out_dtype=torch.float32).double()
    return float((found - exact).norm() / exact.norm())


def main() -> None:
    """Measures, prints and writes the table."""
    table: dict[str, float | str] = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}

    def note(name: str, value: float) -> None:
        table[name] = round(value, 9)
        print(f"{name}: {value:.5g}", flush=True)
        Path(sys.argv[1]).write_text(json.dumps(table, indent=1) + "\n")

    note("copy TB/s", copy_bandwidth())
    note("kernel us, launched", kernel_cost(captured=False))
    note("kernel us, in a graph", kernel_cost(captured=True))
    for kind in ("float32", "tf32", "bf16"):
        for n in SIZES:
            note(f"{kind} {n}^3 TFLOP/s", product_rate(n, n, n, kind))
        for m, n, k in LAYERS:
            note(f"{kind} ({m},{k})x({k},{n}) TFLOP/s", product_rate(m, n, k, kind))
    for terms in (3, 6):
        for k in (128, 1024, 8192, 32768):
            note(f"error of {terms} products side by side, k={k}", split_error(terms, k))


if __name__ == "__main__":
    main()
