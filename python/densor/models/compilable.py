"""Getting ready: what `compile` sets up, building from data, tracing; and who may use the model meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from densor import optimizers
from densor.callbacks import History
from densor.errors import BusyError
from densor.graph import Graph, Tensor, trace
from densor.graph.structure import packed
from densor.layers import Layer
from densor.models.clock import Clock
from densor.models.compiled import Compiled
from densor.models.endings import Request
from densor.models.flags import TrainableFlags
from densor.models.inputs import Inputs, arrays_of_any_shape
from densor.models.predictor import Predictor
from densor.models.sampler import Sampler
from densor.models.turn import Turn

if TYPE_CHECKING:
    from densor.models.fitting import Plan
    from densor.optimizers import Optimizer

__all__ = ["Compilable"]

# Methods by which Keras lets a subclass replace what a step does, beside the steps themselves.
_NOT_CALLED = ("compute_loss", "make_train_function", "make_test_function", "make_predict_function")


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
    ) -> None:
        """Choose optimizer, loss and metrics, and take note of which layers are trainable.

        Weights stay as they are. The optimizer starts without state, unless it is the instance that the model
        already trains with. Earlier metrics and losses are forgotten (Keras keeps them if they are not given).

        Args:
            optimizer: name, configuration or instance.
            loss: name, configuration, instance, or a function `f(y_true, y_pred)` written in `densor.ops` that
                returns the loss of every row; None for a model that only predicts. With several outputs, one
                for all of them, a list, or a dict by output; None trains nothing at an output.
            loss_weights: what the loss of each output counts in the loss of the model (1.0): a list, or a dict by
                output; with one output also a number.
            metrics: names (`"accuracy"`), metric instances, or functions `f(y_true, y_pred)` that return a figure of
                every row, native where they are written in `densor.ops`; they ignore sample weights. With several
                outputs a list with an entry (a metric or a list) for each, or a dict by output.
            weighted_metrics: the same; these are means weighted by the sample weights.
            run_eagerly, steps_per_execution, jit_compile, auto_scale_loss: accepted for Keras' sake; every
                epoch is one native call.

        Raises:
            ValueError: an unknown name, or a loss that does not fit the model's outputs.
            TypeError: the wrong kind of argument, or a model with a `compute_loss` of its own.
            BusyError: the model is being trained.

        Example:
            >>> import densor
            >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3, activation="softmax")])
            >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        """
        self._refuse_training("compile")
        for name in _NOT_CALLED:
            if hasattr(type(self), name):
                raise TypeError(f"compile(): {type(self).__name__}.{name}() would not be called; give the loss to "
                                "compile(), or define train_step()")  # fmt: skip
        request = Request(loss, loss_weights, metrics, weighted_metrics)
        compiled = self._compilation(optimizers.get(optimizer), request, TrainableFlags(self))
        if self.built and self._input is not None:
            self._bind(compiled)
        self._compiled = compiled
        self._clock.draw()

    def _compilation(self, optimizer: Optimizer, request: Request, flags: TrainableFlags) -> Compiled:
        """What `compile` keeps; models that are trained in a way of their own have one of their own."""
        return Compiled(optimizer, request, flags)

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
        """The metrics given to `compile`, as objects; those given by name appear once the model is built."""
        return [] if self._compiled is None else list(self._compiled.metric_objects)

    @property
    def metrics_names(self) -> list[str]:
        """`"loss"` and the metrics, as `evaluate` returns them."""
        return [] if self._compiled is None else self._compiled.names

    def _compiled_for(self, function: str, own: str = "") -> Compiled:
        """What was compiled. `own`: a step that needs no loss if the model has its own."""
        without = self._compiled is not None and own and self._own(own)
        if self._compiled is None or not (self._compiled.request.trains or without):
            raise RuntimeError(f"{function}(): the model has no loss; call compile(optimizer, loss) first")
        return self._compiled

    def _own(self, name: str) -> bool:
        """Whether a subclass has a step of its own; `Stepper` has the steps."""
        return False

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
            self._compiled = self._compiled.unbound()

    def _inference(self) -> Predictor:
        if self._predictor is None:
            self._predictor = Predictor(trace(self, self._traced_inputs(), training=False))
        return self._predictor

    def _sampling(self) -> Sampler:
        if self._sampler is None:
            self._sampler = Sampler(trace(self, self._traced_inputs(), training=False, sampling=True))
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
