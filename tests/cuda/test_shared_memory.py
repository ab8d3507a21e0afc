"""Shared memory on the processor: every block has its own, which begins as NaN and ends where it was declared to."""

import subprocess

import pytest

from tests.cuda.native import SHIM, build
from tests.cuda_host import sanitized

ORDERS = ["ascending", "descending"]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return build(tmp_path_factory.mktemp("shared"), "shared", *SHIM)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("kernel", "found"),
    [
        ("forgets to begin", "nan nan nan"),
        ("forgets to begin, dynamic", "nan nan nan"),
        ("begins", "0 32 64"),
        ("meets", "0 1 2"),
    ],
)
def test_what_a_block_finds(program, order, kernel, found):
    done = subprocess.run([program, order, kernel], capture_output=True, text=True, check=True)
    assert done.stdout.split() == found.split()


@pytest.mark.skipif(not sanitized(), reason="AddressSanitizer runs in `make test-cuda-asan`")
def test_a_write_behind_a_variable_is_found_out(tmp_path):
    program = build(tmp_path, "shared", *SHIM, "-fsanitize=address")
    done = subprocess.run([program, "ascending", "writes behind the end"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
