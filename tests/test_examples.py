"""The worked examples run, and show what they claim."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="only in a checkout")


def test_pretraining_helps_where_labels_are_few(capsys):
    example = runpy.run_path(str(EXAMPLES / "greedy_pretraining.py"))
    scratch, pretrained = example["main"]()
    assert pretrained > scratch + 0.05
    assert "layer of 48 units: reconstruction error" in capsys.readouterr().out
