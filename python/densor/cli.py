"""The command `densor`: demo, info, summary and, in a checkout, bench."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from densor._version import __version__

_BENCH = Path(__file__).resolve().parents[2] / "bench" / "harness.py"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line `arguments` (default: the process's own) and returns the exit status.

    0: done; 1: could not be done, the reason is on stderr; 2: wrong usage; 130: interrupted.

    >>> main(["info"])  # doctest: +SKIP
    0
    """
    parser = _parser()
    options, others = parser.parse_known_args(arguments)
    if options.command == "bench":
        options.arguments = others
    elif others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    try:
        status: int = options.run(options)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"densor {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="densor", description="Trains deep dense neural networks.")
    parser.add_argument("--version", action="version", version=f"densor {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_demo(commands.add_parser("demo", help="train a 300-100-10 network on Fashion-MNIST"))
    info = commands.add_parser("info", help="show the machine, the kernels chosen for it and the build")
    info.set_defaults(run=_info)
    summary = commands.add_parser("summary", help="show the layers of a saved model")
    summary.add_argument("file", type=Path, help="a model saved with model.save()")
    summary.set_defaults(run=_summary)
    if _BENCH.exists():
        # What it is given the harness parses.
        bench = commands.add_parser("bench", help="run benchmarks of this checkout", add_help=False)
        bench.set_defaults(run=_bench)
    return parser


def _add_demo(demo: argparse.ArgumentParser) -> None:
    demo.add_argument("--epochs", type=_positive, default=10, help="passes over the training images (10)")
    demo.add_argument("--batch-size", type=_positive, help="images per step (Fashion-MNIST 128, digits 32)")
    demo.add_argument(
        "--data", choices=("auto", "fashion_mnist", "digits"), default="auto",
        help="auto: Fashion-MNIST if it is on this machine, else the digits of the package",
    )  # fmt: skip
    demo.add_argument("--download", action="store_true", help="fetch Fashion-MNIST (31 MB) if it is not here")
    demo.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder of the results (runs/demo)")
    demo.add_argument("--threads", type=_positive, help="worker threads (default: what this process may use)")
    demo.add_argument("--seed", type=int, default=42, help="seed of weights, shuffling and dropout (42)")
    demo.add_argument("--quiet", action="store_true", help="print only the result line")
    demo.set_defaults(run=_demo)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def _demo(options: argparse.Namespace) -> int:
    from densor import demo

    settings = {key: value for key, value in vars(options).items() if key not in ("command", "run")}
    demo.run(demo.Options(**settings))
    return 0


def _info(options: argparse.Namespace) -> int:
    from densor import config

    print(config.show_config())
    return 0


def _summary(options: argparse.Namespace) -> int:
    from densor.models import load_model

    load_model(options.file).summary()
    return 0


def _bench(options: argparse.Namespace) -> int:
    return subprocess.call([sys.executable, str(_BENCH), *options.arguments])
