"""Training and inference: the methods of a model that Keras users call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor._check import boolean, positive_int, unsupported
from densor.callbacks import Callback, CallbackList, History
from densor.models.compilable import Compilable
from densor.models.compiled import Compiled
from densor.models.data import Data, split
from densor.models.fitting import Evaluation, Fitting, Plan
from densor.models.options import (
    batch_rows,
    epoch_options,
    labelled_data,
    split_options,
    validation_of,
)
from densor.models.predict_function import PredictFunction
from densor.models.progress import display_for, format_logs, show, verbosity
from densor.models.range_test import RangeTest, Sweep
from densor.models.snapshot import unchanged

__all__ = ["Trainer"]

Results = float | list[float] | dict[str, float]


class Trainer(Compilable):
    """The part of a model that trains, evaluates and predicts; `Model` adds what a model is made of."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool | str = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: None = None,
        validation_steps: None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        check_finite: bool = True,
    ) -> History:
        """Train the model; everything is checked before the first weight moves.

        Args:
            x: features `(rows, ...)` of any real dtype, read in place, so do not change them meanwhile. Several
                inputs: a list, or a dict by the inputs' names.
            y: targets: class numbers `(rows,)` or `(rows, 1)`, one-hot rows or values, as the loss wants them.
                Several outputs: a list, or a dict by the outputs' names.
            batch_size: rows per step, 32 by default; more than there are means all.
            epochs: the number of the epoch to stop before, counted from 0.
            verbose: 0 silent, 1 or "auto" a live bar (one line per epoch where the output is no terminal),
                2 one line per epoch.
            callbacks: `densor.callbacks`; hooks per batch make every batch a call of its own.
            validation_split: this share of the rows, the last ones before shuffling, validates.
            validation_data: `(x, y)` or `(x, y, sample_weight)`.
            shuffle: a fresh order for every epoch; "batch" shuffles whole batches.
            class_weight: `{class: weight}`; classes left out weigh 1.
            sample_weight: `(rows,)`; the loss of a batch is `sum(weight * loss) / rows`. Several outputs: one for
                all, or a list or dict.
            initial_epoch: the number of the first epoch.
            validation_batch_size: rows per validation batch.
            validation_freq: validate every so many epochs, or after the listed ones (counted from 1).
            check_finite: False trusts `x` and `y` to be free of NaN and infinities and saves a look at them.
            steps_per_epoch, validation_steps: must be None.

        Returns:
            History: `.history` maps each name to its values per epoch, `.epoch` lists the epoch numbers.

        Raises:
            RuntimeError: the model is not compiled.
            TypeError, ValueError: bad data or options; nothing was changed.
            BusyError: called by a callback of this model's own `fit`, or while another thread trains it.
            KeyboardInterrupt: Ctrl-C; the model is whole, at the end of some batch, and keeps its history.

        Example:
            >>> import densor, numpy as np
            >>> x = np.linspace(-1, 1, 64)[:, None]
            >>> model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(1)])
            >>> model.compile(densor.optimizers.SGD(0.1), loss="mse")
            >>> history = model.fit(x, 3 * x, epochs=50, verbose=0)
            >>> history.history["loss"][-1] < 0.001
            True
        """
        self._refuse_training("fit")
        unsupported("fit", "steps_per_epoch", steps_per_epoch, None)
        unsupported("fit", "validation_steps", validation_steps, None)
        compiled = self._compiled_for("fit")
        level = verbosity("fit", verbose)
        hooks = CallbackList(callbacks, add_history=True)
        finite = boolean("fit", "check_finite", check_finite)
        share = split_options(validation_split, validation_data)
        plan = epoch_options(
            batch_size, epochs, initial_epoch, shuffle, validation_batch_size, validation_freq
        )
        features = self._features("fit", x)
        data = labelled_data("fit", compiled, features, y, sample_weight, class_weight, finite)
        if validation_data is not None:
            plan.validation = validation_of(compiled, self._inputs_form(), validation_data, finite)
        elif share:
            data, plan.validation = split(data, share)
        compiled.warn_of_drift(self)
        with self._training:
            return self._fit(compiled, data, plan, hooks, level)

    def _fit(self, compiled: Compiled, data: Data, plan: Plan, hooks: CallbackList, verbose: int) -> History:
        fitting = Fitting(self, compiled, data, plan, hooks)
        fitting.display = display_for(verbose, plan.epochs, fitting.batches)
        hooks.set_model(self)
        hooks.set_params({"verbose": verbose, "epochs": plan.epochs, "steps": fitting.batches})
        assert hooks.history is not None
        self.history = hooks.history
        self.stop_training = False
        self._plan = plan
        try:
            fitting.run()
        finally:
            self._plan = None
        return self.history

    @property
    def batch_size(self) -> int | None:
        """The rows per step of the `fit` that runs, None outside. Callbacks may set it for the epochs that follow.

        Raises:
            RuntimeError: set while no `fit` runs. TypeError, ValueError: not a positive integer.
        """
        return None if self._plan is None else self._plan.batch_size

    @batch_size.setter
    def batch_size(self, value: int) -> None:
        size = positive_int("fit", "batch_size", value)
        if self._plan is None:
            raise RuntimeError("batch_size can only be set by a callback while fit() runs")
        self._plan.batch_size = size

    def lr_find(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        start_lr: float = 1e-6,
        end_lr: float = 10.0,
        steps: int | None = None,
        smoothing: float = 0.9,
        divergence: float = 4.0,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
    ) -> RangeTest:
        """The learning-rate range test: train with a rate that grows at every step and watch the loss.

        The rate of step i is start_lr * (end_lr / start_lr)^(i / (steps - 1)). The optimizer starts without
        state; afterwards weights, statistics, optimizer and random state are as before, bit for bit. Sources:
        Smith, "Cyclical learning rates for training neural networks" (2015); Géron, chapter 11.

        Args:
            x, y, batch_size, class_weight, sample_weight: as for `fit`.
            start_lr, end_lr: the first and the last rate, greater than 0.
            steps: how many; at least 2. Default: one epoch, but at least 100.
            smoothing: the share of the old value in the running mean of the losses, in [0, 1).
            divergence: stop when the smoothed loss is larger than this times its smallest value, greater than 1;
                it also stops where the loss is no longer finite.
            shuffle: a fresh order for every pass over the data.

        Returns:
            RangeTest: `.suggestion` is a rate to train with, `.max_learning_rate` one for the peak of a cycle,
            `.plot()` shows the curve.

        Raises:
            RuntimeError, TypeError, ValueError, BusyError: as `fit`; nothing was changed.

        Example:
            >>> import densor, numpy as np
            >>> x = np.linspace(-1, 1, 64)[:, None]
            >>> model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(1)])
            >>> model.compile(densor.optimizers.SGD(0.1), loss="mse")
            >>> found = model.lr_find(x, 3 * x)
            >>> 0.01 < found.suggestion < 1
            True
        """
        where = "lr_find"
        self._refuse_training(where)
        compiled = self._compiled_for(where)
        size = batch_rows(where, "batch_size", batch_size)
        order = boolean(where, "shuffle", shuffle)
        sweep = Sweep(start_lr, end_lr, steps, smoothing, divergence)
        features = self._features(where, x)
        data = labelled_data(where, compiled, features, y, sample_weight, class_weight)
        with self._training, unchanged(self, compiled):
            return sweep.run(Fitting(self, compiled, data, Plan(batch_size=size, shuffle=order)))

    # --- evaluate, predict ---

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: None = None,
        callbacks: Sequence[Callback] | None = None,
        return_dict: bool = False,
        check_finite: bool = True,
    ) -> Results:
        """Loss and metrics in inference mode, as means over all rows.

        Args:
            x, y, sample_weight, batch_size, check_finite: as for `fit`; the results do not depend on `batch_size`.
            verbose: 0 silent; otherwise one line with the results.
            callbacks: their test hooks are called.
            return_dict: return a dict by name.
            steps: must be None.

        Returns:
            The loss, or `[loss, *metrics]` if the model has metrics, or a dict.

        Raises:
            RuntimeError: the model is not compiled.
            TypeError, ValueError: bad data or options.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(1, kernel_initializer="ones")])
            >>> model.compile(loss="mse")
            >>> model.evaluate(np.ones((4, 2)), np.zeros(4), verbose=0)
            4.0
        """
        unsupported("evaluate", "steps", steps, None)
        compiled = self._compiled_for("evaluate")
        level = verbosity("evaluate", verbose)
        rows = batch_rows("evaluate", "batch_size", batch_size)
        hooks = None if callbacks is None else CallbackList(callbacks, model=self)
        features = self._features("evaluate", x)
        data = labelled_data("evaluate", compiled, features, y, sample_weight, None, check_finite)
        self._refuse_stepping("evaluate")
        logs = Evaluation(compiled, data, rows, hooks).run()
        if level:
            show(f"{data.rows} rows - {format_logs(logs)}")
        return self._results(compiled, logs, return_dict)

    def _results(self, compiled: Compiled, logs: dict[str, float], return_dict: bool) -> Results:
        if return_dict:
            return logs
        values = [logs[name] for name in compiled.names]
        return values if len(values) > 1 else values[0]

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: None = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Any:
        """The model's outputs in inference mode.

        Args:
            x: features `(rows, ...)`, any number of rows, none included; NaN spreads through its own row only.
            batch_size: accepted; rows do not influence one another, so the model batches as it likes.
            verbose: accepted; predictions print nothing.
            callbacks: their predict hooks are called at the begin and the end.
            steps: must be None.

        Returns:
            A new float32 array `(rows, ...)`, or a list or dict of them, as the model returns its outputs.

        Raises:
            TypeError, ValueError: bad data or options.
            BusyError: another thread is training the model at this moment.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(1, kernel_initializer="ones")])
            >>> model.predict(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
            [[3.0], [7.0]]
        """
        if batch_size is not None:
            batch_rows("predict", "batch_size", batch_size)
        if verbose != "auto" and verbose != 0:
            verbosity("predict", verbose)
        if steps is not None:
            unsupported("predict", "steps", steps, None)
        predictor = self._predictor
        if predictor is None:
            features = self._features("predict", x)
            predictor = self._inference()
        else:
            features = self._inputs_form().arrays("predict", x)
        if self._stepping:
            self._refuse_stepping("predict")
        if callbacks is None:
            return predictor(features)
        hooks = CallbackList(callbacks, model=self)
        hooks.on_predict_begin()
        outputs = predictor(features)
        hooks.on_predict_end()
        return outputs

    def predict_fn(self, batch: int = 1) -> PredictFunction:
        """A function that predicts batches of one size with the least to do per call.

        Args:
            batch: the number of rows of each batch.

        Returns:
            A function of features `(batch, ...)` that returns the outputs in inference mode, as `predict` does, but in
            arrays that its next call writes again. It follows the weights of the model.

        Raises:
            TypeError, ValueError: not a positive int. RuntimeError: the model is not built.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(1, kernel_initializer="ones")])
            >>> predict = model.predict_fn(1)
            >>> predict(np.array([[1.0, 2.0]])).tolist()
            [[3.0]]
        """
        rows = batch_rows("predict_fn", "batch", batch)
        if self._input is None:
            raise RuntimeError("predict_fn(): the model is not built; call it on data or give it an Input")
        return PredictFunction(self, rows)

    # --- single batches ---

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Results:
        """One training step on all the rows of `x`; returns the loss and metrics of this batch as `evaluate` does.

        Raises:
            as `fit`.
        """
        self._refuse_training("train_on_batch")
        compiled = self._compiled_for("train_on_batch")
        features = self._features("train_on_batch", x)
        data = labelled_data("train_on_batch", compiled, features, y, sample_weight, class_weight)
        with self._training:
            fitting = Fitting(self, compiled, data, Plan(batch_size=data.rows, shuffle=False))
            return self._results(compiled, fitting.step(), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Results:
        """Loss and metrics of one batch in inference mode; the same as `evaluate` on it."""
        return self.evaluate(x, y, verbose=0, sample_weight=sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch; the same as `predict`, which costs no more."""
        return self.predict(x)

    def reset_metrics(self) -> None:
        """Nothing to do: every call starts its metrics at zero."""
