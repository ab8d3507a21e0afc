"""CSVLogger: the file after each training."""

import csv

import numpy as np
import pytest

from densor.callbacks import CallbackList, CSVLogger
from tests.callbacks.stand_in import replay


def rows(path, delimiter=","):
    with path.open(newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def test_one_row_per_epoch(tmp_path):
    path = tmp_path / "log.csv"
    replay(
        CSVLogger(path),
        [{"loss": 0.5, "accuracy": 0.25, "val_loss": 1.0}, {"loss": 0.25, "accuracy": 0.5, "val_loss": 2.0}],
    )
    assert rows(path) == [
        ["epoch", "accuracy", "loss", "val_loss"],
        ["0", "0.25", "0.5", "1.0"],
        ["1", "0.5", "0.25", "2.0"],
    ]


def test_validation_in_some_epochs(tmp_path):
    path = tmp_path / "log.csv"
    replay(CSVLogger(path), [{"loss": 1.0}, {"loss": 0.5, "val_loss": 2.0}])
    assert rows(path) == [["epoch", "loss", "val_loss"], ["0", "1.0", "NA"], ["1", "0.5", "2.0"]]


def test_separator(tmp_path):
    path = tmp_path / "log.csv"
    replay(CSVLogger(str(path), separator=";"), [{"loss": 1.0, "val_loss": 2.0}])
    assert path.read_bytes().decode() == "epoch;loss;val_loss\n0;1.0;2.0\n".replace("\n", "\r\n")


def test_numbers_come_back_exactly(tmp_path):
    path = tmp_path / "log.csv"
    value = float(np.float32(0.1))
    replay(CSVLogger(path), [{"loss": value, "val_loss": np.float32(value)}])
    assert [float(cell) for cell in rows(path)[1][1:]] == [value, pytest.approx(value, rel=1e-7)]


def test_lists_are_one_cell(tmp_path):
    path = tmp_path / "log.csv"
    replay(CSVLogger(path), [{"loss": np.array([1, 2]), "val_loss": np.array(3.0), "val_name": "a,b"}])
    assert rows(path)[1] == ["0", "[1, 2]", "3.0", "a,b"]


def test_a_new_training_starts_a_new_file_or_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    figures = [{"loss": 1.0, "val_loss": 1.0}]
    replay(CSVLogger(path), figures)
    replay(CSVLogger(path), figures)
    assert len(rows(path)) == 2
    replay(CSVLogger(path, append=True), figures, first_epoch=1)
    assert [row[0] for row in rows(path)] == ["epoch", "0", "1"]
    replay(CSVLogger(tmp_path / "new.csv", append=True), figures)
    assert len(rows(tmp_path / "new.csv")) == 2


def test_appending_keeps_the_columns_of_the_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,val_loss,loss\n0,1.0,2.0\n")
    replay(CSVLogger(path, append=True), [{"loss": 4.0, "val_loss": 3.0}], first_epoch=1)
    assert rows(path)[-1] == ["1", "3.0", "4.0"]
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=r"^CSVLogger\(\): argument 'filename': '.*log.csv' has no column for accuracy"
    ):
        replay(CallbackList([CSVLogger(path, append=True)]), [{"accuracy": 1.0}])
    assert path.read_bytes() == before


def test_rows_are_on_disk_at_once(tmp_path):
    path, seen = tmp_path / "log.csv", []

    class Reader(CSVLogger):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            seen.append(len(rows(path)))

    replay(Reader(path), [{"loss": 1.0}] * 3)
    assert seen == [2, 3, 4]


def test_the_file_is_closed_however_training_ends(tmp_path):
    logger = CSVLogger(tmp_path / "log.csv")
    replay(logger, [{"loss": 1.0}])
    assert logger._file is None


def test_a_file_that_cannot_be_written_ends_the_training_before_it_begins(tmp_path):
    with pytest.raises(OSError) as error:
        replay(CSVLogger(tmp_path / "missing" / "log.csv"), [{"loss": 1.0}])
    assert error.value.filename == str(tmp_path / "missing" / "log.csv")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"filename": 3}, TypeError), ({"filename": ""}, ValueError), ({"separator": ""}, ValueError),
        ({"separator": "::"}, ValueError), ({"separator": 3}, TypeError), ({"append": "yes"}, TypeError),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments, error):
    with pytest.raises(error, match=rf"^CSVLogger\(\): argument '{next(iter(arguments))}': "):
        CSVLogger(**{"filename": "log.csv", **arguments})
