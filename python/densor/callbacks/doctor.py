"""Examines a network while it trains, and says what it found and what the lectures prescribe."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from densor import _check
from densor.callbacks._report import report
from densor.callbacks.callback import Callback, Logs
from densor.callbacks.diagnosis import Finding, diagnose

__all__ = ["Doctor"]

FIGURES = ("mean", "deviation", "dead", "saturated", "gradient_norm", "update_ratio")
_TITLES = {
    "gradient_norm": "gradient norm",
    "update_ratio": "step / kernel, norms",
    "deviation": "deviation of outputs",
    "mean": "mean of outputs",
    "dead": "dead ReLU units",
    "saturated": "saturated outputs",
}
_LOGARITHMIC = ("gradient_norm", "update_ratio", "deviation")


@dataclass
class _Epoch:
    number: int
    layers: Sequence[Any]
    logs: dict[str, float]


class Doctor(Callback):
    """Probes every layer at the end of every epoch and puts a diagnosis into words.

    What is measured, on a few rows of the training data: norms of the gradients and their ratio from the last to
    the first layer (vanishing, exploding), the share of dead ReLU units and of saturated sigmoids and tanhs, mean
    and deviation of the outputs, and the length of a step of the optimizer for the length of the kernel (about
    0.001 is healthy). Training is not changed by it, bit for bit. Each probe costs a prediction, the gradients of a
    batch, and a step of the optimizer on copies of the weights and its state: through 784-300-100-10 in batches of 32,
    2.3 % of an epoch of 10,000 rows. Where epochs are shorter, `every` keeps it below that.

    Args:
        x, y: rows to probe with; None takes rows of the training data, which must be arrays.
        rows: at most so many; None for a 128th of the training data, but at least 32 and at most 256 (None).
        every: probe every so many epochs (1).
        verbose: 1 prints the report at the end of training, 0 does not (1).

    Attributes:
        epochs: numbers of the epochs that were probed.
        layers: names of the layers, in the order of the calls.
        history: for each of "mean", "deviation", "dead", "saturated", "gradient_norm" and "update_ratio" a dict from
            the layer's name to its values per probed epoch, NaN where the figure means nothing for the layer.
        gradient_ratio: per probed epoch, the gradient norm of the last layer over that of the first.
        seconds: time spent on probing.

    Raises TypeError or ValueError for a wrong argument.

    >>> Doctor(rows=128, verbose=0).report()
    'Nothing was examined yet: give the Doctor to fit(callbacks=[...]).'
    """

    def __init__(
        self, x: Any = None, y: Any = None, rows: int | None = None, every: int = 1, verbose: int = 1
    ) -> None:
        if (x is None) != (y is None):
            raise _check.bad_value("Doctor", "y" if y is None else "x", "give both x and y, or neither")
        self.x, self.y = x, y
        self.rows = None if rows is None else _check.positive_int("Doctor", "rows", rows)
        self.every = _check.positive_int("Doctor", "every", every)
        self.verbose = _check.integer("Doctor", "verbose", verbose, low=0, high=2)
        self._clear()

    def _clear(self) -> None:
        self._seen: list[_Epoch] = []
        self.seconds = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._clear()
        if self.x is not None:  # what is wrong shows before anything has been trained
            self.model._checked("Doctor", self.x, self.y)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if epoch % self.every:
            return
        start = time.perf_counter()
        figures = self.model.probe(self.x, self.y, rows=self.rows)
        numbers = {name: float(value) for name, value in (logs or {}).items() if _check.is_number(value)}
        self._seen.append(_Epoch(epoch, figures, numbers))
        self.seconds += time.perf_counter() - start

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._seen and self.verbose:
            report(self.report())

    # --- results ---

    @property
    def epochs(self) -> list[int]:
        """The numbers of the epochs that were probed, counted from 0."""
        return [each.number for each in self._seen]

    @property
    def layers(self) -> list[str]:
        """The names of the layers, in the order of the calls."""
        return [layer.name for layer in self._seen[-1].layers] if self._seen else []

    @property
    def history(self) -> dict[str, dict[str, list[float]]]:
        """Every figure by name, by layer, by probed epoch."""
        return {
            figure: {
                name: [float(getattr(each.layers[place], figure)) for each in self._seen]
                for place, name in enumerate(self.layers)
            }
            for figure in FIGURES
        }

    @property
    def gradient_ratio(self) -> list[float]:
        """The gradient norm of the last trained layer over that of the first, per probed epoch."""
        return [_ratio(each.layers) for each in self._seen]

    @property
    def findings(self) -> list[Finding]:
        """What is wrong in the last probed epoch, the gravest first; empty for a healthy network."""
        if not self._seen:
            return []
        last = self._seen[-1]
        curves = {name: [each.logs[name] for each in self._seen if name in each.logs] for name in last.logs}
        return diagnose(last.layers, _ratio(last.layers), curves)

    def report(self) -> str:
        """The findings in words, with the remedies."""
        if not self._seen:
            return "Nothing was examined yet: give the Doctor to fit(callbacks=[...])."
        head = f"Doctor: {len(self.layers)} layers after epoch {self.epochs[-1] + 1}"
        ratio = self.gradient_ratio[-1]
        if math.isfinite(ratio):
            head += f"; gradient norm, last layer over first: {ratio:.3g}"
        lines = [f"- {finding.problem}\n  Remedy: {finding.remedy}" for finding in self.findings]
        return "\n".join([head, *(lines or ["- Nothing unusual."])])

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row for each probed epoch and layer, and a column for each figure.

        Raises ModuleNotFoundError without pandas.
        """
        import pandas

        rows = [
            {
                "epoch": each.number,
                "layer": layer.name,
                **{figure: getattr(layer, figure) for figure in FIGURES},
            }
            for each in self._seen
            for layer in each.layers
        ]
        return pandas.DataFrame(rows, columns=["epoch", "layer", *FIGURES])

    def plot(self) -> Any:
        """Draw every figure over the epochs, a line for each layer, and return matplotlib's figure.

        Raises ModuleNotFoundError without matplotlib, RuntimeError if nothing was probed.
        """
        if not self._seen:
            raise RuntimeError("plot(): nothing was examined yet; give the Doctor to fit(callbacks=[...])")
        from matplotlib.figure import Figure

        figure = Figure(figsize=(12, 6.4), layout="constrained")
        history = self.history
        for axes, name in zip(figure.subplots(2, 3).flat, _TITLES, strict=True):
            for layer, values in history[name].items():
                if np.isfinite(values).any():
                    axes.plot(
                        [epoch + 1 for epoch in self.epochs], values, marker="o", markersize=3, label=layer
                    )
            axes.set_title(_TITLES[name])
            axes.set_xlabel("epoch")
            axes.grid(alpha=0.3)
            if name in _LOGARITHMIC:
                axes.set_yscale("log")
            if axes.lines:
                axes.legend(fontsize="x-small")
        return figure


def _ratio(layers: Sequence[Any]) -> float:
    norms = [layer.gradient_norm for layer in layers if not math.isnan(layer.gradient_norm)]
    if len(norms) < 2:
        return float("nan")
    return norms[-1] / norms[0] if norms[0] else float("inf")
