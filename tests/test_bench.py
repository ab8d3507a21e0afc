"""The benchmark harness: interleaving, medians, ratios, and that it refuses a busy machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import densor

BENCH = Path(__file__).resolve().parents[1] / "bench"

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason="only in a checkout")

SCRIPT = """
import os, sys, contestant

def figures(seconds):
    with open(os.environ["BENCH_LOG"], "a") as log:
        log.write(f"{seconds} {os.getpid()} {os.environ['OMP_NUM_THREADS']}\\\\n")
    return {"case": {"us": seconds, "GFLOP/s": 1.0 / seconds}}

CONTESTANTS = {"first": lambda: figures(2.0), "second": lambda: figures(6.0)}
if __name__ == "__main__":
    contestant.main(CONTESTANTS)
""".replace("\\\\", "\\")


@pytest.fixture
def harness(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.setenv("BENCH_LOG", str(tmp_path / "log"))
    import harness

    (tmp_path / "toy.py").write_text(SCRIPT)
    monkeypatch.setattr(harness, "find", lambda names, every: [tmp_path / "toy.py"])
    monkeypatch.setattr(harness, "busy", lambda: False)
    monkeypatch.setattr(sys, "argv", ["harness", "toy", "--threads", "3", "--results", str(tmp_path)])
    return harness


def test_rounds_are_interleaved_processes_with_equal_threads(harness, tmp_path):
    assert harness.main() == 0
    seconds, processes, threads = zip(
        *map(str.split, (tmp_path / "log").read_text().splitlines()), strict=True
    )
    assert seconds == ("2.0", "6.0") * 5
    assert len(set(processes)) == 10
    assert set(threads) == {"3"}


def test_result_file_has_rounds_medians_machine_and_command(harness, tmp_path, capsys):
    harness.main()
    result = json.loads((tmp_path / "toy.json").read_text())
    assert result["medians"]["second"]["case"]["us"] == 6.0
    assert len(result["rounds"]["first"]) == 5
    assert result["command"] == "python bench/harness.py toy --rounds 5 --threads 3"
    assert {"processor", "cores", "features", "system", "versions", "commit"} <= set(result["machine"])
    assert not result["busy"]
    assert "3.00x" in capsys.readouterr().out


def test_one_contestant_held_to_an_instruction_set(harness, tmp_path, monkeypatch):
    script = tmp_path / "toy.py"
    script.write_text(script.read_text().replace("OMP_NUM_THREADS", "ATEN_CPU_CAPABILITY"))
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--rounds", "1", "--isa", "avx2", "--against", "second"])
    assert harness.main() == 0
    result = json.loads((tmp_path / "toy.avx2.json").read_text())
    assert list(result["medians"]) == ["first", "second"]
    assert result["command"].endswith("--isa avx2")
    assert [line.split()[2] for line in (tmp_path / "log").read_text().splitlines()] == ["avx2", "avx2"]
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--against", "nobody"])
    with pytest.raises(SystemExit, match="unknown: nobody"):
        harness.main()


def test_a_contestant_whose_package_is_missing_is_left_out(harness, tmp_path, capsys):
    script = tmp_path / "toy.py"
    script.write_text(
        script.read_text().replace("lambda: figures(6.0)", "lambda: __import__('no_such_package')")
    )
    assert harness.main() == 0
    assert list(json.loads((tmp_path / "toy.json").read_text())["medians"]) == ["first"]
    assert "left out second: no package no_such_package" in capsys.readouterr().err


def test_unequal_work_and_a_missed_bar_fail_the_run(harness, tmp_path, monkeypatch, capsys):
    script = tmp_path / "toy.py"
    told = "contestant.main(CONTESTANTS, equal={'loss': 0.02}, at_most={'second': 0.3})"
    script.write_text(
        script.read_text()
        .replace("contestant.main(CONTESTANTS)", told)
        .replace('"GFLOP/s": 1.0 / seconds', '"loss": 1.01 if seconds < 5 else 0.99')
    )
    assert harness.main() == harness.EXIT_FAILED == 4
    slow = "case: first takes 0.33 times as long as second, at most 0.3 is right"
    assert json.loads((tmp_path / "toy.json").read_text())["failures"] == [slow]
    assert slow in capsys.readouterr().err
    for bar, other, expected in (
        ({"loss": 0.02}, "0.98", "case: unequal work, loss 1.01 of first, 0.98 of second"),
        ({"loss": 0.02}, 'float("nan")', "case: unequal work, loss 1.01 of first, nan of second"),
        ({"another": 0.02}, "0.5", None),
        ({}, "0.5", None),
    ):
        script.write_text(
            SCRIPT.replace(
                "contestant.main(CONTESTANTS)", f"contestant.main(CONTESTANTS, equal={bar})"
            ).replace('"GFLOP/s": 1.0 / seconds', f'"loss": 1.01 if seconds < 5 else {other}')
        )
        assert harness.main() == (0 if expected is None else harness.EXIT_FAILED)
        assert json.loads((tmp_path / "toy.json").read_text())["failures"] == ([expected] if expected else [])


def test_costs_of_matrix_units_are_found_and_printed_as_the_plan_has_them(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import unit_costs

    costs = {"storing": 0.25}
    for name, step, packing in (("x1", 10.0, 0.1), ("x3", 20.0, 0.15), ("x6", 36.5, 0.0)):
        costs |= {f"step {name}": step, f"packing {name}": packing}
    times = {
        (precision, shape): unit_costs.estimate(costs, precision, shape)
        for precision in unit_costs.TERMS
        for shape in unit_costs.SHAPES
    }
    times |= {("ieee", (m, n, k)): 2 * m * n * k / 180 for m, n, k in unit_costs.SHAPES}
    found = unit_costs.fitted(times)
    assert found == pytest.approx(costs, abs=1e-9)
    lines = unit_costs.table(found, unit_costs.multiply_adds(times)).splitlines()
    assert '{"x3", 2, 20.0, 0.15}' in lines[0]
    assert lines[2] == "constexpr double kFmaFlopsPerNanosecond = 180;"
    plan = (BENCH.parent / "csrc/cpu/gemm/plan.cpp").read_text()
    for line in lines:
        assert line.partition(" = ")[0] + " = " in plan


@pytest.mark.parametrize("name", ["sgd", "amsgrad", "rmsprop centered", "muon", "lamb", "adafactor", "ftrl"])
def test_optimizers_are_prepared_for_the_clock(monkeypatch, name):
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.syspath_prepend(str(BENCH / "ops"))
    import bench_optimizer

    step, moved = bench_optimizer.densor(name, ((20, 30), (30,)))
    step()
    assert moved % (4 * 630) == 0


def test_every_optimizer_is_measured(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.syspath_prepend(str(BENCH / "ops"))
    import bench_optimizer

    classes = {kind for kind, *_ in bench_optimizer.OPTIMIZERS.values()}
    assert classes == {name for name in densor.optimizers.__all__ if name[0].isupper()} - {
        "Optimizer",
        "AdaMax",
    }


def test_medians_take_each_column_by_itself(harness):
    rounds = [{"case": {"us": us, "path": "avx2"}} for us in (9.0, 1.0, 2.0)]
    assert harness.medians(rounds) == {"case": {"us": 2.0, "path": "avx2"}}


def test_a_busy_machine_is_refused_and_anyway_marks(harness, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(harness, "busy", lambda: True)
    assert harness.main() == harness.EXIT_BUSY == 3
    assert "busy" in capsys.readouterr().err
    assert not (tmp_path / "toy.json").exists()
    monkeypatch.setattr(harness, "load_average", lambda: 10.0 * (os.cpu_count() or 1))
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--anyway"])
    assert harness.main() == 0
    assert json.loads((tmp_path / "toy.json").read_text())["busy"] is True


def test_unknown_names_are_refused_with_the_list():
    done = subprocess.run([sys.executable, BENCH / "harness.py", "nothing"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "fashion_mnist" in done.stderr
    assert "unknown: nothing" in done.stderr


@pytest.mark.parametrize(
    "script",
    [*sorted(BENCH.glob("models/*.py")), *sorted(BENCH.glob("ops/*.py")), BENCH / "latency.py"],
    ids=lambda path: path.stem,
)
def test_every_script_lists_densor_first(script):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(BENCH), *sys.path])}
    done = subprocess.run([sys.executable, script, "--list"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["contestants"][0] == "densor"


def test_the_picture_shows_every_ratio_and_the_roof(harness, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    import picture

    shown = {
        "densor": {"us": 2.0, "GFLOP/s": 150.0, "% of FMA peak": 50.0},
        "torch": {"us": 3.0, "GFLOP/s": 100.0},
    }
    dense = {"benchmark": "bench_dense", "medians": {name: {"(2,3)x(3,4)": c} for name, c in shown.items()}}
    kernel = {"us": 1.0, "GB/s": 20.0, "% of bandwidth": 40.0}
    norm = {"benchmark": "bench_batch_norm", "medians": {"densor": {"(8,8) forward": kernel}}}
    for result in (dense, norm):
        (tmp_path / f"{result['benchmark']}.json").write_text(json.dumps(result))
    monkeypatch.setattr(picture, "RESULTS", tmp_path)
    assert picture.ratios(picture.load(tmp_path)) == [("dense: (2,3)x(3,4)", "torch", 1.5)]
    assert picture.products("(2,3)x(3,4)") == (48.0, 4.0 * (6 + 12 + 8))
    assert picture.main() == 0
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


def test_no_results_no_picture(harness, monkeypatch, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    import picture

    monkeypatch.setattr(picture, "RESULTS", tmp_path)
    assert picture.main() == 1
    assert "make bench" in capsys.readouterr().err


def test_the_clock_counts_calls(harness, monkeypatch):
    import contestant

    now = 0.0

    def work():
        nonlocal now
        now += 2e-4

    monkeypatch.setattr(contestant.time, "perf_counter", lambda: now)
    assert contestant.seconds_per_call(work, budget=0.02) == pytest.approx(2e-4)


ROW = {
    "name": "product",
    "goals": {"torch": (1.5, 2.0)},
    "tests": "passed",
    "error": 1e-7,
    "tolerance": 1e-6,
    "times": {"densor": 2.0, "torch": 4.2, "other": 3.0},
    "note": "",
}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "| product | 2.0 us | torch | 4.2 us | 2.10 | 1.5 | 2.0 | stretch |"),
        ({"times": {"densor": 2.0, "torch": 3.2}}, "| 1.60 | 1.5 | 2.0 | met |"),
        ({"times": {"densor": 2.0, "torch": 2.4}}, "| 1.20 | 1.5 | 2.0 | 80 % of it |"),
        (
            {"tests": "not run"},
            "densor 2.0 us, torch 4.2 us, other 3.0 us | | | | | not all of its tests have run",
        ),
        (
            {"times": {"densor graphs": 3.0, "densor persistent": 2.0, "torch": 4.2}},
            "| product | persistent 2.0 us, graphs 3.0 us | torch | 4.2 us | 2.10 | 1.5 | 2.0 | stretch |",
        ),
        ({"tests": "failed"}, "| its tests have failed on this device |"),
        ({"error": 1e-3}, "results are off by 1.0e-03, at most 1e-06 is right |"),
        ({"error": float("nan")}, "results are off by nan"),
        ({"times": {"torch": 4.2}}, "| densor has not run |"),
        ({"failed": "RuntimeError: out of memory"}, "| RuntimeError: out of memory |"),
    ],
)
def test_rows_of_a_gpu(harness, monkeypatch, changes, shown):
    monkeypatch.syspath_prepend(str(BENCH / "gpu"))
    import table

    text = "\n".join(table.lines(ROW | changes))
    assert shown in text
    assert bool(table.ratios(ROW | changes)) == ("stretch" in text or "| 1.5 |" in text)


def test_a_kernel_whose_tests_fail_on_the_device_has_no_ratio(harness, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCH / "gpu"))
    import table

    (tmp_path / "tests.xml").write_text(
        '<testsuites><testsuite><testcase classname="tests.ops.test_dense"/>'
        '<testcase classname="tests.ops.test_dense"><failure/></testcase>'
        '<testcase classname="tests.ops.test_softmax"><skipped/></testcase>'
        '<testcase classname="tests.ops.test_stopped"/>'
        '<testcase classname="tests.ops.test_add"/></testsuite></testsuites>'
    )
    counted = {"ops.test_dense": 2, "ops.test_softmax": 1, "ops.test_stopped": 2, "ops.test_add": 1}
    (tmp_path / "tests.json").write_text(json.dumps(counted))
    of = table.test_results(tmp_path / "tests.xml")
    assert of(["ops.test_add"]) == "passed"
    assert of(["ops.test_add", "ops.test_dense"]) == "failed"
    assert of(["ops.test_add", "ops.test_softmax"]) == "not run"
    assert of(["ops.test_stopped"]) == "not run"
    (tmp_path / "tests.json").unlink()
    assert table.test_results(tmp_path / "tests.xml")(["ops.test_add"]) == "not run"
    assert table.test_results(tmp_path / "none.xml")(["ops.test_add"]) == "not run"


def test_the_table_of_the_gpu_stands_in_the_readme(harness, tmp_path):
    import report

    assert "pending" in report.gpu_report(tmp_path)
    about = {"gpu": "a GPU", "driver": "1", "cuda": "13.0", "commit": "c", "versions": {"torch": "2"}}
    result = {"machine": about, "date": "2026-01-01", "command": "make gpu-check OUT=dir", "rows": [ROW]}
    (tmp_path / "gpu.json").write_text(json.dumps(result))
    text = report.insert("a\n<!-- gpu -->\nold\n<!-- /gpu -->\nb", "gpu", report.gpu_report(tmp_path))
    assert text.startswith("a\n<!-- gpu -->\nMedians of interleaved rounds on a GPU, driver 1")
    assert text.endswith("<!-- /gpu -->\nb")


def test_results_of_another_machine_follow_with_its_name(harness, tmp_path):
    import report

    assert report.report(tmp_path) == report.report(tmp_path / "none") == "No results yet: `make bench`.\n"
    for folder, processor, features in (
        (tmp_path, "first", ["avx2", "fma"]),
        (tmp_path / "other", "second", []),
    ):
        folder.mkdir(exist_ok=True)
        about = {"processor": processor, "features": features, "cores": 2, "versions": {"numpy": "2"}}
        medians = {"densor": {"case": {"us": 1.0}}}
        result = {"machine": about, "command": f"bench on {processor}", "busy": False, "medians": medians}
        (folder / "bench_dense.json").write_text(json.dumps(result))
    first, second = report.report(tmp_path).split("Medians of interleaved processes on ")[1:]
    assert first.startswith("first (avx2, fma), 2 cores, with numpy 2.")
    assert "bench on first" in first
    assert second.startswith("second, 2 cores")
    assert "`bench/results/other/`" in second
    assert "bench on second" in second


def test_shares_are_those_of_plain_passes(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import report

    import contestant
    from densor import _core

    x, y = contestant.normal(4, 21), contestant.empty(4, 21)
    assert x.ctypes.data % 64 == y.ctypes.data % 64 == 0
    passes = contestant.PlainPasses(x.nbytes, (1, False), (1, True))
    step = _core.rescale(y, x, 1.0, 0.0)
    measure = contestant.memory_bound({"case": ()}, densor=lambda: (step.run, 2 * x.nbytes, passes))
    found = measure["densor"]()
    assert list(found["case"]) == ["us", "GB/s", "% of plain passes"]
    assert found["case"]["% of plain passes"] > 0
    text = report.section({"command": "bench", "busy": False, "medians": {"densor": found}})
    assert "% of plain passes: of the speed of plain loops" in text
