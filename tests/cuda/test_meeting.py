"""The processor's version of kernels whose blocks wait for one another: they do, and one that stays away is told of."""

import signal
import subprocess

import pytest

from tests.cuda.native import SHIM, build


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return build(tmp_path_factory.mktemp("meeting"), "meeting", *SHIM)


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize(
    ("who", "said"), [("all", "0 wrong"), ("missing", "some blocks wait for others that have ended")]
)
def test_blocks_meet_or_say_that_they_cannot(program, order, who, said):
    done = subprocess.run([program, order, who], capture_output=True, text=True, check=True)
    assert said in done.stdout


def test_a_stack_that_is_too_small_is_found_out(program):
    """Below it lies a page that nobody may touch: the next thread's stack is not written over."""
    done = subprocess.run([program, "ascending", "deep"], capture_output=True)
    assert done.returncode == -signal.SIGSEGV
    assert b"calls" not in done.stdout
