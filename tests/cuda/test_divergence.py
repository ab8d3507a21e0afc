"""Threads that part ways, on the processor: a barrier or a shuffle that not all of them reach is an exception."""

import subprocess

import pytest

from tests.cuda.native import SHIM, build

NEVER = "some threads of a block wait at a barrier or shuffle that the others never reach"
KERNELS = {
    "some end before the barrier": NEVER,
    "one goes round once more": NEVER,
    "some shuffle and some meet": NEVER,
    "lanes are missing in a shuffle": NEVER,
    "half a warp shuffles and all meet": "nothing",
}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return build(tmp_path_factory.mktemp("diverging"), "diverging", *SHIM)


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_what_a_launch_says(program, order, kernel):
    done = subprocess.run([program, order, kernel], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert KERNELS[kernel] in done.stdout
