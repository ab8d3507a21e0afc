"""Event files, read back record by record."""

import struct

import numpy as np
import pytest

from densor.callbacks import Callback, TensorBoard
from tests.models.build import classifier, data

tensorboardX = pytest.importorskip("tensorboardX")


def events(folder):
    """Every value of the one event file in a folder: (tag, step, value)."""
    from tensorboardX.proto.event_pb2 import Event

    (file,) = folder.iterdir()
    raw, at, found = file.read_bytes(), 0, []
    while at < len(raw):
        (length,) = struct.unpack_from("<Q", raw, at)
        event = Event.FromString(raw[at + 12 : at + 12 + length])
        at += length + 16  # the length, its checksum, the event, its checksum
        found += [(value.tag, event.step, value) for value in event.summary.value]
    return found


def scalars(folder):
    table = {}
    for tag, step, value in events(folder):
        if value.HasField("simple_value"):
            table.setdefault(tag, []).append((step, value.simple_value))
    return table


def fit(callback, **options):
    x, y = data()
    return classifier().fit(x, y, epochs=3, verbose=0, callbacks=[callback], **options)


def test_figures_of_epochs(tmp_path):
    history = fit(TensorBoard(tmp_path), validation_split=0.2).history
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert set(train) == {"epoch_loss", "epoch_accuracy"} == set(validation)
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(train[f"epoch_{name}"], list(enumerate(history[name])), rtol=1e-6)
        np.testing.assert_allclose(
            validation[f"epoch_{name}"], list(enumerate(history[f"val_{name}"])), rtol=1e-6
        )


@pytest.mark.parametrize(("update_freq", "every"), [("batch", 1), (2, 2)])
def test_figures_of_batches(tmp_path, update_freq, every):
    x, _ = data()
    fit(TensorBoard(tmp_path, update_freq=update_freq), batch_size=16)
    steps = [step for step, _ in scalars(tmp_path / "train")["batch_loss"]]
    assert steps == list(range(every, 3 * -(-len(x) // 16) + 1, every))


def test_weights_and_summary(tmp_path):
    fit(TensorBoard(tmp_path, histogram_freq=2, write_steps_per_second=True))
    found = events(tmp_path / "train")
    histograms = [(tag, step) for tag, step, value in found if value.HasField("histo")]
    kernels = [pair for pair in histograms if pair[0].endswith("/kernel/histogram")]
    assert [step for _, step in kernels] == sorted([0, 2] * (len(kernels) // 2))
    text = next(value for tag, _, value in found if tag.startswith("model"))
    assert "Total params" in text.tensor.string_val[0].decode()
    assert all(rate > 0 for _, rate in scalars(tmp_path / "train")["epoch_steps_per_second"])


def test_training_need_not_stop_at_batches_for_figures_of_epochs():
    assert not TensorBoard()._acts_on("on_train_batch_end")
    assert TensorBoard(update_freq="batch")._acts_on("on_train_batch_end")


def test_files_are_closed_when_training_fails(tmp_path):
    callback = TensorBoard(tmp_path)

    class Fail(Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("stop")

    x, y = data()
    with pytest.raises(RuntimeError, match="stop"):
        classifier().fit(x, y, epochs=3, verbose=0, callbacks=[callback, Fail()])
    assert callback._writers == {}
