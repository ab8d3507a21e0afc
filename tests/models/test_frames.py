"""Data in memory maps, small integers and frames of columns."""

import tracemalloc

import numpy as np
import pytest

import densor
from tests.models.batches import WEIGHT, X, Y, in_memory
from tests.models.build import FEATURES, ROWS, regressor, same_weights


@pytest.mark.parametrize("kind", ["uint8", "memmap"])
def test_large_arrays_are_not_copied(kind, tmp_path):
    shape = (200_000, 64)
    if kind == "memmap":
        x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, shape)
    else:
        x = np.ones(shape, np.uint8)
    y = np.zeros(len(x), np.float32)
    model = densor.Sequential([densor.Input((64,)), densor.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x[:512], y[:512], batch_size=512, verbose=0)
    tracemalloc.start()
    model.fit(x, y, batch_size=512, verbose=0, validation_split=0.25)
    model.predict(x[:1000])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 4


def test_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({f"c{i}": X[:, i] for i in range(FEATURES)})
    target = pandas.Series(X[:, 0] * 2, index=range(5, ROWS + 5))
    model, expected = regressor(), regressor()
    model.fit(frame, target, sample_weight=pandas.Series(WEIGHT), shuffle=False, verbose=0)
    expected.fit(X, X[:, 0] * 2, sample_weight=WEIGHT, shuffle=False, verbose=0)
    assert same_weights(model, expected)
    frame["c1"] = frame["c1"] > 0  # NumPy calls a frame of bools and floats an array of objects
    frame["c2"] = pandas.array(range(ROWS), dtype="Int64")
    np.testing.assert_array_equal(
        model.predict(frame),
        model.predict(np.column_stack([np.asarray(frame[c], np.float32) for c in frame])),
    )
    frame["c3"] = "red"
    with pytest.raises(TypeError, match=r"predict\(\): argument 'x': column 'c3' .* expected real numbers"):
        model.predict(frame)


def test_frames_of_polars():
    polars = pytest.importorskip("polars")
    model, _ = in_memory(1)
    frame = polars.DataFrame({f"c{i}": X[:, i] for i in range(FEATURES)})
    results = model.evaluate(frame, polars.Series(Y), verbose=0)
    assert results == model.evaluate(X, Y, verbose=0)
    mixed = frame.with_columns(polars.Series("c1", X[:, 1] > 0), polars.Series("c2", np.arange(ROWS)))
    np.testing.assert_array_equal(
        model.predict(mixed), model.predict(np.column_stack([mixed[c].to_numpy() for c in mixed.columns]))
    )
    with pytest.raises(TypeError, match=r"column 'c3' .* expected real numbers"):
        model.predict(frame.with_columns(polars.lit("red").alias("c3")))
