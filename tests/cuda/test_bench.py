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
    paths = [str(path) for path in (ROOT / "python", GPU, ROOT / "bench", ROOT)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "DENSOR_GPU_DRY": "1", **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def check(out, **variables):
    """check.sh, on a machine that can build nothing."""
    search = os.pathsep.join([str(out), "/usr/bin", "/bin"])
    options = {
        "PYTHON": sys.executable,
        "ARCHITECTURE": "no such",
        "PATH": search,
        "DENSOR_TEST_CUDA": "host",
    }
    return run("bash", GPU / "check.sh", OUT=str(out), **(options | variables))


def test_every_goal_is_measured_and_right(tmp_path):
    pytest.importorskip("torch")
    done = run(sys.executable, GPU / "goals.py", tmp_path / "goals.json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "goals.json").read_text())["rows"]
    assert len(rows) == 15
    for row in rows:
        assert row["error"] <= row["tolerance"], row
        assert set(row["goals"]) < set(row["times"]), row
        assert next(iter(row["times"])).startswith("densor"), row
    assert "| ratio | must | stretch |" in (tmp_path / "goals.md").read_text()


def test_peers_are_measured_without_a_build(tmp_path):
    pytest.importorskip("torch")
    blocked = "import sys; sys.meta_path.insert(0, type('No', (), {'find_spec': staticmethod(refuse)}))"
    done = run(
        sys.executable, "-c",
        f"def refuse(name, *_):\n    assert name.split('.')[0] != 'densor', name\n{blocked}; import goals; "
        f"sys.argv[1:] = [{str(tmp_path / 'peers.json')!r}, '--peers', '--row', 'Adam', '--row', 'a step']; "
        "sys.exit(goals.main())",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "peers.json").read_text())["rows"]
    assert len(rows) == 4
    assert all(
        row["times"] and all("torch" in name or "copy" in name for name in row["times"]) for row in rows
    )


def test_ceilings(tmp_path):
    pytest.importorskip("torch")
    done = run(sys.executable, GPU / "ceilings.py", tmp_path / "ceilings.json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "ceilings.json").read_text())
    assert found["copy TB/s"] > 0
    assert any("small ones first" in name for name in found)


def test_ceilings_need_no_build_of_densor():
    pytest.importorskip("torch")
    done = run(sys.executable, "-c", "import sys; sys.modules['densor'] = None; import ceilings, timing")
    assert done.returncode == 0, done.stderr


def test_the_script_goes_on_behind_a_stage_that_fails(tmp_path):
    pytest.importorskip("torch")
    done = check(tmp_path, STAGES="build bench", GOALS="--row Adam")
    assert done.returncode == 1
    assert "== build: FAILED" in done.stdout
    assert "== bench: passed" in done.stdout, done.stdout
    assert "Adam, 100 M parameters" in done.stdout


def test_a_stage_that_needs_a_build_makes_it_and_measures_no_other(tmp_path):
    done = check(tmp_path, STAGES="golden tests sanitizer", DENSOR_GPU_DRY="0")
    assert done.returncode == 1
    assert done.stdout.count("== build: FAILED") == 1
    assert "== golden: NOT RUN, there is no build" in done.stdout
    assert "== tests: NOT RUN, there is no build" in done.stdout
    assert "== sanitizer: NOT RUN, there is no build" in done.stdout


TESTS = """
import signal
import pytest
def test_first(): pass
def test_second(): {second}
def test_third(): pass
"""


def results(folder, second, **variables):
    """What goals.py hears of a file of three tests."""
    (folder / "ops").mkdir()
    (folder / "ops" / "test_toy.py").write_text(TESTS.format(second=second))
    (folder / "tests.ini").write_text("[pytest]")
    done = run(
        sys.executable, "-m", "pytest", "-c", folder / "tests.ini", "--rootdir", folder.parent, "-q", "-p", "evidence",
        "-p", "no:cacheprovider", "--junitxml", folder / "tests.xml", folder, **variables,
    )  # fmt: skip
    said = run(
        sys.executable, "-c", "import sys, pathlib, table; "
        "print(table.test_results(pathlib.Path(sys.argv[1]))(['ops.test_toy']))", folder / "tests.xml",
    )  # fmt: skip
    return done.stdout, said.stdout.strip()


@pytest.mark.parametrize(
    ("second", "result"),
    [("pass", "passed"), ("assert False", "failed"), ("signal.raise_signal(signal.SIGINT)", "not run")],
)
def test_a_stopped_run_of_tests_leaves_its_evidence(tmp_path, second, result):
    out, said = results(tmp_path, second)
    assert said == result, out
    counts = json.loads((tmp_path / "tests.json").read_text())
    assert counts == {"ops.test_toy": 3}
    assert (tmp_path / "tests.xml").read_text().count("<testcase") >= 1


def test_tests_end_in_time_by_themselves(tmp_path):
    out, said = results(tmp_path, "pass", DENSOR_TEST_SECONDS="0")
    assert "1 passed" in out, out
    assert "no time left after 0 s" in out
    assert said == "not run"


def test_tests_of_all_files_take_turns(tmp_path):
    (tmp_path / "tests.ini").write_text("[pytest]")
    for name in ("test_a", "test_b"):
        (tmp_path / f"{name}.py").write_text("".join(f"def test_{i}(): pass\n" for i in range(3)))
    done = run(
        sys.executable, "-m", "pytest", "-c", tmp_path / "tests.ini", "--rootdir", tmp_path.parent, "-q", "--co",
        "-p", "evidence", tmp_path, DENSOR_TEST_TURN="2",
    )  # fmt: skip
    order = [line[-len("a.py::test_0") :] for line in done.stdout.splitlines() if "::" in line]
    assert order == [f"{file}.py::test_{i}" for file, i in zip("aabbab", (0, 1, 0, 1, 2, 2), strict=True)]


SANITIZER = """#!/bin/sh
tool=$2
shift 4
[ $tool = initcheck ] && echo "1 failed, 2 passed in 0.1s" && exit 2
"$@" || exit
[ $tool = racecheck ] && exit 9
echo "========= ERROR SUMMARY: 0 errors"
"""


def test_every_sanitizer_has_a_line(tmp_path):
    fake = tmp_path / "compute-sanitizer"
    fake.write_text(SANITIZER)
    fake.chmod(0o755)
    done = check(
        tmp_path, STAGES="sanitizer", SANITIZED="tests/cuda/test_persistent.py::test_names_of_the_setting"
    )
    assert "== sanitizer: FAILED (1)" in done.stdout, done.stdout
    assert "-- initcheck: FAILED (1); 1 failed, 2 passed in 0.1s" in done.stdout
    for tool in ("memcheck", "synccheck"):
        assert f"-- {tool}: passed; " in done.stdout, done.stdout
    assert done.stdout.count("; 1 passed in ") == 3
    assert "-- racecheck: ERRORS FOUND; " in done.stdout
    short = check(
        tmp_path,
        STAGES="sanitizer",
        SANITIZED="tests/cuda/test_persistent.py::test_names_of_the_setting",
        LIMIT="12",
    )
    assert "-- memcheck: NOT RUN, no time left" in short.stdout
