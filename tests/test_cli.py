"""The command: what it prints when piped, what it writes, how it fails."""

import csv
import re
import subprocess
import sys

import numpy as np
import pytest

import densor
from densor import cli, demo
from densor.datasets import fashion_mnist


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "densor", *arguments], capture_output=True, text=True, timeout=300, **options
    )


@pytest.fixture(scope="module")
def digits_demo(tmp_path_factory):
    """One demo run, piped."""
    out = tmp_path_factory.mktemp("demo") / "deep" / "folder"
    return run("demo", "--data", "digits", "--epochs", "6", "--threads", "1", "--out", str(out)), out


def test_demo_says_data_and_result(digits_demo):
    done, _ = digits_demo
    assert done.returncode == 0, done.stderr
    assert "UCI digits" in done.stdout
    assert "1,300 training, 137 validation, 360 test images" in done.stdout
    result = re.search(r"Test accuracy (0\.\d+) after 6 epochs: .* samples per second", done.stdout)
    assert result is not None
    assert float(result[1]) > 0.9


def test_demo_has_a_row_for_each_class(digits_demo):
    done, _ = digits_demo
    counts = re.findall(r"(\d) [^\d\n]+ (?:[01]\.\d{3}|-) [^\d\n]+ [01]\.\d{3} [^\d\n]+ (\d+)", done.stdout)
    assert [int(label) for label, _ in counts] == list(range(10))
    assert sum(int(count) for _, count in counts) == 360


def test_demo_piped_has_no_control_characters(digits_demo):
    done, _ = digits_demo
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout + done.stderr)


def test_demo_writes_history_curves_and_model(digits_demo):
    _, out = digits_demo
    with (out / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(rows[0])
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
    model = densor.models.load_model(out / "model.safetensors")
    _, (x, y) = densor.datasets.digits.load_data()
    assert np.mean(model.predict(x, verbose=0).argmax(axis=1) == y) > 0.9


def test_demo_without_matplotlib_names_the_pip_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    demo.run(demo.Options(data="digits", epochs=1, out=tmp_path))
    assert "pip install 'densor[demo]'" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "model.safetensors"]


def test_demo_quiet_prints_one_line(tmp_path, capsys):
    assert cli.main(["demo", "--data", "digits", "--epochs", "1", "--quiet", "--out", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_demo_repeats_bit_for_bit(tmp_path):
    models = []
    for threads in (1, 2):
        demo.run(demo.Options(data="digits", epochs=1, out=tmp_path, threads=threads, quiet=True))
        models.append(densor.models.load_model(tmp_path / "model.safetensors").get_weights())
    for first, second in zip(*models, strict=True):
        np.testing.assert_array_equal(first, second)


def test_auto_takes_the_digits_where_fashion_mnist_is_not(monkeypatch):
    monkeypatch.setattr(fashion_mnist, "locate", lambda path=None: None)
    assert demo.load("auto").title.startswith("UCI digits")


def test_demo_on_fashion_mnist(tmp_path):
    if fashion_mnist.locate() is None:
        pytest.skip("Fashion-MNIST is not installed: apt install dataset-fashion-mnist")
    accuracy = demo.run(demo.Options(data="fashion_mnist", epochs=3, out=tmp_path, quiet=True))
    assert accuracy > 0.87


def test_missing_data_is_one_message_without_a_traceback(tmp_path):
    nothing = {"HOME": str(tmp_path), "XDG_DATA_DIRS": str(tmp_path), "PATH": "/usr/bin:/bin"}
    nothing |= {"PYTHONPATH": ":".join(filter(None, sys.path))}
    done = run("demo", "--data", "fashion_mnist", cwd=tmp_path, env=nothing)
    assert done.returncode == 1
    assert done.stderr.startswith("densor demo: load_data(): Fashion-MNIST was not found.")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "arguments", [["demo", "--epochs", "0"], ["demo", "--epochs", "x"], ["demo", "--data", "cifar"], []]
)
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert "usage: densor" in capsys.readouterr().err


def test_out_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["demo", "--data", "digits", "--out", str(tmp_path / "file")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_info(capsys):
    assert cli.main(["info"]) == 0
    assert densor.cpu_target() in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"densor {densor.__version__}\n"


def test_summary(digits_demo, capsys):
    _, out = digits_demo
    assert cli.main(["summary", str(out / "model.safetensors")]) == 0
    assert "BatchNormalization" in capsys.readouterr().out


def test_summary_of_what_is_no_model(tmp_path, capsys):
    file = tmp_path / "no.safetensors"
    file.write_bytes(b"no model")
    assert cli.main(["summary", str(file)]) == 1
    assert "no.safetensors" in capsys.readouterr().err
    assert cli.main(["summary", str(tmp_path / "nothing")]) == 1


@pytest.mark.skipif(not cli._BENCH.exists(), reason="only in a checkout")
@pytest.mark.parametrize(
    "given",
    [[], ["--all"], ["--rounds", "1", "bench_add"], ["bench_add", "--rounds", "1"], ["--help"]],
    ids=str,
)
def test_the_harness_gets_what_bench_is_given(monkeypatch, given):
    commands = []
    monkeypatch.setattr(cli.subprocess, "call", lambda command: commands.append(command) or 4)
    assert cli.main(["bench", *given]) == 4
    assert commands[0][2:] == given


def test_what_no_command_knows_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["info", "--rounds", "1"])
    assert "unrecognized arguments: --rounds 1" in capsys.readouterr().err


def test_bench_is_there_in_a_checkout_only(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cli, "_BENCH", tmp_path / "bench" / "harness.py")
    with pytest.raises(SystemExit, match="2"):
        cli.main(["bench"])
    assert "invalid choice: 'bench'" in capsys.readouterr().err
