"""Pinned memory, with a run time whose copies are late: what is on its way stays as it was."""

import subprocess
from pathlib import Path

from tests.cuda.native import build


def test_copies_that_are_late(tmp_path):
    program = build(tmp_path, "pinned", f"-I{Path(__file__).parent / 'late_copies'}")
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    # Sixteen are on their way, the others had to make place; a held report is nobody else's.
    assert done.stdout.splitlines() == ["1 pinned, 24 waited for, 0 wrong", "3 pinned, 40 blocks"]
