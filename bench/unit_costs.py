"""Measures the times from which a target with matrix units chooses between these and multiply-adds, and prints them as
`csrc/cpu/gemm/plan.cpp` has them: `python bench/unit_costs.py`, on a CPU with AMX and nothing else to do.

The model of a product (m, k) x (k, n) on the units of one core is

    steps * step + (m k + k n) * packing + m n * storing        nanoseconds,

with steps = ceil(m / 16) ceil(n / 16) ceil(k / 32); `step` and `packing` belong to the number of products, `storing` to
all. They are fitted to products of many shapes, so that the relative errors have the least squares, and none is
negative. The rate of multiply-adds is the median over the shapes that fill their tiles.
"""

import argparse
import itertools
import sys
from statistics import median

import numpy as np
from numpy.typing import NDArray

from contestant import normal, seconds_per_call

TERMS = {"medium": ("x1", 1), "high": ("x3", 2), "x6": ("x6", 3)}  # by precision: name and bfloat16 terms
SHAPES = tuple(itertools.product((16, 64, 256), (64, 320, 1024), (96, 768, 1024)))  # m, n, k

Shape = tuple[int, int, int]
Times = dict[tuple[str, Shape], float]  # nanoseconds by precision and shape


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="amx", help="amx_model shows the form: its times are a model's")
    parser.add_argument("--seconds", type=float, default=0.1, help="of each timing (%(default)s)")
    options = parser.parse_args()
    from densor import _core

    if options.target not in (*_core.cpu_targets(), "amx_model"):
        print(
            f"this machine has no {options.target}; it has {', '.join(_core.cpu_targets())}", file=sys.stderr
        )
        return 1
    _core.set_cpu_target(options.target)
    _core.set_num_threads(1)
    times = {
        (precision, shape): nanoseconds(precision, shape, options.seconds)
        for precision in (*TERMS, "ieee")
        for shape in SHAPES
    }
    costs = fitted(times)
    errors = [abs(estimate(costs, *key) / time - 1) for key, time in times.items() if key[0] in TERMS]
    print(table(costs, multiply_adds(times)))
    print(
        f"// errors of the estimates: median {100 * median(errors):.0f} %, largest {100 * max(errors):.0f} %"
    )
    return 0


def nanoseconds(precision: str, shape: Shape, budget: float) -> float:
    """Of one product of training, by one thread."""
    from densor import _core

    m, n, k = shape
    _core.set_matmul_precision(precision)
    x, w, y = normal(m, k), normal(k, n, seed=1), np.empty((m, n), np.float32)
    step = _core.dense_forward(y, None, x, w, None, "linear", 0.0, training=True)
    return 1e9 * seconds_per_call(step.run, budget)


def work(shape: Shape) -> tuple[int, int, int]:
    """Steps, elements that are packed, elements that are stored."""
    m, n, k = shape
    return -(-m // 16) * -(-n // 16) * -(-k // 32), m * k + k * n, m * n


def fitted(times: Times) -> dict[str, float]:
    """`step x1`, `packing x1`, ..., `storing`: nanoseconds."""
    names = [f"{what} {name}" for name, _ in TERMS.values() for what in ("step", "packing")] + ["storing"]
    rows = []
    for (precision, shape), time in times.items():
        if precision not in TERMS:
            continue
        steps, packed, stored = work(shape)
        name = TERMS[precision][0]
        known = {f"step {name}": steps, f"packing {name}": packed, "storing": stored}
        rows.append([known.get(column, 0) / time for column in names])
    return dict(zip(names, nonnegative(np.array(rows)), strict=True))


def nonnegative(rows: NDArray[np.float64]) -> list[float]:
    """The least squares of `rows @ costs - 1` with no cost below 0: what would be is left out."""
    kept = list(range(rows.shape[1]))
    while True:
        found, *_ = np.linalg.lstsq(rows[:, kept], np.ones(len(rows)), rcond=None)
        if (found >= 0).all():
            return [float(found[kept.index(i)]) if i in kept else 0.0 for i in range(rows.shape[1])]
        del kept[int(found.argmin())]


def estimate(costs: dict[str, float], precision: str, shape: Shape) -> float:
    steps, packed, stored = work(shape)
    name = TERMS[precision][0]
    return steps * costs[f"step {name}"] + packed * costs[f"packing {name}"] + stored * costs["storing"]


def multiply_adds(times: Times) -> float:
    """FLOP per nanosecond."""
    return median(
        2 * m * n * k / time for (precision, (m, n, k)), time in times.items() if precision == "ieee"
    )


def table(costs: dict[str, float], flops: float) -> str:
    units = ", ".join(
        f'{{"{name}", {terms}, {costs[f"step {name}"]:.1f}, {costs[f"packing {name}"]:.2f}}}'
        for name, terms in TERMS.values()
    )
    return (
        f"constexpr UnitCost kUnitCosts[] = {{{units}}};\n"
        f"constexpr double kUnitStoring = {costs['storing']:.2g};  // ns: an element of c, through the square\n"
        f"constexpr double kFmaFlopsPerNanosecond = {flops:.0f};"
    )


if __name__ == "__main__":
    sys.exit(main())
