"""BackupAndRestore: a training that was interrupted ends where one that was not does."""

import numpy as np
import pytest

import densor
from densor import layers
from densor.callbacks import BackupAndRestore, Callback, LearningRateScheduler
from densor.errors import FormatError
from tests.models.build import classifier, data, same_weights


class Interrupt(Callback):
    """Stops training in the middle of an epoch."""

    def __init__(self, epoch, batch=1):
        self.place, self.epoch = (epoch, batch), None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise KeyboardInterrupt


def model(optimizer="adam"):
    densor.utils.set_random_seed(5)
    made = classifier()
    made.compile(optimizer, "sparse_categorical_crossentropy")
    return made


def fit(trained, *callbacks, epochs=4):
    return trained.fit(*data(), batch_size=16, epochs=epochs, verbose=0, callbacks=list(callbacks))


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam"])
def test_what_was_interrupted_goes_on_bit_for_bit(optimizer, tmp_path):
    halving = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch == 1 else rate)
    whole = model(optimizer)
    fit(whole, halving)
    first = model(optimizer)
    with pytest.raises(KeyboardInterrupt):
        fit(first, halving, BackupAndRestore(tmp_path / "b"), Interrupt(2))
    assert (tmp_path / "b" / "latest.safetensors").exists()
    second = model(optimizer)
    history = fit(second, halving, BackupAndRestore(tmp_path / "b"))
    assert history.epoch == [2, 3]
    assert same_weights(whole, second)
    assert second.optimizer.iterations == whole.optimizer.iterations
    assert float(second.optimizer.learning_rate) == float(whole.optimizer.learning_rate)
    assert not (tmp_path / "b").exists(), "it is finished"


def test_a_number_of_batches(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(model(), BackupAndRestore(tmp_path, save_freq=2), Interrupt(1, 3))
    history = fit(model(), BackupAndRestore(tmp_path, save_freq=2))
    assert history.epoch == [1, 2, 3], "the interrupted epoch is done again"


def test_a_file_that_cannot_be_read(tmp_path):
    callback = BackupAndRestore(tmp_path, double_checkpoint=True)
    with pytest.raises(KeyboardInterrupt):
        fit(model(), callback, Interrupt(2))
    latest = tmp_path / "latest.safetensors"
    content = bytearray(latest.read_bytes())
    content[-3] ^= 1
    latest.write_bytes(content)
    assert fit(model(), BackupAndRestore(tmp_path, delete_checkpoint=False)).epoch == [1, 2, 3]
    (tmp_path / "previous.safetensors").unlink()
    latest.write_bytes(content)
    fresh = model()
    before = fresh.get_weights()
    with pytest.raises(FormatError, match="checksum"):
        fit(fresh, BackupAndRestore(tmp_path))
    assert all(np.array_equal(a, b) for a, b in zip(before, fresh.get_weights(), strict=True))


def test_the_state_of_another_model_or_optimizer(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(model(), BackupAndRestore(tmp_path), Interrupt(1))
    with pytest.raises(FormatError, match="the state of Adam, the model is compiled with SGD"):
        fit(model("sgd"), BackupAndRestore(tmp_path))
    other = densor.Sequential([densor.Input((6,)), layers.Dense(3, activation="softmax")])
    other.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(FormatError, match="weights"):
        fit(other, BackupAndRestore(tmp_path))


def test_finished_trainings(tmp_path):
    fit(model(), BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=2)
    kept = model()
    assert fit(kept, BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=2).epoch == []
    assert fit(kept, BackupAndRestore(tmp_path), epochs=3).epoch == [2]
    assert not tmp_path.exists()


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [(("",), ValueError, "backup_dir"), ((3,), TypeError, "backup_dir"), (("a", "batch"), ValueError, "save_freq"),
     (("a", 0), ValueError, "save_freq"), (("a", "epoch", 1), TypeError, "double_checkpoint"),
     (("a", "epoch", True, "no"), TypeError, "delete_checkpoint")],
)  # fmt: skip
def test_wrong_arguments(arguments, error, name):
    with pytest.raises(error, match=rf"^BackupAndRestore\(\): argument '{name}'"):
        BackupAndRestore(*arguments)


def test_a_folder_with_other_files_stays(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    fit(model(), BackupAndRestore(tmp_path), epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
