"""What the README says is so: its example runs, its speed table is that of bench/results."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from densor.datasets import digits, fashion_mnist

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"

pytestmark = pytest.mark.skipif(not README.exists(), reason="only in a checkout")


def example():
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    return code


def small(path=None, download=False):
    """Digits blown up to 28 x 28: the example's shapes without its data set."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    return tuple(
        ((x * 15).repeat(4, axis=1)[:, 2:30].repeat(4, axis=2)[:, :, 2:30], y)
        for x, y in ((x_train[:500], y_train[:500]), (x_test, y_test))
    )


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fashion_mnist, "load_data", small)
    exec(compile(example().replace("epochs=10", "epochs=2"), "README.md", "exec"), {})
    assert (tmp_path / "fashion.safetensors").stat().st_size > 4 * 784 * 300
    assert re.search(r"\[.*0\.\d+.*\]", capsys.readouterr().out)


def test_the_example_has_about_twenty_lines():
    assert 15 <= len(example().splitlines()) <= 25


def test_the_speed_table_is_current():
    assert subprocess.call([sys.executable, ROOT / "bench" / "report.py", "--check"], cwd=ROOT / "bench") == 0


def test_extras_bring_what_the_readme_says():
    extras = dict(re.findall(r"^(cuda\d+) = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    text = " ".join(README.read_text().split())
    said = dict(re.findall(r"'densor\[(cuda\d+)\]'` adds (`[\w-]+` and `[\w-]+`)", text))
    assert sorted(extras) == sorted(said) == ["cuda12", "cuda13"]
    for extra, packages in extras.items():
        assert re.findall(r'"([\w-]+)', packages) == re.findall(r"`([\w-]+)`", said[extra]), extra


def test_the_commands_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", README.read_text(), re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target} is not in the Makefile"
