"""Getting ready: what `compile` sets up, building from data, tracing; and who may use the model meanwhile."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from densor import config, optimizers
from densor._check import positive_int
from densor.callbacks import History
from densor.errors import BusyError
from densor.graph import Graph, Tensor, trace
from densor.graph.structure import flat, packed
from densor.layers import Layer
from densor.metrics import Metric
from densor.models.clock import Clock
from densor.models.compiled import Compiled
from densor.models.endings import Request
from densor.models.flags import TrainableFlags
from densor.models.inputs import Inputs, arrays_of_any_shape
from densor.models.own_loss import loss_of_arrays, loss_of_tensors
from densor.models.predictor import Predictor
from densor.models.sampler import Sampler
from densor.models.turn import Turn

if TYPE_CHECKING:
    from densor.models.fitting import Plan
    from densor.optimizers import Optimizer

__all__ = ["Compilable"]

# Methods by which Keras lets a subclass replace what a step does, beside the steps themselves.
_NOT_CALLED = ("make_train_function", "make_test_function", "make_predict_function")


class Compilable(Layer):
    """The part of a model that is compiled and built; `Trainer` uses it, `Model` adds what a model is made of."""

    stop_training: bool
    history: History | None

    def __init__(self, name: str | None = None, trainable: bool = True, **options: Any) -> None:
        super().__init__(name=name, trainable=trainable, **options)
        self.stop_training = False
        self.history = None
        self._clock = Clock()
        self._compiled: Compiled | None = None
        self._predictor: Predictor | None = None
        self._sampler: Sampler | None = None
        self._input: Any = None  # the symbolic input, or a list or dict of them
        self._form: Inputs | None = None
        self._building = False
        self._fitting: Any = None  # the call of fit() that is running
        self._training = Turn("fit", waits=False)
        self._plan: Plan | None = None  # of the `fit` that runs
        self._stepping = False  # the native training loop is running: weights change under a reader's hands

    def compile(
        self,
        optimizer: str | Optimizer | dict[str, Any] = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        device: str | None = None,
    ) -> None:
        """Choose optimizer, loss and metrics, and take note of which layers are trainable.

        Weights stay as they are. The optimizer starts without state, unless it is the instance that the model
        already trains with. Earlier metrics and losses are forgotten (Keras keeps them if they are not given).

        Args:
            optimizer: name, configuration or instance.
            loss: name, configuration, instance, or a function `f(y_true, y_pred)` written in `densor.ops` that
                returns the loss of every row; None for a model that only predicts. With several outputs, one
                for all of them, a list, or a dict by output; None trains nothing at an output. A dict may leave out
                outputs of a model that returns a dict.
            loss_weights: what the loss of each output counts in the loss of the model (1.0): a list, or a dict by
                output; with one output also a number.
            metrics: names (`"accuracy"`), metric instances, or functions `f(y_true, y_pred)` that return a figure of
                every row, native where they are written in `densor.ops`; they ignore sample weights. With several
                outputs a list with an entry (a metric or a list) for each, or a dict by output.
            weighted_metrics: the same; these are means weighted by the sample weights.
            run_eagerly, steps_per_execution (at least 1), jit_compile, auto_scale_loss: accepted for Keras' sake;
                every epoch is one native call.
            device: "cpu", "cuda", or "auto", which is cuda where it can be used; None: that of `config.set_device`.
                Weights and results are NumPy arrays all the same, and saved files do not tell the device.

        Raises:
            ValueError: an unknown name, or a loss that does not fit the model's outputs.
            TypeError: the wrong kind of argument, or a model with a `make_train_function` of its own.
            BusyError: the model is being trained. DeviceError: the device cannot be used here.

        Example:
            >>> import densor
            >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3, activation="softmax")])
            >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        """
        self._refuse_training("compile")
        for name in _NOT_CALLED:
            if hasattr(type(self), name):
                raise TypeError(f"compile(): {type(self).__name__}.{name}() would not be called; define "
                                "train_step(), compute_loss() or compute_metrics()")  # fmt: skip
        positive_int("compile", "steps_per_execution", steps_per_execution)
        request = Request(loss, loss_weights, metrics, weighted_metrics)
        place = config.device() if device is None else config.usable_device("compile", device)
        compiled = self._compilation(optimizers.get(optimizer), request, TrainableFlags(self), place)
        compiled.with_own(self, self._has_own("compute_loss"), self._has_own("compute_metrics"))
        if self.built and self._input is not None:
            self._bind(compiled)
        self._compiled = compiled
        self._clock.draw()

    def _compilation(
        self, optimizer: Optimizer, request: Request, flags: TrainableFlags, device: str
    ) -> Compiled:
        """What `compile` keeps; models that are trained in a way of their own have one of their own."""
        return Compiled(optimizer, request, flags, device)

    def _bind(self, compiled: Compiled) -> None:
        assert self._input is not None
        graph = self._inference().graph
        compiled.bind(self, self._input, graph, self._names_of_outputs(graph))

    def _names_of_outputs(self, graph: Graph) -> list[str]:
        """The names by which losses and metrics know the outputs."""
        if isinstance(graph.result, dict):
            return list(graph.result)
        names = getattr(self, "output_names", [])
        return names or [f"output_{place}" for place in range(len(graph.outputs))]

    @property
    def _place(self) -> str:
        """Where the model runs: "cpu" or "cuda"."""
        return config.device() if self._compiled is None else self._compiled.device

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimizer given to `compile`."""
        return None if self._compiled is None else self._compiled.optimizer

    @property
    def loss(self) -> Any:
        """The loss given to `compile`, or the list or dict of losses."""
        return None if self._compiled is None else self._compiled.loss

    @property
    def metrics(self) -> list[Any]:
        """The metrics that are attributes of the model, and those given to `compile`, as objects.

        Those given by name appear once the model is built.
        """
        own = [value for value in vars(self).values() if isinstance(value, Metric)]
        return own if self._compiled is None else [*own, *self._compiled.metric_objects]

    @property
    def metrics_names(self) -> list[str]:
        """`"loss"` and the metrics, as `evaluate` returns them."""
        return [] if self._compiled is None else self._compiled.names

    def _compiled_for(self, function: str, own: str = "") -> Compiled:
        """What was compiled. `own`: a step that needs no loss if the model has its own."""
        compiled = self._compiled
        if compiled is not None and not compiled.trains and not (own and self._own(own)) and self.built:
            self._ready()  # shows whether layers add to the loss
        if compiled is None or not (compiled.trains or (own and self._own(own)) or not self.built):
            raise RuntimeError(f"{function}(): the model has no loss; call compile(optimizer, loss) first")
        return compiled

    def _own(self, name: str) -> bool:
        """Whether a subclass has a step of its own; `Stepper` has the steps."""
        return False

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was given, as plain data for `compile_from_config`; empty if it was not called.

        Files keep it. A subclass with a `compile` of its own defines both.

        Source: Keras 3 `Model.get_compile_config`.

        Example:
            >>> import densor
            >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3)])
            >>> model.compile("sgd", "mse")
            >>> model.get_compile_config()["loss"]["class_name"]
            'MeanSquaredError'
        """
        from densor.models.compile_config import given_config

        return given_config(self)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config` said. Warns and does nothing where a subclass has its own `compile` only.

        Raises:
            TypeError, ValueError: something else than such a configuration.

        Source: Keras 3 `Model.compile_from_config`.
        """
        from densor.models.compile_config import compile_from, has_own_way

        if has_own_way(self, "compile"):
            warnings.warn(
                f"compile_from_config(): {type(self).__name__} has its own compile(), so that it is not compiled; "
                "define get_compile_config() and compile_from_config(), too, or call compile()",
                UserWarning,
                stacklevel=2,
            )
            return
        compile_from(self, config, {})

    # --- what subclasses may compute in another way ---

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The compiled loss of predictions, and what regularizers and layers (`add_loss`) add to it.

        A subclass may define its own; it is traced once, with symbolic tensors for all arguments, and becomes part
        of the native programs of `fit` and `evaluate`. It returns a number computed with `densor.ops`; it may ask
        `super().compute_loss(...)` for this loss, without which penalties do not count.

        Args:
            x: features; not used here. y: targets, as `fit` takes them; None where there are none.
            y_pred: predictions, in the form in which the model returns them.
            sample_weight: a weight for each row, or None. training: the mode; not used here.

        Returns:
            A float for arrays, computed in float64, with `losses` as they are now; a symbolic number for tensors.

        Raises:
            RuntimeError: the model is not compiled. TypeError, ValueError: data that do not fit the losses.

        Source: Keras 3 `Model.compute_loss`.

        Example:
            >>> import densor, numpy as np
            >>> from densor import ops
            >>> class Scaled(densor.Sequential):
            ...     def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            ...         return 2.0 * super().compute_loss(x, y, y_pred, sample_weight, training)
            >>> model = Scaled([densor.Input((1,)), densor.layers.Dense(1, kernel_initializer="ones")])
            >>> model.compile("sgd", "mse")
            >>> model.evaluate(np.ones((4, 1)), np.zeros(4), verbose=0)
            2.0
        """
        compiled = self._compiled
        if compiled is None:
            raise RuntimeError(
                "compute_loss(): the model is not compiled; call compile(optimizer, loss) first"
            )
        self._ready()
        endings = compiled.endings or compiled.asked(["output"])
        if any(isinstance(tensor, Tensor) for tensor in flat(y_pred)):
            return loss_of_tensors(compiled, endings, y, y_pred, sample_weight)
        return loss_of_arrays(endings, self.losses, y, y_pred, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The results to report; a subclass may define its own, with metrics that it updates itself.

        It is called with arrays for every batch, after the native run (an epoch, or a batch where callbacks look at
        batches) that computed the predictions. What it returns for the last batch goes into the logs, instead of
        the compiled loss and metrics, which `super().compute_metrics(...)` returns.

        Args:
            x, y, sample_weight: rows of what `fit` or `evaluate` was given. y_pred: the predictions for them.

        Returns:
            The results by name.

        Source: Keras 3 `Model.compute_metrics`.
        """
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """Loss and metrics as the last native run left them, by name; empty before the first one."""
        return {} if self._compiled is None else dict(self._compiled.results)

    def _has_own(self, name: str) -> bool:
        return getattr(type(self), name) is not getattr(Compilable, name)

    def _inputs_form(self) -> Inputs:
        """How the features of the built model are given."""
        if self._form is None or self._form.structure is not self._input:
            self._form = Inputs(self._input, getattr(self, "input_names", None))
        return self._form

    def _features(self, function: str, x: Any) -> tuple[NDArray[Any], ...]:
        """The checked features; the model is then built and traced for what was compiled."""
        if self._input is None:
            structure, features = arrays_of_any_shape(function, x)
            self._build_for_shape(packed(structure, [(None, *array.shape[1:]) for array in features]))
        else:
            features = self._inputs_form().arrays(function, x)
        self._ready()
        return features

    def _ready(self) -> None:
        """Trace the built model for what was compiled."""
        if self._compiled is not None and not self._compiled.bound:
            with self._compiled.flags.restored():
                self._bind(self._compiled)

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of `input_shape`, which has None for the rows.

        Raises:
            ValueError: a shape that the layers cannot take.
        """
        if self._input is None and not self._building:
            self._build_for_shape(input_shape)

    def _build_for_shape(self, shape: Any) -> None:
        """Call the model on symbolic inputs, which builds its layers. `shape`: of the input, or a list or dict."""
        if isinstance(shape, Mapping):
            inputs: Any = {name: Tensor(tuple(one), name=name) for name, one in shape.items()}
        elif any(isinstance(one, list | tuple) for one in shape):
            inputs = [Tensor(tuple(one)) for one in shape]
        else:
            inputs = Tensor(tuple(shape))
        self._building = True
        try:
            trace(self, inputs if isinstance(inputs, list | dict) else [inputs], training=False)
        except BaseException:
            self.built = False
            raise
        finally:
            self._building = False
        if self._input is None:  # Sequential makes its own
            self._input = inputs

    def _forget_traces(self) -> None:
        """The model has other layers now: trace and bind again when next needed."""
        self._predictor = None
        self._sampler = None
        if self._compiled is not None:
            own = self._has_own("compute_loss"), self._has_own("compute_metrics")
            self._compiled = self._compiled.unbound().with_own(self, *own)

    def _inference(self) -> Predictor:
        place, found = self._place, self._predictor
        if found is None or found.device != place:
            graph = trace(self, self._traced_inputs(), training=False) if found is None else found.graph
            found = self._predictor = Predictor(graph, place)
        return found

    def _sampling(self) -> Sampler:
        if self._sampler is None or self._sampler.device != self._place:
            graph = trace(self, self._traced_inputs(), training=False, sampling=True)
            self._sampler = Sampler(graph, self._place)
        return self._sampler

    def _traced_inputs(self) -> Any:
        assert self._input is not None
        return self._input if isinstance(self._input, list | dict) else [self._input]

    def _refuse_training(self, function: str) -> None:
        if self._training.taken:
            raise BusyError(f"{function}(): this model is already being trained by a call of fit()")

    def _refuse_stepping(self, function: str) -> None:
        if self._stepping:
            raise BusyError(f"{function}(): this model is in the middle of a training step of another thread")
