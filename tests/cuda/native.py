"""Small programs around native code that the extension does not show, and the files of the emulated GPU for them."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHIM = [str(ROOT / f"csrc/cuda/host/{name}.cpp") for name in ("block", "fiber", "grid")]


def build(folder, name, *more):
    """The program whose source is `name`.cpp beside this file; `more` are other sources and options."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler here")
    include = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'csrc/cuda/host'}"]
    source, built = str(Path(__file__).parent / f"{name}.cpp"), str(folder / name)
    subprocess.run([compiler, "-std=c++20", "-O1", *include, source, *more, "-o", built], check=True)
    return built
