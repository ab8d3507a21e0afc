"""What becomes of AMX where something is in its way: each obstacle is named, and products run without."""

import errno
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from densor import _core

ROOT = Path(__file__).resolve().parents[1]
REFUSED = "AMX, not used: the operating system refused the permission ({})"

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="AMX under Linux"
)


def test_the_first_obstacle_is_named():
    for others in (False, True):
        assert _core.amx_obstacle(False, others, others) == "none: this CPU has no AMX for bfloat16"
        assert _core.amx_obstacle(True, False, others) == (
            "AMX, not used: the operating system does not save its registers"
        )
    assert _core.amx_obstacle(True, True, False) == "AMX, not used: this CPU lacks AVX-512"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(errno.EPERM, "Operation not permitted"), (errno.ENOSPC, "the signal stack of a thread is too small")],
)
def test_a_refused_permission_is_named_and_leaves_the_target_below(error, reason):
    command = [sys.executable, "-m", "tests.refused_tiles", str(error)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with_amx, here, target, right = done.stdout.splitlines()
    refused = REFUSED.format(reason)
    assert with_amx == refused
    targets = _core.cpu_targets()
    if "amx" in targets:
        assert (here, target) == (refused, targets[targets.index("amx") + 1])
    else:
        assert (here, target) == (_core.matrix_units(), targets[0])
    assert right == "True"
