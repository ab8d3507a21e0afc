"""ProgbarLogger and the bar that it draws."""

import pytest

from densor.callbacks import ProgbarLogger
from densor.utils import Progbar
from tests.models.build import classifier, data


def test_a_bar_moves_to_the_end(capsys):
    model = classifier()
    x, y = data()
    model.fit(x, y, epochs=2, verbose=1, callbacks=[bar := ProgbarLogger()], validation_data=(x, y))
    lines = [
        line
        for line in capsys.readouterr().out.split("\n")
        if "━" in line or line in ("Epoch 1/2", "Epoch 2/2")
    ]
    assert lines[0] == "Epoch 1/2"
    assert lines[2] == "Epoch 2/2"
    last = lines[-1].split("\r")[-1]
    assert last.startswith("3/3 " + "━" * 20)
    for name, values in model.history.history.items():
        assert f"{name}: {values[-1]:.4f}" in last
    assert bar.seen == 3


def test_silent(capsys):
    classifier().fit(*data(), verbose=0, callbacks=[ProgbarLogger()])
    assert capsys.readouterr().out == ""


def test_evaluate_and_predict(capsys):
    model = classifier()
    x, y = data()
    bar = ProgbarLogger()
    model.evaluate(x, y, batch_size=32, verbose=0, callbacks=[bar])
    assert "3/? " in capsys.readouterr().out or bar.seen == 3
    model.predict(iter([x, x]), callbacks=[bar])
    assert bar.seen == 2


def test_figures_are_means_over_steps_unless_they_are_stateful(capsys):
    bar = Progbar(4, verbose=2, stateful_metrics=["last"])
    bar.update(1, [("mean", 1.0), ("last", 1.0)])
    bar.add(3, [("mean", 3.0), ("last", 3.0)])
    assert bar.figures() == {"mean": 2.5, "last": 3.0}
    assert "4/4 " in capsys.readouterr().out
    bar = Progbar(None, verbose=0, stateless_metrics=["mean"])
    bar.update(2, [("mean", 1.0), ("other", 5.0)])
    bar.update(4, [("mean", 2.0), ("other", 6.0)])
    assert bar.figures() == {"mean": 1.5, "other": 6.0}
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"target": -1}, "'target'"),
        ({"target": 3, "width": 0}, "'width'"),
        ({"target": 3, "verbose": 5}, "'verbose'"),
        ({"target": 3, "interval": -1}, "'interval'"),
        ({"target": 3, "stateful_metrics": [], "stateless_metrics": []}, "'stateless_metrics': give either"),
    ],
)
def test_bad_arguments(options, problem):
    with pytest.raises((TypeError, ValueError), match=rf"Progbar\(\): argument {problem}"):
        Progbar(**options)
