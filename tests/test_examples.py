"""The worked examples run, and show what they claim."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="only in a checkout")


@pytest.mark.long_on_host("minutes")
def test_pretraining_helps_where_labels_are_few(capsys):
    example = runpy.run_path(str(EXAMPLES / "greedy_pretraining.py"))
    scratch, pretrained = example["main"]()
    assert pretrained > scratch + 0.05
    assert "layer of 48 units: reconstruction error" in capsys.readouterr().out


def test_a_training_loop_learns(capsys):
    example = runpy.run_path(str(EXAMPLES / "training_loop.py"))
    losses, accuracy = example["main"](epochs=5)
    assert losses[-1] < losses[0] / 2
    assert accuracy > 0.85
    assert capsys.readouterr().out.count("epoch") == 5


@pytest.mark.long_on_host("minutes")
def test_a_lottery_ticket_trains_as_well_as_the_whole(capsys):
    example = runpy.run_path(str(EXAMPLES / "lottery_ticket.py"))
    whole, ticket, chance = example["main"]()
    assert ticket > whole - 0.06
    assert ticket > chance + 0.2
    assert "97.2% of the weights pruned" in capsys.readouterr().out
