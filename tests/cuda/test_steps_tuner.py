"""How steps are run, by measurement: what is chosen, what is kept, and that training does not notice. Nobody
looks at a clock: functions and the emulated device say how long things take."""

import pytest

import densor as keras
from densor import _core
from tests.cuda.models import assert_same, classifier, data, threads_in
from tests.cuda.test_arrays import on_device

DEVICE = "densor steps: model sm_90 densor 1"
KEY = "32 rows, 21 phases"
GRAPHS, ONE_KERNEL = (
    (1.0, 0.0),
    (0.0, 1.0),
)  # clocks by which launches, or meetings of blocks, are what takes time


@pytest.fixture
def tune(tmp_path):
    """Chooses for a program with the file of this test; notes whether it was measured."""

    def run(
        graph=2.0,
        persistent=1.0,
        *,
        path=tmp_path / "densor" / "steps.txt",
        key=KEY,
        batches=100,
    ):
        run.measured = 0

        def timer():
            run.measured += 1
            return graph, persistent

        run.path = path
        return _core.tune_steps(str(path), DEVICE, key, batches, timer)

    return run


def test_the_faster_way_is_taken(tune):
    assert tune(25.34, 9.12, path="") == (
        "persistent",
        "measured, 25.3 us a batch as graphs, 9.1 in one kernel",
    )
    assert tune(9.0, 25.0, path="")[0] == "graph"
    assert tune(9.0, 9.0, path="")[0] == "graph"


def test_what_was_measured_is_not_measured_again(tune):
    first = tune(3.0, 4.0)
    assert tune.measured == 1
    assert tune(4.0, 3.0) == first
    assert tune(4.0, 3.0, batches=1) == first, "nor does it matter how short the epoch is then"
    assert tune.measured == 0
    assert tune(4.0, 3.0, key="other")[0] == "persistent"
    assert tune.path.read_text().splitlines() == [DEVICE, f"{KEY} = 3 4", "other = 4 3"]


def test_another_process_may_have_been_faster(tune):
    tune(3.0, 4.0)
    text = tune.path.read_text()
    tune.path.unlink()

    def timer():
        tune.path.write_text(text)
        return 4.0, 3.0

    assert _core.tune_steps(str(tune.path), DEVICE, KEY, 100, timer)[0] == "graph"


def test_epochs_too_short_to_measure_are_graphs(tune):
    assert tune(batches=31) == ("graph", "fewer than 32 batches to measure")
    assert tune.measured == 0
    assert not tune.path.exists()
    assert tune(-1.0) == ("graph", "no memory to measure")
    assert not tune.path.exists(), "perhaps another time"


@pytest.mark.parametrize("record", ["1", "1 2 3", "one two", ""])
def test_a_file_that_is_none_is_left_out_with_a_warning(tune, tmp_path, record):
    path = tmp_path / "steps.txt"
    path.write_text(f"{DEVICE}\n{KEY} = {record}\n")
    with pytest.warns(
        RuntimeWarning, match=r"the measured times of whole steps in .*steps\.txt are left out"
    ):
        assert tune(3.0, 4.0, path=path)[0] == "graph"
    assert path.read_text().splitlines() == [DEVICE, f"{KEY} = 3 4"]


@pytest.fixture
def auto(tmp_path, monkeypatch):
    """Plans are measured, and kept in this test's folder; chains, of which phases know nothing, are off."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = _core.autotune()
    _core.set_autotune(True)
    assert _core.device_steps() == "auto", "where nobody has asked for another way"
    _core.set_device_chains(False)
    yield tmp_path / "densor"
    _core.set_device_chains(True)
    _core.set_device_steps("auto")
    _core.set_autotune(before)
    _core.emulate_device("off")


def dense():
    return [keras.layers.Dense(33, activation="relu"), keras.layers.Dropout(0.3), keras.layers.Dense(17)]


def fitted(rows=40 * 4 + 3):
    x, y = data(rows)
    model = classifier("cuda", layers=dense)
    _core.emulated_traffic()
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0).history
    return (model.get_weights(), history, model.evaluate(x, y, verbose=0)), _core.emulated_traffic()


@on_device
@pytest.mark.parametrize(("clock", "way"), [(GRAPHS, "persistent"), (ONE_KERNEL, "graph")])
def test_training_has_the_bits_of_the_way_that_was_chosen(auto, clock, way):
    with threads_in("ascending"):
        _core.emulate_device("ascending", False, clock=clock)
        found, first = fitted()
        again, second = fitted()
        assert f": {way} (measured, " in _core.chosen_steps()
        _core.set_device_steps(way)
        wanted, plain = fitted()
    assert_same(found, wanted, rtol=0, atol=0)
    assert_same(again, wanted, rtol=0, atol=0)
    assert first["kernels"] > plain["kernels"], "it was measured"
    assert second["kernels"] == plain["kernels"], "once"
    assert (plain["captures"] == 0) == (way == "persistent")
    (file,) = [file for file in auto.iterdir() if "steps" in file.name]
    assert len(file.read_text().splitlines()) == 2


@on_device
def test_measuring_waits_for_the_device_before_an_epoch_only(auto):
    with threads_in("ascending"):
        _core.emulate_device("ascending", False, clock=ONE_KERNEL)
        fitted()
        (_, measured), _ = fitted(), _core.set_device_steps("graph")
        _, plain = fitted()
    assert measured["downloads"] == plain["downloads"]


@on_device
def test_without_measuring_steps_are_graphs(auto):
    _core.set_autotune(False)
    with threads_in("ascending"):
        _core.emulate_device("ascending", False, clock=ONE_KERNEL)
        _, traffic = fitted()
    assert traffic["captures"] > 0
    assert "graph (nothing is measured)" in _core.chosen_steps()
    assert not auto.exists()


@on_device
def test_data_that_are_not_finite_leave_no_trace_of_the_measurement(auto):
    x, y = data(40 * 4)
    x[5] = 3e38  # finite, as fit wants it, but no sum of it
    with threads_in("ascending"):
        _core.emulate_device("ascending", False, clock=GRAPHS)
        model = classifier("cuda", layers=dense)
        before = model.get_weights()
        guard = keras.callbacks.TerminateOnNaN(raise_error=True)
        with pytest.raises(keras.errors.NonFiniteError, match="batch 1"):
            model.fit(x, y, batch_size=4, verbose=0, shuffle=False, callbacks=[guard])
        assert model.optimizer.iterations == 1
        other = classifier("cuda", layers=dense)
        assert_same(other.get_weights(), before, rtol=0, atol=0)
        _core.set_device_steps("persistent")
        other.fit(x[:4], y[:4], batch_size=4, verbose=0, shuffle=False)
    assert_same(model.get_weights(), other.get_weights(), rtol=1e-6, atol=1e-7)
