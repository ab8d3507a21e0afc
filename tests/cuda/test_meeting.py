"""The processor's version of kernels whose blocks wait for one another: they do, and one that stays away is told of."""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHIM = [str(ROOT / f"csrc/cuda/host/{name}.cpp") for name in ("block", "fiber", "grid")]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Built from the files of the shim."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler here")
    built = tmp_path_factory.mktemp("meeting") / "meeting"
    include = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'csrc/cuda/host'}"]
    source = str(Path(__file__).parent / "meeting.cpp")
    subprocess.run([compiler, "-std=c++20", "-O1", *include, source, *SHIM, "-o", str(built)], check=True)
    return built


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize(
    ("who", "said"), [("all", "0 wrong"), ("missing", "some blocks wait for others that have ended")]
)
def test_blocks_meet_or_say_that_they_cannot(program, order, who, said):
    done = subprocess.run([str(program), order, who], capture_output=True, text=True, check=True)
    assert said in done.stdout


def test_a_stack_that_is_too_small_is_found_out(program):
    """Below it lies a page that nobody may touch: the next thread's stack is not written over."""
    done = subprocess.run([str(program), "ascending", "deep"], capture_output=True)
    assert done.returncode == -signal.SIGSEGV
    assert b"calls" not in done.stdout
