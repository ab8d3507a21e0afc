"""Single steps: on a batch, from gradients, and steps that a subclass defines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor._check import bad_type, boolean
from densor.graph.structure import Batch, flat, packed_batch, unpacked_batch
from densor.models.batchwise import Batchwise, StreamedEvaluation, arrays_in
from densor.models.compilable import Compilable
from densor.models.data import Data
from densor.models.device_rows import on_host, where_it_lies
from densor.models.fitting import Evaluation, Fitting, Logs, Plan
from densor.models.options import labelled_data

__all__ = ["Results", "Stepper"]

Results = float | list[float] | dict[str, float]
Gradients = list[NDArray[np.float32]]


class Stepper(Compilable):
    """The part of a model that does single steps; `Trainer` adds whole runs.

    A subclass may define `train_step(self, data)`, `test_step(self, data)` and `predict_step(self, data)`. `fit`,
    `evaluate` and `predict` then call them for every batch, which is slower than the native loop over whole epochs.
    """

    _evaluation: StreamedEvaluation | None = None  # that is running
    _inside: bool = False  # a step of the model's own is running

    # --- batches ---

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
        self._refuse_fitting("train_on_batch")
        compiled = self._compiled_for("train_on_batch", "train_step")
        if self._own("train_step") and not self._inside:
            self.reset_metrics()
            with self._training:
                logs = self._own_step("train_step", Batch(x, y, sample_weight))
        else:
            data = self._checked("train_on_batch", x, y, sample_weight, class_weight)
            with self._turn():
                logs = Fitting(self, compiled, data, Plan(batch_size=data.rows, shuffle=False)).step()  # type: ignore[arg-type]
        return self._results(logs, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Results:
        """Loss and metrics of one batch in inference mode; the same as `evaluate` on it."""
        compiled = self._compiled_for("test_on_batch", "test_step")
        if self._own("test_step") and not self._inside:
            self.reset_metrics()
            logs = self._own_step("test_step", Batch(x, y, sample_weight))
        else:
            data = self._checked("test_on_batch", x, y, sample_weight)
            self._refuse_stepping("test_on_batch")
            logs = Evaluation(compiled, data, data.rows, None).run()
        return self._results(logs, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch; the same as `predict`, which costs no more."""
        return self._predicted("predict_on_batch", x)

    def compute_gradients(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_results: bool = False,
    ) -> Any:
        """The gradients of the compiled loss on a batch, in training mode; the weights stay as they are.

        As in any pass in training mode, dropout drops, and batch normalization moves its statistics. Together with
        `model.optimizer.apply(gradients)` this is `train_on_batch`, bit for bit.

        Args:
            x, y, sample_weight, class_weight: as for `fit`.
            return_results: return `(gradients, results)`, with loss and metrics of the batch as a dict.

        Returns:
            A list of new float32 arrays, one for each of `model.trainable_weights`, in their order and shapes. They
            are d loss / d weight of the mean loss of the batch, regularization included, before any clipping.

        Raises:
            RuntimeError, TypeError, ValueError, BusyError: as `fit`.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((1,)), densor.layers.Dense(1, kernel_initializer="ones")])
            >>> model.compile(densor.optimizers.SGD(0.5), loss="mse")
            >>> gradients = model.compute_gradients(np.array([[1.0], [-1.0]]), np.zeros(2))
            >>> [gradient.tolist() for gradient in gradients]
            [[[2.0]], [0.0]]
            >>> model.optimizer.apply(gradients)
            >>> model.get_weights()[0].tolist()
            [[0.0]]
        """
        where = "compute_gradients"
        self._refuse_fitting(where)
        compiled = self._compiled_for(where)
        wanted = boolean(where, "return_results", return_results)
        data = self._checked(where, x, y, sample_weight, class_weight)
        with self._turn():
            loop, arena = compiled.gradient_loop(data)
            loop.reset()
            self._stepping = True
            try:
                loop.run(data, data.rows, step=self._clock.batches)
            finally:
                self._stepping = False
            self._clock.batches += 1
            gradients = [arena.gradient(variable).copy() for variable in compiled.trainable]
            return (gradients, compiled.logs(loop)) if wanted else gradients

    def reset_metrics(self) -> None:
        """Set the metrics in `model.metrics` to zero; `fit` and `evaluate` do so themselves."""
        for metric in self.metrics:
            if hasattr(metric, "reset_state"):
                metric.reset_state()

    # --- steps for subclasses ---

    def train_step(self, data: Any) -> Logs:
        """What `fit` does with a batch; a subclass may do something else.

        Args:
            data: `(x, y)` or `(x, y, sample_weight)`; `densor.utils.unpack_x_y_sample_weight` takes it apart.

        Returns:
            The results by name: means over the epoch so far. What a step of a subclass returns goes into the logs as
            it is, so that the last batch of an epoch counts; keep a `metrics.Mean` for a mean over the epoch.

        Example:
            >>> import densor, numpy as np
            >>> class Clipped(densor.Sequential):
            ...     def train_step(self, data):
            ...         x, y, sample_weight = densor.utils.unpack_x_y_sample_weight(data)
            ...         gradients, results = self.compute_gradients(x, y, sample_weight, return_results=True)
            ...         self.optimizer.apply([np.clip(gradient, -0.1, 0.1) for gradient in gradients])
            ...         return results
            >>> model = Clipped([densor.Input((1,)), densor.layers.Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> list(model.fit(np.ones((4, 1)), np.zeros(4), verbose=0).history)
            ['loss']
        """
        batch, running = unpacked_batch(data), self._fitting
        if isinstance(running, Batchwise):
            running.step(batch)
            return running.running()
        compiled = self._compiled_for("train_step")
        values = self._checked("train_step", *batch)
        with self._turn():
            return Fitting(self, compiled, values, Plan(batch_size=values.rows, shuffle=False)).step()  # type: ignore[arg-type]

    def test_step(self, data: Any) -> Logs:
        """What `evaluate` does with a batch; as `train_step`."""
        batch = unpacked_batch(data)
        if self._evaluation is not None:
            return self._evaluation.step(batch)
        compiled = self._compiled_for("test_step")
        values = self._checked("test_step", *batch)
        return Evaluation(compiled, values, values.rows, None).run()

    def predict_step(self, data: Any) -> Any:
        """What `predict` does with a batch: the outputs for its features."""
        return self._inference()(self._features("predict_step", unpacked_batch(data).x))

    def _predicted(self, function: str, x: Any) -> Any:
        if self._own("predict_step") and not self._inside:
            return self._called("predict_step", packed_batch(x))
        features = self._features(function, x)
        self._refuse_stepping(function)
        return self._inference()(features)

    def _own(self, name: str) -> bool:
        """Whether a subclass has a step of its own."""
        return getattr(type(self), name) is not getattr(Stepper, name)

    def _own_step(self, name: str, batch: Batch) -> Logs:
        """The results of a step of the model's own."""
        logs = self._called(name, packed_batch(*map(arrays_in, batch)))
        if not isinstance(logs, Mapping):
            kind = type(logs).__name__
            raise TypeError(f"{name}(): must return a dict of results by name, got {kind}")
        return {str(key): _figure(name, key, value) for key, value in logs.items()}

    def _called(self, name: str, data: Any) -> Any:
        before, self._inside = self._inside, True
        try:
            return getattr(self, name)(data)
        finally:
            self._inside = before

    # --- what the methods above have in common ---

    def _checked(
        self,
        function: str,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Any = None,
        finite: bool = True,
    ) -> Data:
        """The checked rows; the model is then built."""
        compiled = self._compiled_for(function)
        features = self._features(function, x)
        y = (on_host if compiled.device == "cpu" else where_it_lies)(function, "y", y)
        sample_weight = on_host(function, "sample_weight", sample_weight)
        return labelled_data(function, compiled, features, y, sample_weight, class_weight, finite)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Nobody else trains the model; a step of the model's own has that already."""
        if self._inside and self._training.taken:
            yield
            return
        with self._training:
            yield

    def _refuse_fitting(self, function: str) -> None:
        """Refuse what would disturb a running `fit`, unless a step of the model's own asks for it."""
        if not self._inside:
            self._refuse_training(function)

    def _results(self, logs: Logs, return_dict: bool) -> Results:
        if return_dict:
            return logs
        known = [name for name in self.metrics_names if name in logs]
        values = [logs[name] for name in dict.fromkeys([*known, *logs])]
        return values if len(values) != 1 else values[0]


def _figure(name: str, key: Any, value: Any) -> float:
    try:
        array = np.asarray(value() if callable(value) else value, dtype=np.float64)
    except (TypeError, ValueError):
        raise bad_type(name, str(key), f"the results must be numbers, got {type(value).__name__}") from None
    if array.size != 1:
        raise bad_type(name, str(key), f"the results must be single numbers, got shape {array.shape}")
    return float(flat(array.reshape(-1).tolist())[0])
