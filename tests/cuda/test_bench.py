"""What `make gpu-check` will measure on a GPU runs here with tiny sizes, peers and all: nothing is new there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cuda.test_arrays import on_device

ROOT = Path(__file__).parents[2]
GPU = ROOT / "bench" / "gpu"
pytestmark = [on_device, pytest.mark.skipif(not GPU.exists(), reason="only in a checkout")]


def run(*command, **variables):
    pytest.importorskip("torch")
    paths = [str(path) for path in (ROOT / "python", GPU, ROOT / "bench", ROOT)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "DENSOR_GPU_DRY": "1", **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_every_goal_is_measured_and_right(tmp_path):
    done = run(sys.executable, GPU / "goals.py", tmp_path / "goals.json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "goals.json").read_text())["rows"]
    assert len(rows) == 13
    for row in rows:
        assert row["error"] <= row["tolerance"], row
        assert set(row["goals"]) < set(row["times"]), row
        assert next(iter(row["times"])).startswith("densor"), row
    assert "| ratio | must | stretch |" in (tmp_path / "goals.md").read_text()


def test_peers_are_measured_without_a_build(tmp_path):
    blocked = "import sys; sys.meta_path.insert(0, type('No', (), {'find_spec': staticmethod(refuse)}))"
    done = run(
        sys.executable, "-c",
        f"def refuse(name, *_):\n    assert name.split('.')[0] != 'densor', name\n{blocked}; import goals; "
        f"sys.argv[1:] = [{str(tmp_path / 'peers.json')!r}, '--peers', '--row', 'Adam', '--row', 'a step']; "
        "sys.exit(goals.main())",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "peers.json").read_text())["rows"]
    assert len(rows) == 2
    assert all(row["times"] and not any("densor" in name for name in row["times"]) for row in rows)


def test_ceilings(tmp_path):
    done = run(sys.executable, GPU / "ceilings.py", tmp_path / "ceilings.json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "ceilings.json").read_text())
    assert found["copy TB/s"] > 0
    assert any("small ones first" in name for name in found)


def test_ceilings_need_no_build_of_densor():
    done = run(sys.executable, "-c", "import sys; sys.modules['densor'] = None; import ceilings, timing")
    assert done.returncode == 0, done.stderr


def test_the_script_goes_on_behind_a_stage_that_fails(tmp_path):
    done = run(
        "bash", GPU / "check.sh", OUT=str(tmp_path), STAGES="build bench", GOALS="--row Adam", PYTHON=sys.executable,
        ARCHITECTURE="no such", PATH=os.pathsep.join([str(tmp_path), "/usr/bin", "/bin"]), DENSOR_TEST_CUDA="host",
    )  # fmt: skip
    assert done.returncode == 1
    assert "== build: FAILED" in done.stdout
    assert "== bench: passed" in done.stdout, done.stdout
    assert "Adam, 100 M parameters" in done.stdout
