"""Small programs around native code that the extension does not show, and the files of the emulated GPU for them."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = ROOT / "csrc/cuda/host"
FIBERS = [str(HOST / f"{name}.cpp") for name in ("block", "fiber", "grid")]
SHIM = [*FIBERS, str(HOST / "watch/none.cpp")]
WATCHED_SHIM = [
    *FIBERS,
    *(str(HOST / f"watch/{name}.cpp") for name in ("access", "clocks", "shadow", "undefined")),
]


def build(folder, name, *more):
    """The program whose source is `name`.cpp beside this file; `more` are other sources, objects and options."""
    _compile(folder, str(Path(__file__).parent / f"{name}.cpp"), *more, "-o", name)
    return str(folder / name)


def build_watched(folder, name):
    """The same, with every access of its own code watched; that of the shim is not."""
    _compile(folder, "-c", *WATCHED_SHIM)
    objects = [f"{Path(source).stem}.o" for source in WATCHED_SHIM]
    watched = "-fsanitize=thread,alignment,shift,float-cast-overflow"  # as in csrc/cuda/host/CMakeLists.txt
    _compile(folder, "-g1", watched, "-c", str(Path(__file__).parent / f"{name}.cpp"))
    _compile(folder, *objects, f"{name}.o", "-o", name)
    return str(folder / name)


def _compile(folder, *arguments):
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler here")
    include = [f"-I{ROOT / 'csrc'}", f"-I{HOST}"]
    subprocess.run([compiler, "-std=c++20", "-O1", *include, *arguments], check=True, cwd=folder)
