"""The record of a training."""

from __future__ import annotations

from typing import Any

from densor.callbacks.callback import Callback, Logs


class History(Callback):
    """What `fit` returns. `history`: a dict of lists with one figure per epoch; `epoch`: the epochs' numbers.

    >>> history = History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history.history
    {'loss': [0.5]}
    >>> history.to_pandas()
           loss
    epoch
    0       0.5
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self._epochs: dict[str, list[int]] = {}  # of each figure: validation may not follow every epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._epochs.setdefault(name, []).append(epoch)

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a column for each figure and a row for each number in `epoch`.

        Figures that were not recorded in every epoch (`validation_freq`) are NaN in the others. Raises
        ModuleNotFoundError without pandas.
        """
        import pandas

        columns = {name: pandas.Series(values, self._epochs[name]) for name, values in self.history.items()}
        return pandas.DataFrame(columns, index=pandas.Index(self.epoch, name="epoch"))

    def plot(self, axes: Any = None) -> Any:
        """Draw the figures over the epochs and return matplotlib's figure: training and validation side by side.

        Args:
            axes: where to draw everything; by default there is a plot for the loss, each metric and the learning
                rate.

        Raises ModuleNotFoundError without matplotlib, RuntimeError before the first epoch.
        """
        if not self.history:
            raise RuntimeError("plot(): nothing was recorded yet; train with fit() first")
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        columns = self.history
        names = [name for name in columns if not (name.startswith("val_") and name[4:] in columns)]
        names.sort(key=lambda name: name != "loss")
        if axes is None:
            figure = Figure(figsize=(4.5 * len(names), 3.6), layout="constrained")
            places = list(figure.subplots(1, len(names), squeeze=False).flat)
        else:
            figure, places = axes.figure, [axes] * len(names)
        for place, name in zip(places, names, strict=True):
            for key, label in ((name, "training"), (f"val_{name}", "validation")):
                if key in columns:
                    shown = label if f"val_{name}" in columns and axes is None else key
                    epochs = [epoch + 1 for epoch in self._epochs[key]]
                    place.plot(epochs, columns[key], marker="o", markersize=3, label=shown)
            place.set_xlabel("epoch")
            place.set_ylabel("" if axes is not None else name)
            place.xaxis.set_major_locator(MaxNLocator(integer=True))
            place.grid(alpha=0.3)
            place.legend()
        return figure
