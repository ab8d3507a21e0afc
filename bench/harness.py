"""Runs benchmarks so that their numbers can be compared: `python bench/harness.py [NAME ...] [--all]`.

A benchmark is a script with a table of contestants (see `contestant.py`). Every contestant of every round is
a process of its own, with the same number of threads; rounds are interleaved A B A B, so that a change of
the machine's mood hits all. Shown is the median over the rounds, and how many times faster the first
contestant is than each other. `--case PART` measures only cases whose names contain PART
and keeps the other cases of the result file, if the same commit measured them. `--against NAME` measures only these
besides the first contestant. `--isa avx2` (or avx512) holds to it everyone who can be held. A busy machine is refused
(exit status 3), unless `--anyway`, which marks the result. Where contestants did not do equal work, or the first one
missed a bar, the result says so, and the exit status is 4. The JSON with every round, the versions and the load goes to
`bench/results/NAME.json`, or `NAME.avx2.json`.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from machine import busy, describe, load_average

BENCH = Path(__file__).resolve().parent
RESULTS = BENCH / "results"
EXIT_BUSY, EXIT_FAILED = 3, 4
# What holds densor, PyTorch (its own kernels, oneDNN, MKL), XLA and OpenBLAS to an instruction set.
ISAS = {
    "avx2": {
        "DENSOR_CPU_TARGET": "avx2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "avx512": {
        "DENSOR_CPU_TARGET": "avx512",
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX512",
        "OPENBLAS_CORETYPE": "SkylakeX",
    },
}

# {case: {column: value}}: what one contestant measured in one process.
Figures = dict[str, dict[str, float | str]]


def main() -> int:
    options = parse()
    scripts = find(options.names, options.all)
    if busy() and not options.anyway:
        print(f"machine busy: load average {load_average():.2f}; wait, or pass --anyway", file=sys.stderr)
        return EXIT_BUSY
    failed = False
    for script in scripts:
        result = measure(script, options)
        suffix = f".{options.isa}" if options.isa else ""
        path = options.results / f"{script.stem}{suffix}.json"
        if options.case and path.exists():
            result = merged(json.loads(path.read_text()), result)
        options.results.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=1, sort_keys=False) + "\n")
        Console(width=120 if not sys.stdout.isatty() else None).print(table(result))
        for failure in result["failures"]:
            print(f"{script.stem}: {failure}", file=sys.stderr)
        failed = failed or bool(result["failures"])
    return EXIT_FAILED if failed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="benchmarks, e.g. fashion_mnist bench_dense")
    parser.add_argument("--all", action="store_true", help="run all benchmarks")
    parser.add_argument("--rounds", type=int, default=5, help="processes per contestant (5)")
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads of each (all)"
    )
    parser.add_argument("--case", action="append", default=[], help="only cases with this in their name")
    parser.add_argument("--against", action="append", default=[], help="only this other contestant")
    parser.add_argument("--isa", choices=list(ISAS), help="the instruction set that everyone is held to")
    parser.add_argument("--anyway", action="store_true", help="measure on a busy machine and mark the result")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON files")
    return parser.parse_args()


def find(names: list[str], every: bool) -> list[Path]:
    """The scripts of the named benchmarks, or of all; exits with the list of names on a wrong one."""
    scripts = {
        path.stem: path for folder in (".", "models", "ops") for path in sorted((BENCH / folder).glob("*.py"))
    }
    scripts = {name: path for name, path in scripts.items() if "\nCONTESTANTS = " in path.read_text()}
    unknown = set(names) - set(scripts)
    if unknown or not (names or every):
        sys.exit(
            f"benchmarks: {', '.join(scripts)}" + (f"; unknown: {', '.join(unknown)}" if unknown else "")
        )
    return [path for name, path in scripts.items() if every or name in names]


def measure(script: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Runs the rounds of one benchmark and returns everything that is kept of it."""
    before = load_average()
    environment = environment_of(options)
    listed = ask(script, "--list", environment=environment)
    contestants = chosen(listed["contestants"], options.against)
    rounds: dict[str, list[Figures]] = {name: [] for name in contestants}
    cases = [argument for part in options.case for argument in ("--case", part)]
    for number in range(options.rounds):
        for name in list(rounds):
            print(f"{script.stem}: round {number + 1}/{options.rounds}: {name}", file=sys.stderr)
            found = ask(script, "--run", name, *cases, environment=environment)
            if "missing" not in found:
                rounds[name].append(found)
            elif name == contestants[0]:
                sys.exit(f"{script.stem}: {name} needs the package {found['missing']}")
            else:
                print(f"{script.stem}: left out {name}: no package {found['missing']}", file=sys.stderr)
                del rounds[name]
    found = {name: medians(figures) for name, figures in rounds.items()}
    return {
        "benchmark": script.stem,
        "command": command(script, options),
        "threads": options.threads,
        "busy": options.anyway and before > 0.3 * (os.cpu_count() or 1),
        "load_average": {"before": before, "after": load_average()},
        "machine": describe(),
        "bars": {name: listed[name] for name in ("equal", "at_most")},
        "failures": failures(found, listed["equal"], listed["at_most"]),
        "medians": found,
        "rounds": rounds,
    }


def failures(found: dict[str, Figures], equal: dict[str, float], at_most: dict[str, float]) -> list[str]:
    """What should hold between the first contestant and the others, and does not."""
    first, *others = found
    said = []
    for other in others:
        for case, columns in found[first].items():
            there = found[other].get(case, {})
            for column, part in equal.items():
                if column in columns and column in there:
                    mine, theirs = float(columns[column]), float(there[column])
                    if not abs(theirs - mine) <= part * abs(mine):  # nor where one is NaN
                        said.append(
                            f"{case}: unequal work, {column} {number(mine)} of {first}, {number(theirs)} of {other}"
                        )
            if other in at_most and there and (longer := 1 / ratio(found, case, other)) > at_most[other]:
                said.append(
                    f"{case}: {first} takes {longer:.2f} times as long as {other}, at most {at_most[other]:g} is right"
                )
    return said


def chosen(contestants: list[str], against: list[str]) -> list[str]:
    """The first contestant and those it is to be compared with."""
    if unknown := set(against) - set(contestants[1:]):
        sys.exit(f"contestants: {', '.join(contestants)}; unknown: {', '.join(unknown)}")
    return [name for name in contestants if not against or name in against or name == contestants[0]]


def command(script: Path, options: argparse.Namespace) -> str:
    """What repeats the measurement, but for the choice of cases and contestants."""
    isa = f" --isa {options.isa}" if options.isa else ""
    return f"python bench/harness.py {script.stem} --rounds {options.rounds} --threads {options.threads}{isa}"


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new result with the cases that only the old one has, from as many rounds on the same code and machine."""

    def conditions(result: dict[str, Any]) -> dict[str, Any]:
        commit = result["machine"]["commit"].removesuffix("-dirty")  # the result file itself makes it so
        return result["machine"] | {name: result[name] for name in ("command", "busy")} | {"commit": commit}

    if conditions(old) != conditions(new) or old["rounds"].keys() != new["rounds"].keys():
        return new
    rounds = {
        name: [before | after for before, after in zip(old["rounds"][name], figures, strict=True)]
        for name, figures in new["rounds"].items()
    }
    found = {name: medians(figures) for name, figures in rounds.items()}
    failed = failures(found, **new["bars"])
    return new | {"medians": found, "rounds": rounds, "failures": failed}


def environment_of(options: argparse.Namespace) -> dict[str, str]:
    """The contestants': threads and instruction set."""
    threads = ("DENSOR_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(threads, str(options.threads)) | ISAS.get(options.isa, {})
    path = os.pathsep.join([str(BENCH), environment.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return environment | {"PYTHONPATH": path}


def ask(script: Path, *arguments: str, environment: dict[str, str]) -> Any:
    """Runs the script in a fresh process and returns the JSON on its last line."""
    done = subprocess.run(
        [sys.executable, script, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def medians(rounds: list[Figures]) -> Figures:
    """Column by column over the rounds; text columns are taken from the first."""
    return {
        case: {
            column: value
            if isinstance(value, str)
            else median(float(figures[case][column]) for figures in rounds)
            for column, value in columns.items()
        }
        for case, columns in rounds[0].items()
    }


def gain(result: dict[str, Any]) -> str:
    """What the ratio of the first columns says: they are times, or memory."""
    figures = next(iter(result["medians"].values()))
    return "smaller by" if next(iter(next(iter(figures.values())))) == "MB" else "faster by"


def table(result: dict[str, Any]) -> Table:
    """The medians, one row per case and contestant; the last column says how far ahead the first one is."""
    found = result["medians"]
    first = next(iter(found))
    columns = list(dict.fromkeys(c for figures in found.values() for case in figures.values() for c in case))
    note = " (machine busy)" if result["busy"] else ""
    shown = Table(title=f"{result['benchmark']}, {result['threads']} threads{note}")
    shown.add_column("case")
    shown.add_column("contestant")
    for column in [*columns, f"{first} is {gain(result)}"]:
        shown.add_column(column, justify="right")
    for case in found[first]:
        for name, figures in found.items():
            if case not in figures:
                continue
            cells = [number(figures[case].get(column, "")) for column in columns]
            shown.add_row(case, name, *cells, "" if name == first else f"{ratio(found, case, name):.2f}x")
    return shown


def ratio(found: dict[str, Figures], case: str, name: str) -> float:
    """Time of contestant `name` over time of the first one; the first column of a case is its time."""
    first = next(iter(found))
    column = next(iter(found[first][case]))
    return float(found[name][case][column]) / float(found[first][case][column])


def number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
