"""Draws bench/results as one picture: `python bench/picture.py`. Needs matplotlib.

Left, how many times faster densor is than each contestant, in every case. Right, a roofline: what products and
batch normalization reach of the measured peak of multiply-adds and of the measured bandwidth, over the
operations that each byte is used for.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from harness import RESULTS, ratio
from report import ORDER

Result = dict[str, Any]
# Bandwidth counts passes over the arrays; operations for an element, and its passes (csrc/cpu/generic).
BATCH_NORM = {"forward": (6, 4), "backward": (11, 5)}


def main() -> int:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    results = load(RESULTS)
    if not results:
        print("no results yet: make bench", file=sys.stderr)
        return 1
    rows = ratios(results)
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(15, 0.21 * len({case for case, _, _ in rows}) + 1.5), width_ratios=(3, 2)
    )
    draw_ratios(left, rows)
    draw_roofline(right, results)
    figure.tight_layout()
    figure.savefig(RESULTS / "speed.png", dpi=90, bbox_inches="tight")
    return 0


def load(folder: Path) -> list[Result]:
    return [json.loads(path.read_text()) for name in ORDER if (path := folder / f"{name}.json").exists()]


def ratios(results: list[Result]) -> list[tuple[str, str, float]]:
    """(case, contestant, time of the contestant over densor's), memory left out."""
    found = []
    for result in results:
        medians = result["medians"]
        first, *others = medians
        for case, columns in medians[first].items():
            if "MB" in columns:
                continue
            isa = result.get("command", "").partition(" --isa ")[2]
            name = result["benchmark"].removeprefix("bench_").replace("_", " ") + (f" ({isa})" if isa else "")
            label = f"{name}: {case}"
            found += [
                (label, other.split()[0], ratio(medians, case, other))
                for other in others
                if case in medians[other]
            ]
    return found


def draw_ratios(axes: Any, rows: list[tuple[str, str, float]]) -> None:
    cases = list(dict.fromkeys(case for case, _, _ in rows))
    contestants = list(dict.fromkeys(name for _, name, _ in rows))
    for i, name in enumerate(contestants):
        mine = [(value, cases.index(case)) for case, other, value in rows if other == name]
        axes.scatter(*zip(*mine, strict=True), label=name, color=f"C{i}", s=28, zorder=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", yticks=range(len(cases)), yticklabels=cases, ylim=(len(cases) - 0.5, -0.5))
    axes.set(xlabel="times faster than", title="densor against others, interleaved, medians")
    marks = (0.5, 1, 2, 5, 10, 20, 50, 100)
    axes.set(xticks=marks, xticklabels=[f"{mark:g}x" for mark in marks])
    axes.tick_params(axis="y", labelsize=7)
    axes.grid(axis="x", alpha=0.4)
    axes.legend(loc="lower right")


def products(case: str) -> tuple[float, float] | None:
    """(operations, bytes) of "(m,k)x(k,n)", forward, each array moved once."""
    if not (match := re.fullmatch(r"\((\d+),(\d+)\)x\(\d+,(\d+)\)", case)):
        return None
    m, k, n = map(int, match.groups())
    return 2.0 * m * k * n, 4.0 * (m * k + k * n + m * n)


def draw_roofline(axes: Any, results: list[Result]) -> None:
    by_name = {result["benchmark"]: result["medians"] for result in results}
    peak, bandwidth = 0.0, 0.0
    for name, figures in by_name.get("bench_dense", {}).items():
        points = []
        for case, columns in figures.items():
            if (work := products(case)) is None:
                continue
            points.append((work[0] / work[1], columns["GFLOP/s"], case))
            if "% of FMA peak" in columns:
                peak = max(peak, 100 * columns["GFLOP/s"] / columns["% of FMA peak"])
        mark_points(axes, points, name, "o" if name == "densor" else "x")
        if "densor" not in name:
            continue
        for intensity, reached, case in points:
            axes.annotate(
                case, (intensity, reached), xytext=(0, 8), textcoords="offset points", fontsize=7, ha="center"
            )
    points = []
    for case, columns in by_name.get("bench_batch_norm", {}).get("densor", {}).items():
        operations, passes = BATCH_NORM[case.split()[-1]]
        intensity = operations / (4 * passes)
        points.append((intensity, columns["GB/s"] * intensity, case))
    mark_points(axes, points, "densor, batch norm", "s")
    for columns in by_name.get("bench_optimizer", {}).get("densor", {}).values():
        bandwidth = max(bandwidth, 100 * columns["GB/s"] / columns["% of bandwidth"])
    if peak and bandwidth:
        corner = peak / bandwidth
        axes.plot([0.1, corner, 1000], [0.1 * bandwidth, peak, peak], color="black", linewidth=1)
        axes.text(12 * corner, 1.06 * peak, f"{peak:.0f} GFLOP/s, measured", ha="center")
    axes.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="GFLOP/s", title="roofline")
    axes.grid(alpha=0.4)
    axes.legend(loc="lower right")


def mark_points(axes: Any, points: list[tuple[float, float, str]], label: str, marker: str) -> None:
    if points:
        x, y, _ = zip(*points, strict=True)
        axes.scatter(x, y, marker=marker, label=label, zorder=3)


if __name__ == "__main__":
    sys.exit(main())
