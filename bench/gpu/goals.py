"""Every goal on a GPU as ratios to others in the same run: `python bench/gpu/goals.py OUT.json [--tests FILE.xml]`.

A row first compares results with those of float64; one whose results are off, or whose tests have failed on this
device (`--tests`, what pytest wrote), enters the table without a ratio. Each row is printed and written as it ends; one
that fails says why, and the others run. `--peers`: PyTorch alone, without a build of densor. `--row NAME`: only these.
DENSOR_GPU_DRY=1: all of it on the processor, with tiny sizes.
"""

import argparse
import datetime
import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


@dataclass
class Row:
    """A row: its contest, against whom the goals are (must, stretch), the tests of its kernels (files of tests/)."""

    name: str
    module: str
    make: Callable[[Any], Any]  # of the module
    goals: dict[str, tuple[float, float | None]]
    tests: tuple[str, ...] = field(default=())


# Products on sm_90 run by wgmma, and only there.
HOPPER = ("ops.test_gemm_wgmma",) if os.environ.get("ARCHITECTURE", "90a").startswith("90") else ()
DENSE = ("ops.test_dense", "ops.test_gemm_device", *HOPPER)
NORM = ("ops.test_batch_norm", "ops.test_dropout")
STEP = ("cuda.test_training", "cuda.test_persistent", *DENSE)
BLT, COPY = "cuBLASLt", "a copy of as many bytes"
MLP = ((512, 256, 256), (1024, 256, 256), (1024, 1024, 1024), (1024, 1024, 2048), (1024, 2048, 1024))
ROWS = (
    Row("Dense forward + backward, 4096 wide, batch 8192, highest", "dense", lambda m: m.layer("highest"),
        {"torch float32": (1.8, 2.1)}, DENSE),
    Row("the same, high", "dense", lambda m: m.layer("high"), {"torch float32": (3.5, 4.2)}, DENSE),
    Row("bf16 product 4096 x 4096 x 4096", "dense", lambda m: m.product(4096, 4096, 4096), {BLT: (0.9, 1.0)}, DENSE),
    *(
        Row(f"bf16 product {m} x {n} x {k}", "dense", lambda mod, s=(m, n, k): mod.product(*s), {BLT: (1.0, 1.25)},
            DENSE)
        for m, n, k in MLP
    ),
    Row("Adam, 100 M parameters", "adam", lambda m: m.adam(), {COPY: (0.87, 0.93), "torch fused": (1.1, None)},
        ("ops.test_optimizer",)),
    Row("BN + ReLU + dropout 65536 x 1024, forward", "norm", lambda m: m.normalization(False),
        {"torch eager": (2.5, 3.2)}, NORM),
    Row("BN + ReLU + dropout 65536 x 1024, backward", "norm", lambda m: m.normalization(True),
        {"torch eager": (1.7, 2.5)}, NORM),
    Row("a step of 784-300-100-10, batch 32", "training", lambda m: m.step(),
        {"torch eager": (10.0, 30.0), "torch graph, fused Adam": (2.5, 7.0)}, STEP),
    *(
        Row(f"a step of 32-64x6-1, batch {batch}, layers as one kernel", "dense_chain", lambda m, b=batch: m.step(b),
            {"layer by layer": (1.0, None)}, ("ops.test_dense_chain", "cuda.test_chains"))
        for batch in (128, 8192)
    ),
    Row("Dense + BN + ReLU + dropout, bf16, 1024 wide, batch 8192", "norm", lambda m: m.block(),
        {"torch eager": (1.6, 2.2), "torch.compile with graphs": (1.1, 1.3)}, (*DENSE, *NORM)),
)  # fmt: skip


OURS = ("densor", "layer by layer")


class Absent:
    """In the place of densor where only its peers are measured: whatever is asked of it is the same nothing."""

    def __getattr__(self, name: str) -> "Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: object, **options: object) -> "Absent":
        return self


def main() -> int:
    options = parse()
    if options.peers:
        sys.modules["densor"] = Absent()  # type: ignore[assignment]
    known = table.test_results(options.tests)
    result: dict[str, Any] = {"machine": {}, "date": datetime.date.today().isoformat(), "rows": []}
    result["command"] = "make gpu-check OUT=dir"
    try:
        result["machine"] = machine()
    except Exception as problem:
        print(f"nothing can be measured: {problem}")
        return 1
    failed = 0
    for row in ROWS:
        if options.row and not any(part in row.name for part in options.row):
            continue
        begin = time.perf_counter()
        measured = {"name": row.name, "goals": row.goals, "tests": known(row.tests)}
        try:
            measured |= measure(row, options.peers)
        except Exception as problem:
            failed += 1
            traceback.print_exc()
            measured["failed"] = f"{type(problem).__name__}: {problem}".splitlines()[0]
        gc.collect()
        result["rows"].append(measured)
        print("\n".join(table.lines(measured)), f"[{time.perf_counter() - begin:.0f} s]", flush=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
        options.out.with_suffix(".md").write_text(table.report(result))
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--tests", type=Path, help="what `pytest --junitxml` wrote on this device")
    parser.add_argument("--peers", action="store_true", help="without densor: what there is to beat")
    parser.add_argument(
        "--row", action="append", default=[], metavar="PART", help="only rows with this in their name"
    )
    return parser.parse_args()


def measure(row: Row, peers: bool) -> dict[str, Any]:
    import ground

    contest = row.make(importlib.import_module(row.module))
    if peers:
        contest.works = {name: work for name, work in contest.works.items() if not name.startswith(OURS)}
        return {"times": ground.interleaved(contest)}
    error = contest.error()
    times = ground.interleaved(contest)
    return {"error": error, "tolerance": contest.tolerance, "times": times, "note": contest.note}


def machine() -> dict[str, Any]:
    """The GPU, its driver, versions and commit; no host name, no paths."""
    import torch
    from place import DRY

    from machine import commit, versions

    found = {"gpu": "none: a dry run" if DRY else torch.cuda.get_device_name()}
    found |= {"driver": table.driver(), "cuda": str(torch.version.cuda), "commit": commit()}
    return found | {
        "versions": versions("densor", "torch", "triton", "numpy", "nvidia-cublas", "nvidia-cublas-cu12")
    }


if __name__ == "__main__":
    sys.exit(main())
