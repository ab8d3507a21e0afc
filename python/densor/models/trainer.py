"""Training and inference: the methods of a model that Keras users call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densor._check import boolean, integer, positive_int
from densor.callbacks import Callback, CallbackList, History
from densor.models.fitting import Epochs, Fitting, Plan
from densor.models.given import Given, evaluation_of, fitting_of, held_out, predictions_of
from densor.models.options import batch_rows, epoch_options, split_options
from densor.models.predict_function import PredictFunction
from densor.models.progress import display_for, format_logs, show, verbosity
from densor.models.range_test import RangeTest, Sweep
from densor.models.snapshot import unchanged
from densor.models.source import is_streamed
from densor.models.stepper import Results, Stepper

__all__ = ["Trainer"]


class Trainer(Stepper):
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
        validation_data: Any = None,
        shuffle: bool | str | None = None,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        check_finite: bool = True,
    ) -> History:
        """Train the model; everything is checked before the first weight moves.

        Args:
            x: features `(rows, ...)` of any real dtype, read in place, so do not change them meanwhile. Several
                inputs: a list, or a dict by the inputs' names. Or something that gives batches `(x, y)` or
                `(x, y, sample_weight)`: a generator or other iterator, which goes on where it stopped, a
                `utils.PyDataset`, a torch DataLoader, any iterable. Batches are not checked before their turn.
            y: targets: class numbers `(rows,)` or `(rows, 1)`, one-hot rows or values, as the loss wants them.
                Several outputs: a list, or a dict by the outputs' names.
            batch_size: rows per step, 32 by default; more than there are means all.
            epochs: the number of the epoch to stop before, counted from 0.
            verbose: 0 silent, 1 or "auto" a live bar (one line per epoch where the output is no terminal),
                2 one line per epoch.
            callbacks: `densor.callbacks`; hooks per batch make every batch a call of its own.
            validation_split: this share of the rows, the last ones before shuffling, validates.
            validation_data: `(x, y)` or `(x, y, sample_weight)`, or something that gives batches.
            shuffle: True or None a fresh order for every epoch; "batch" shuffles whole batches. A `PyDataset` is asked
                for its batches in a fresh order; other sources are used as they come, with a warning if it is True.
            class_weight: `{class: weight}`; classes left out weigh 1.
            sample_weight: `(rows,)`; the loss of a batch is `sum(weight * loss) / rows`. Several outputs: one for
                all, or a list or dict.
            initial_epoch: the number of the first epoch.
            validation_batch_size: rows per validation batch.
            validation_freq: validate every so many epochs, or after the listed ones (counted from 1).
            check_finite: False trusts `x` and `y` to be free of NaN and infinities and saves a look at them.
            steps_per_epoch: batches per epoch; the next epoch goes on with the batch after. None: all there are.
            validation_steps: batches to validate with, from the first one on.

        Returns:
            History: `.history` maps each name to its values per epoch, `.epoch` lists the epoch numbers.

        Raises:
            RuntimeError: the model is not compiled.
            TypeError, ValueError: bad data or options; nothing was changed, but by batches before a bad one.
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
        compiled = self._compiled_for("fit", "train_step")
        level = verbosity("fit", verbose)
        hooks = CallbackList(callbacks, add_history=True)
        finite = boolean("fit", "check_finite", check_finite)
        share = split_options(validation_split, validation_data)
        plan = epoch_options(
            batch_size,
            epochs,
            initial_epoch,
            shuffle,
            validation_batch_size,
            validation_freq,
            validation_steps,
        )
        steps = None if steps_per_epoch is None else positive_int("fit", "steps_per_epoch", steps_per_epoch)
        given = Given("fit", x, y, sample_weight, class_weight, finite, steps, batch_size)
        fitting = fitting_of(self, compiled, given, plan, hooks, share)
        if validation_data is not None:
            plan.validation = evaluation_of(self, compiled, held_out(validation_data, plan, finite))
        compiled.warn_of_drift(self)
        with self._training:
            return self._fit(fitting, plan, hooks, level)

    def _fit(self, fitting: Epochs, plan: Plan, hooks: CallbackList, verbose: int) -> History:
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
        data = self._checked(where, x, y, sample_weight, class_weight)
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
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        return_dict: bool = False,
        check_finite: bool = True,
    ) -> Results:
        """Loss and metrics in inference mode, as means over all rows.

        Args:
            x, y, sample_weight, batch_size, check_finite: as for `fit`; the results do not depend on `batch_size`.
            steps: only so many batches are used.
            verbose: 0 silent; otherwise one line with the results.
            callbacks: their test hooks are called.
            return_dict: return a dict by name.

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
        compiled = self._compiled_for("evaluate", "test_step")
        level = verbosity("evaluate", verbose)
        rows = None if batch_size is None else batch_rows("evaluate", "batch_size", batch_size)
        hooks = CallbackList(callbacks, model=self)
        finite = boolean("evaluate", "check_finite", check_finite)
        count = None if steps is None else positive_int("evaluate", "steps", steps)
        given = Given("evaluate", x, y, sample_weight, None, finite, count, rows)
        evaluation = evaluation_of(self, compiled, given)(hooks)
        self._refuse_stepping("evaluate")
        logs = evaluation.run()
        if level:
            show(f"{evaluation.rows} rows - {format_logs(logs)}")
        return self._results(logs, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Any:
        """The model's outputs in inference mode.

        Args:
            x: features `(rows, ...)`, any number of rows, none included; NaN spreads through its own row only. Or
                something that gives batches, as for `fit`; targets in them are ignored.
            batch_size: the rows of the batches that `callbacks` see (32); rows do not influence one another, so without
                such callbacks the model batches as it likes.
            verbose: accepted; predictions print nothing.
            steps: only so many batches are used.
            callbacks: their predict hooks are called; the logs at the end of a batch hold its "outputs".

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
        hooks = None if callbacks is None else CallbackList(callbacks, model=self)
        if steps is not None or self._own("predict_step") or (type(x) is not np.ndarray and is_streamed(x)):
            return predictions_of(self, x, batch_size, steps, hooks or CallbackList(model=self))
        predictor = self._predictor
        if predictor is None or predictor.device != self._place:
            features = self._features("predict", x)
            predictor = self._inference()
        else:
            features = self._inputs_form().arrays("predict", x)
        if self._stepping:
            self._refuse_stepping("predict")
        if hooks is None:
            return predictor(features)
        if hooks.needs_predict_batches and len(features[0]):
            return predictions_of(self, x, batch_size, None, hooks)
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
            TypeError, ValueError: not an integer in [1, 10^9]. RuntimeError: the model is not built.
            MemoryError: there is no room for so many rows.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(1, kernel_initializer="ones")])
            >>> predict = model.predict_fn(1)
            >>> predict(np.array([[1.0, 2.0]])).tolist()
            [[3.0]]
        """
        rows = integer("predict_fn", "batch", batch, 1, 10**9)
        if self._input is None:
            raise RuntimeError("predict_fn(): the model is not built; call it on data or give it an Input")
        return PredictFunction(self, rows)
