"""Writes the speed tables of the README from bench/results: `python bench/report.py [--check]`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from harness import RESULTS, gain, number, ratio

sys.path.insert(0, str(Path(__file__).resolve().parent / "gpu"))
import table

README = Path(__file__).resolve().parents[1] / "README.md"
# What shares are of, by the name of their column.
SHARES = {
    "% of bandwidth": "that of a scaling in place of as many bytes",
    "% of plain passes": "of the speed of plain loops over arrays as far away, looked at as often as the operation "
    "must, with the fetch of lines that are written and without what a call costs",
}
# What a reader asks first comes first; a benchmark that has no result yet is left out.
ORDER = (
    "fashion_mnist",
    "training_step",
    "training_step.avx512",
    "training_step.avx2",
    "latency",
    "shared_cpu",
    "memory",
    "predict_mc",
    "bench_dense",
    "bench_precision",
    "bench_batch_norm",
    "bench_dropout",
    "bench_softmax_cross_entropy",
    "bench_activation",
    "bench_optimizer",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when the table is not current"
    )
    options = parser.parse_args()
    old = README.read_text()
    new = insert(insert(old, "speed", report(RESULTS)), "gpu", gpu_report(RESULTS))
    if options.check:
        return int(old != new)
    README.write_text(new)
    return 0


def insert(readme: str, mark: str, text: str) -> str:
    """The README with `text` between the two marks."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    head, rest = readme.split(begin)
    return head + begin + text + end + rest.split(end)[1]


def gpu_report(results: Path) -> str:
    """The goals on a GPU as the last committed run found them, `bench/results/gpu.json`; or that there is none."""
    path = results / "gpu.json"
    if not path.exists():
        return "**Figures are pending: no GPU has run this yet.** `make gpu-check OUT=dir` makes them.\n"
    return table.report(json.loads(path.read_text()))


def report(results: Path) -> str:
    """The Markdown of all results in the folder, then of those of other machines, each in a folder of its own; or a
    sentence when there is none."""
    if not results.is_dir():
        return "No results yet: `make bench`.\n"
    folders = {"": results} | {f"/{path.name}": path for path in sorted(results.iterdir()) if path.is_dir()}
    found = [tables(folder, f"bench/results{name}") for name, folder in folders.items()]
    return "\n".join(filter(None, found)) or "No results yet: `make bench`.\n"


def tables(folder: Path, shown: str) -> str:
    """Those of one machine, in a folder that the reader knows as `shown`; nothing where there are none."""
    found = [json.loads(path.read_text()) for name in ORDER if (path := folder / f"{name}.json").exists()]
    if not found:
        return ""
    about = found[0]["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    features = f" ({', '.join(about['features'])})" if about["features"] else ""
    head = (
        f"Medians of interleaved processes on {about['processor']}{features}, "
        f"{about['cores']} cores, with {versions}. `make bench` runs all of them; every round is in `{shown}/`.\n"
    )
    picture = [f"![Ratios and roofline]({shown}/speed.png)\n"] if (folder / "speed.png").exists() else []
    return "\n".join([head, *picture, *map(section, found)])


def section(result: dict[str, Any]) -> str:
    """One table: a row for each case, a column for each contestant; how far ahead the first one is stands in bold."""
    medians = result["medians"]
    first, *others = medians
    busy = " (on a busy machine)" if result["busy"] else ""
    columns = {column for case in medians[first].values() for column in case}
    shares = [f"{name}: {meaning}." for name, meaning in SHARES.items() if name in columns]
    lines = [
        f"`{result['command']}`{busy}",
        *shares,
        "",
        f"| {gain(result)} | " + " | ".join([first, *others]) + " |",
        "|---|" + "---:|" * (1 + len(others)),
    ]
    for case, columns in medians[first].items():
        cells = [cell(columns)]
        for other in others:
            there = medians[other].get(case)
            cells.append(f"**{ratio(medians, case, other):.1f}x** {cell(there)}" if there else "")
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def cell(columns: dict[str, float | str]) -> str:
    """The time, then the other figures."""
    (unit, value), *rest = columns.items()
    text = f"{number(value)} {unit}"
    return text + (f" ({', '.join(f'{number(v)} {name}' for name, v in rest)})" if rest else "")


if __name__ == "__main__":
    sys.exit(main())
