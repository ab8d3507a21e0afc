"""ModelCheckpoint: when it saves, what and where."""

import pytest

from densor.callbacks import CallbackList, ModelCheckpoint
from tests.callbacks.stand_in import StandIn, losses, replay

NAN = float("nan")


def saved(model):
    """What was saved: file names and the epoch of the weights in them."""
    return [(path.rpartition("/")[2], int(weight)) for _, path, weight in model.saved]


def test_every_epoch(tmp_path):
    model, _ = replay(ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.2f}"), losses(3.0, 2.0))
    assert saved(model) == [("01-3.00", 1), ("02-2.00", 2)]
    assert {kind for kind, _, _ in model.saved} == {"model"}


def test_only_the_best(tmp_path):
    callback = ModelCheckpoint(tmp_path / "best", save_best_only=True)
    model, _ = replay(callback, losses(3.0, 2.0, NAN, 2.5, 2.0, 1.0))
    assert [epoch for _, epoch in saved(model)] == [1, 2, 6]
    assert callback.best == 1.0


def test_a_first_nan_is_not_the_best(tmp_path):
    model, _ = replay(ModelCheckpoint(tmp_path / "best", save_best_only=True), losses(NAN, 5.0))
    assert [epoch for _, epoch in saved(model)] == [2]


def test_the_highest(tmp_path):
    callback = ModelCheckpoint(tmp_path / "best", monitor="accuracy", save_best_only=True)
    model, _ = replay(callback, losses(0.5, 0.4, 0.6, name="accuracy"))
    assert [epoch for _, epoch in saved(model)] == [1, 3]


def test_a_threshold_to_beat(tmp_path):
    callback = ModelCheckpoint(tmp_path / "best", save_best_only=True, initial_value_threshold=2.5)
    assert saved(replay(callback, losses(3.0, 2.0, 1.0))[0]) == [("best", 2), ("best", 3)]


def test_the_best_outlives_a_training(tmp_path):
    callback = ModelCheckpoint(tmp_path / "best", save_best_only=True)
    replay(callback, losses(2.0))
    assert saved(replay(callback, losses(3.0, 1.0))[0]) == [("best", 2)]


def test_weights_only(tmp_path):
    model, _ = replay(ModelCheckpoint(tmp_path / "w", save_weights_only=True), losses(1.0))
    assert [kind for kind, _, _ in model.saved] == ["weights"]


def test_every_so_many_batches(tmp_path):
    callback = ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=3)
    model, _ = replay(CallbackList([callback]), losses(1.0, 1.0), batches=4)
    assert [name for name, _ in saved(model)] == ["1-3", "2-2"]


def test_folders_are_made(tmp_path):
    replay(ModelCheckpoint(str(tmp_path / "a" / "b" / "model")), losses(1.0))
    assert (tmp_path / "a" / "b" / "model").read_text() == "model"


def test_a_missing_figure_warns_and_saves(tmp_path):
    callback = ModelCheckpoint(tmp_path / "best", save_best_only=True)
    with pytest.warns(RuntimeWarning, match="'val_loss' is not among the figures of this training: loss"):
        model, _ = replay(callback, [{"loss": 1.0}])
    assert saved(model) == [("best", 1)]


def test_a_name_that_cannot_be_filled_in(tmp_path):
    callback = ModelCheckpoint(tmp_path / "{val_accuracy}")
    with pytest.raises(
        ValueError,
        match=r"^ModelCheckpoint\(\): argument 'filepath': .*'val_accuracy'.* only val_loss, epoch",
    ):
        replay(callback, losses(1.0))


def test_a_model_that_cannot_be_saved_is_not_the_one_to_beat(tmp_path):
    class Full(StandIn):
        def save(self, path):
            raise OSError(28, "No space left on device", str(path))

    callback = ModelCheckpoint(tmp_path / "best", save_best_only=True)
    with pytest.raises(OSError, match="No space left"):
        replay(callback, losses(1.0), model=Full())
    assert saved(replay(callback, losses(2.0))[0]) == [("best", 1)]


def test_verbose(capsys, tmp_path):
    replay(ModelCheckpoint("m", save_best_only=True, verbose=1), losses(2.0, 3.0, 1.0), model=Silent())
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved from nothing to 2.00000, saving model to m",
        "Epoch 2: val_loss did not improve from 2.00000",
        "Epoch 3: val_loss improved from 2.00000 to 1.00000, saving model to m",
    ]
    replay(ModelCheckpoint("m", verbose=1), losses(2.0), model=Silent())
    assert capsys.readouterr().out == "Epoch 1: saving model to m\n"


class Silent(StandIn):
    def save(self, path):
        pass


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"filepath": 3}, TypeError), ({"filepath": ""}, ValueError), ({"save_freq": "batch"}, ValueError),
        ({"save_freq": 0}, ValueError), ({"save_freq": 1.5}, TypeError), ({"mode": "best"}, ValueError),
        ({"save_best_only": 1}, TypeError), ({"save_weights_only": "no"}, TypeError), ({"verbose": -1}, ValueError),
        ({"monitor": None}, TypeError), ({"initial_value_threshold": "a"}, TypeError),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments, error):
    with pytest.raises(error, match=rf"^ModelCheckpoint\(\): argument '{next(iter(arguments))}': "):
        ModelCheckpoint(**{"filepath": "m", **arguments})
