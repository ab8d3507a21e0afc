"""What training shows."""

import io
import time

import numpy as np
import pytest
from rich.console import Console

from densor.models.bars import Bars
from densor.models.progress import Lines, Silence, display_for, format_logs
from tests.models.build import classifier, data


def test_figures_are_short():
    logs = {"loss": 0.123456, "tiny": 1.5e-7, "huge": 3e16, "zero": 0.0, "rate": np.float32(0.5)}
    assert (
        format_logs(logs)
        == "loss: 0.1235 - tiny: 1.5000e-07 - huge: 3.0000e+16 - zero: 0.0000 - rate: 0.5000"
    )


def test_the_display_follows_verbose_and_the_terminal(monkeypatch):
    assert isinstance(display_for(0, 1, 1), Silence)
    assert isinstance(display_for(2, 1, 1), Lines)
    assert isinstance(display_for(1, 1, 1), Lines), "no terminal"
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdout", terminal)
    assert isinstance(display_for(1, 1, 1), Bars)
    assert isinstance(display_for(2, 1, 1), Lines)


def test_the_clock_reads_the_counters():
    """Nobody tells the bar anything while the epoch runs."""
    out = io.StringIO()
    bars = Bars(3, 100, Console(file=out, force_terminal=True, width=100))
    state = {"done": 0}
    bars.epoch_begin(1, lambda: state["done"], lambda: {"loss": state["done"] / 8})
    state["done"] = 37
    deadline = time.monotonic() + 5
    while "37/100" not in out.getvalue() and time.monotonic() < deadline:
        time.sleep(0.02)
    shown = out.getvalue()
    assert "Epoch 2/3" in shown
    assert "37/100" in shown
    assert "loss: 4.6250" in shown
    state["done"] = 100
    bars.epoch_end(1, {"loss": 0.25, "val_loss": 0.5})
    assert "loss: 0.2500 - val_loss: 0.5000" in out.getvalue()
    bars.close()


def test_an_interrupted_bar_is_closed():
    bars = Bars(1, 10, Console(file=io.StringIO(), force_terminal=True))
    bars.epoch_begin(0, lambda: 0, dict)
    bars.close()
    assert bars._live is None


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (2, 3)])
def test_lines(verbose, lines, capsys):
    x, y = data()
    classifier().fit(x, y, epochs=3, verbose=verbose)
    assert len(capsys.readouterr().out.splitlines()) == lines


def test_evaluate_prints_its_results(capsys):
    x, y = data()
    classifier().evaluate(x, y)
    assert capsys.readouterr().out.startswith("70 rows - accuracy: 0.")
