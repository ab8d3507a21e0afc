"""What the GPU at hand reaches at best, through PyTorch and cuBLASLt: `python bench/gpu/ceilings.py OUT.json`.

Copies, matrix products, which epilogues of cuBLASLt pay, whether its emulation of float32 runs here, how exact products
of bfloat16 terms are, and what kernels and barriers cost. A section that fails says why, and the others run. The peers
of the goals are timed by `goals.py --peers`.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from place import DEVICE, DRY, sized
from timing import microseconds

Note = Callable[[str, float], None]
CUBES = (4096, 8192)
LAYERS = [(rows, width, width) for width in (128, 1024, 4096) for rows in (1024, 8192)]
TERMS = {
    3: ((1, 0), (0, 1), (0, 0)),
    6: ((2, 0), (1, 1), (0, 2), (1, 0), (0, 1), (0, 0)),
}  # the smallest first


def copy(note: Note) -> None:
    """A copy of 1 GiB, reads and writes counted."""
    source = torch.randn(sized(2**28, 2**10), device=DEVICE)
    target = torch.empty_like(source)
    note("copy TB/s", 8 * source.numel() / microseconds(lambda: target.copy_(source)) / 1e6)


def products(note: Note) -> None:
    """TFLOP/s of products of random numbers."""
    for kind in ("float32", "tf32", "bf16"):
        for m, n, k in [(n, n, n) for n in CUBES] + LAYERS:
            m, n, k = (sized(size, 16) for size in (m, n, k))
            torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
            dtype = torch.bfloat16 if kind == "bf16" else torch.float32
            a, b = (torch.randn(s, device=DEVICE).to(dtype) for s in ((m, k), (k, n)))
            spent = microseconds(lambda a=a, b=b: a @ b, runs=7, repeats=3)  # type: ignore[misc]
            note(f"{kind} ({m},{k})x({k},{n}) TFLOP/s", 2 * m * n * k / spent / 1e6)
    torch.backends.cuda.matmul.allow_tf32 = False


def emulation(note: Note) -> None:
    """float32 products by nine of bfloat16, where cuBLAS has them, by its own choice and wherever it can: elsewhere
    they run at native speed."""
    from cublaslt import Product, library

    lt = library()
    for kind, eager in (("fp32", False), ("bf16x9", False), ("bf16x9", True)):
        if eager and not hasattr(lt, "cublasLtEmulationDescCreate"):
            continue  # of CUDA 12
        product = Product(lt, kind, "DEFAULT", (4096, 4096, 4096), eager)
        if product.count:
            note(
                f"cublasLt {kind}{', eager,' if eager else ''} 4096^3 TFLOP/s",
                2 * 4096**3 / microseconds(product.run, runs=5, repeats=3) / 1e6,
            )


def epilogues(note: Note) -> None:
    """All of them, by type and shape."""
    from cublaslt import epilogues as every

    every(note)


def accuracy(note: Note) -> None:
    """Relative errors of products by bfloat16 terms side by side in k, in one product of the matrix units."""
    for terms, order in TERMS.items():
        for k in (128, 1024, 8192, 65536):
            for first, pairs in (("small", order), ("big", order[::-1])):
                note(
                    f"error of {terms} products, k={k}, {first} ones first", split_error(pairs, sized(k, 64))
                )


def split_error(pairs: tuple[tuple[int, int], ...], k: int) -> float:
    a, b = torch.randn(64, k, device=DEVICE), torch.randn(k, 64, device=DEVICE)

    def split(x: torch.Tensor) -> list[torch.Tensor]:
        parts = []
        for _ in range(3):
            parts.append(x.bfloat16())
            x = x - parts[-1].float()
        return parts

    of_a, of_b = split(a), split(b)
    left = torch.cat([of_a[i] for i, _ in pairs], dim=1)
    right = torch.cat([of_b[j] for _, j in pairs], dim=0)
    exact = a.double() @ b.double()
    wide = {} if DRY else {"out_dtype": torch.float32}
    found = torch.mm(left, right, **wide).double()
    return float((found - exact).norm() / exact.norm())


def dependent_work(note: Note) -> None:
    """Kernels and barriers, by bench/gpu/barriers.cu."""
    nvcc = shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")
    if nvcc is None:
        raise RuntimeError("no nvcc in the search path: kernels and barriers are not timed")
    source = Path(__file__).with_name("barriers.cu")
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "barriers")
        code = os.environ.get("ARCHITECTURE", "90a")
        subprocess.run(
            [
                nvcc,
                "-std=c++20",
                "-O3",
                f"-gencode=arch=compute_{code},code=sm_{code}",
                str(source),
                "-o",
                target,
            ],
            check=True,
        )
        found = json.loads(
            subprocess.run([target], check=True, capture_output=True, text=True, timeout=30).stdout
        )
    for name, value in found.items():
        note(name, value)


# What the goals are ratios to comes first, the longest last.
SECTIONS = (copy, products, accuracy, dependent_work, emulation, epilogues)


def main() -> int:
    table: dict[str, float | str] = {
        "device": "none: a dry run" if DRY else torch.cuda.get_device_name(),
        "torch": torch.__version__,
    }
    failed = 0

    def note(name: str, value: float) -> None:
        table[name] = round(value, 9)
        print(f"{name}: {value:.5g}", flush=True)
        Path(sys.argv[1]).write_text(json.dumps(table, indent=1) + "\n")

    for section in SECTIONS:
        if DRY and section in (dependent_work, emulation, epilogues):  # nothing of it runs without a GPU
            continue
        try:
            section(note)
        except Exception as problem:
            failed += 1
            traceback.print_exc()
            print(f"{section.__name__} failed: {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
