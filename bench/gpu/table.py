"""What a run on a GPU has shown, as text: ratios beside their goals. Needs no GPU and no PyTorch."""

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HEAD = (
    "| | densor | against | | ratio | must | stretch | |",
    "|---|---:|---|---:|---:|---:|---:|---|",
)


def test_results(path: Path | None) -> Callable[[Sequence[str]], str]:
    """From test files to "passed", "failed" or "not run" on this device: all tests of a file, and not all skipped.

    `path` is what pytest wrote, beside which evidence.py has counted the tests of each file.
    """
    failed: dict[str, bool] = {}
    missed: dict[str, int] = {}
    if path is not None and path.exists() and path.with_suffix(".json").exists():
        missed = json.loads(path.with_suffix(".json").read_text())
        for case in ElementTree.parse(path).iter("testcase"):
            file = ".".join(case.get("classname", "").split(".")[1:3])
            missed[file] = missed.get(file, 0) - 1
            if case.find("skipped") is None:
                bad = case.find("failure") is not None or case.find("error") is not None
                failed[file] = failed.get(file, False) or bad

    def of(files: Sequence[str]) -> str:
        if any(failed.get(file, False) for file in files):
            return "failed"
        return "passed" if all(file in failed and missed[file] <= 0 for file in files) else "not run"

    return of


def driver() -> str:
    if not shutil.which("nvidia-smi"):
        return "none"
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.splitlines()[0] if done.stdout else "none"


def withheld(row: dict[str, Any]) -> str:
    """Why the row has no ratios; empty where it has."""
    if "failed" in row:
        return str(row["failed"])
    if not any(name.startswith("densor") for name in row["times"]):
        return "densor has not run"
    if not row["error"] <= row["tolerance"]:  # NaN too
        return f"results are off by {row['error']:.1e}, at most {row['tolerance']:.0e} is right"
    reasons = {"passed": "", "failed": "its tests have failed on this device"}
    return reasons.get(row["tests"], "not all of its tests have run on this device")


def own_ways(row: dict[str, Any]) -> list[tuple[str, float]]:
    """Densor's names and times, the best first: its figure where it has several ways."""
    found = [item for item in row["times"].items() if item[0].startswith("densor")]
    return sorted(found, key=lambda item: item[1])


def ratios(row: dict[str, Any]) -> dict[str, float]:
    """How many times faster than each that has a goal."""
    if withheld(row):
        return {}
    ours = own_ways(row)[0][1]
    return {name: row["times"][name] / ours for name in row["goals"]}


def verdict(ratio: float, must: float, stretch: float | None) -> str:
    if stretch is not None and ratio >= stretch:
        return "stretch"
    return "met" if ratio >= must else f"{100 * ratio / must:.0f} % of it"


def lines(row: dict[str, Any]) -> list[str]:
    """The row as Markdown."""
    reason, found = withheld(row), ratios(row)
    if reason:
        times = ", ".join(f"{name} {time:.1f} us" for name, time in row.get("times", {}).items())
        return [f"| {row['name']} | | {times} | | | | | {reason} |"]
    ways = own_ways(row)
    ours = f"{ways[0][1]:.1f} us"
    if len(ways) > 1:  # all are shown, the one that counts first
        ours = ", ".join(f"{name.removeprefix('densor ')} {time:.1f} us" for name, time in ways)
    notes = [row["note"]] if row["note"] else []
    text = []
    for name, time in row["times"].items():
        if name.startswith("densor"):
            continue
        cells = ["", "", "", ""]
        if name in found:
            must, stretch = row["goals"][name]
            cells = [
                f"{found[name]:.2f}",
                f"{must:g}",
                f"{stretch or '':}",
                verdict(found[name], must, stretch),
            ]
        last = "; ".join([item for item in [cells[3], *notes] if item])
        first = (row["name"], ours) if not text else ("", "")
        text.append(f"| {' | '.join([*first, name, f'{time:.1f} us', *cells[:3], last])} |")
    return text


def report(result: dict[str, Any]) -> str:
    """All rows, with what they were measured on."""
    about = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    text = [
        f"Medians of interleaved rounds on {about['gpu']}, driver {about['driver']}, CUDA {about['cuda']}, {versions}, "
        f"{result['date']}, commit {about['commit']}; `{result['command']}`. Ratio: the other's time over densor's.",
        "",
        *HEAD,
    ]
    return "\n".join([*text, *(line for row in result["rows"] for line in lines(row))]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(report(json.loads(Path(sys.argv[1]).read_text())))
