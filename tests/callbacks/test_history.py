"""The record of a training as a table and as a picture."""

import numpy as np
import pytest

from densor.callbacks import History
from tests.models.build import classifier, data


def recorded(**options):
    x, y = data()
    return classifier().fit(x, y, epochs=4, verbose=0, **options)


def test_a_table_has_a_row_for_each_epoch():
    history = recorded(validation_split=0.2)
    table = history.to_pandas()
    assert sorted(table.columns) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert table.index.name == "epoch"
    assert list(table.index) == history.epoch == [0, 1, 2, 3]
    np.testing.assert_array_equal(table["loss"], history.history["loss"])


def test_epochs_without_validation_are_empty():
    table = recorded(validation_split=0.2, validation_freq=2).to_pandas()
    assert table["val_loss"].isna().tolist() == [True, False, True, False]


def test_the_table_starts_with_the_first_epoch():
    x, y = data()
    table = classifier().fit(x, y, epochs=5, initial_epoch=3, verbose=0).to_pandas()
    assert list(table.index) == [3, 4]


def test_a_plot_for_each_figure_with_training_and_validation():
    history = recorded(validation_split=0.2, validation_freq=2)
    figure = history.plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    training, validation = figure.axes[0].lines
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(validation.get_xdata(), [2, 4])
    np.testing.assert_array_equal(validation.get_ydata(), history.history["val_loss"])
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["training", "validation"]


def test_a_plot_on_given_axes():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    figure = recorded().plot(axes)
    assert figure is axes.figure
    assert [line.get_label() for line in axes.lines] == ["loss", "accuracy"]


def test_nothing_to_plot():
    with pytest.raises(RuntimeError, match=r"^plot\(\): nothing was recorded yet"):
        History().plot()
    assert History().to_pandas().empty
