"""The base of all layers: names, weights, building, and the three ways to be called."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from densor._check import bad_type, bad_value, boolean, number, positive_int, text, unsupported
from densor.graph import Call, Tensor, Variable, run_eagerly, trace
from densor.graph.structure import flat, mapped
from densor.graph.trace import SAMPLING, scope, scoped
from densor.layers._added_losses import AddedLosses
from densor.layers._arguments import declared_shape, input_array, mode_of, require_batches, unknown_keyword
from densor.layers._building import marks_built
from densor.layers._first_values import first_values
from densor.layers._initializer import get_initializer
from densor.layers._naming import snake_case, unique_name
from densor.layers._policy import HasPolicy
from densor.layers._regularizer import get_constraint, get_regularizer, regularizer_config
from densor.ops import identity, penalize

__all__ = ["Layer", "Shape"]

Shape = tuple[int | None, ...]
LayerType = TypeVar("LayerType", bound="Layer")


class Layer(AddedLosses, HasPolicy):
    """A Python object that owns variables and a config. Subclasses write `__init__`, `build` and `call`.

    A layer holds no mathematics: `call` uses `densor.ops` (or other layers) on symbolic tensors. It runs once
    per mode and shape; what it computed becomes part of the model's program. So its Python code must not
    depend on values, only on shapes, on `training` and on the layer's own attributes.

    Args:
        name: default: the class in snake_case with a running number.
        trainable: whether training changes the weights.
        dtype: "float32", "mixed_bfloat16" or a `DTypePolicy`; default: the global policy (`config.set_dtype_policy`).
        activity_regularizer: a penalty on the outputs, divided by the rows of the batch, or None.
        learning_rate_multiplier: factor of the learning rate for the weights; see the attribute.
        input_shape: shape of one row, on the first layer of a Sequential; `input_dim=n` means `(n,)`.

    Raises:
        TypeError, ValueError: unknown or wrong arguments.

    Example:
        >>> from densor import layers, ops
        >>> class Doubled(layers.Layer):
        ...     def call(self, inputs):
        ...         return ops.rescale(inputs, 2.0)
        >>> Doubled()([[1.0, 2.0]]).tolist()
        [[2.0, 4.0]]
    """

    _variables: list[tuple[Variable, bool]]
    _calls: list[Call]
    _in_build = False
    _made_weights = False

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "build" in vars(cls):
            setattr(cls, "build", marks_built(vars(cls)["build"]))  # noqa: B010 - a method

    def __new__(cls: type[LayerType], *arguments: Any, **keywords: Any) -> LayerType:
        # Here and not in __init__: a subclass may set attributes before it calls super().__init__().
        layer = super().__new__(cls)
        object.__setattr__(layer, "_variables", [])
        object.__setattr__(layer, "_calls", [])
        return layer

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        activity_regularizer: Any = None,
        **keywords: Any,
    ) -> None:
        function = type(self).__name__
        if name is not None and "/" in text(function, "name", name):
            raise bad_value(function, "name", f"must not contain '/', got {name!r}")
        self._trainable = boolean(function, "trainable", trainable)
        self._choose_policy(dtype)
        self._multiplier = number(
            function, "learning_rate_multiplier", keywords.pop("learning_rate_multiplier", 1.0), low=0
        )
        self.declared_shape = declared_shape(function, keywords)
        if keywords:
            raise unknown_keyword(type(self), next(iter(keywords)))
        self.activity_regularizer = get_regularizer(function, "activity_regularizer", activity_regularizer)
        self.name = name or unique_name(snake_case(function))
        self.built = False
        self.build_shape: Any = None

    # What subclasses write

    @marks_built
    def build(self, input_shape: Any) -> None:
        """Make the weights. `input_shape` has None for the batch; a list of shapes for a list of inputs."""

    def call(self, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
        """Compute the outputs on symbolic tensors; `training` is passed if the signature has it."""
        raise NotImplementedError(f"{type(self).__name__} does not implement call()")

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: str | None = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to this layer.

        Args:
            shape: its shape. initializer: anything `initializers.get` takes; default `glorot_uniform`.
            dtype: "float32" or None. trainable: False for statistics.
            regularizer, constraint: anything `regularizers.get`, `constraints.get` take. name: default `variable`.

        Raises:
            ValueError: a shape with a size below 1, or an unknown initializer, regularizer or constraint.
        """
        unsupported("add_weight", "dtype", dtype or "float32", "float32")
        penalty = get_regularizer("add_weight", "regularizer", regularizer)
        limits = get_constraint("add_weight", "constraint", constraint)
        sizes = tuple(positive_int("add_weight", "shape", size) for size in shape)
        for wish in (penalty, limits):
            if wish is not None:
                wish.check(type(self).__name__, sizes)
        values = first_values(get_initializer("add_weight", "initializer", initializer), sizes)
        variable = Variable(values, name or "variable", trainable and self._trainable)
        variable.path = f"{self.name}/{variable.name}"
        variable.regularizer, variable.constraint = penalty, limits
        variable.learning_rate_multiplier = self._multiplier
        self._variables.append((variable, trainable))
        return variable

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON-ready values; subclasses add theirs."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self._dtypes()}
        penalty = regularizer_config(self.activity_regularizer)
        if penalty is not None:
            config["activity_regularizer"] = penalty
        if self._multiplier != 1.0:
            config["learning_rate_multiplier"] = self._multiplier
        return config

    @classmethod
    def from_config(cls: type[LayerType], config: dict[str, Any]) -> LayerType:
        """A new layer with the arguments of `get_config`."""
        return cls(**config)

    # Calling

    def __call__(self, inputs: Any, training: bool | None = None, **keywords: Any) -> Any:
        """Call on symbolic tensors (extends a graph) or on arrays (computes at once).

        Args:
            inputs: a tensor or array with the batch first, or a list or dict of them.
            training: the mode; None takes the mode of the call around, at the outermost False.
            keywords: further arguments of `call`.

        Returns:
            Symbolic tensors, or new float32 arrays.

        Raises:
            TypeError, ValueError: inputs that do not fit the layer.
        """
        if training is not None:
            training = None if training is SAMPLING else mode_of(type(self).__name__, training)
        many = isinstance(inputs, dict) or (
            isinstance(inputs, (list, tuple)) and any(isinstance(x, (Tensor, np.ndarray)) for x in inputs)
        )
        if any(isinstance(x, Tensor) for x in (flat(inputs) if many else [inputs])):
            return self._call_on_tensors(inputs, training, keywords)
        as_array = partial(input_array, type(self).__name__)
        arrays: Any = mapped(as_array, inputs) if many else as_array(inputs)
        self.build_for(mapped(lambda array: (None, *array.shape[1:]), arrays))
        given = arrays if many else [arrays]
        return run_eagerly(self, given, bool(training), keywords, self._keep_added, listed=many)

    def _call_on_tensors(self, inputs: Any, training: bool | None, keywords: dict[str, Any]) -> Any:
        require_batches(type(self).__name__, inputs)
        self.build_for(mapped(lambda tensor: tensor.shape, inputs))
        outer = scope()
        mode = outer.training if training is None else training
        arguments = dict(keywords)
        sampling = outer.sampling and training is not False
        if mode is not None and "training" in inspect.signature(self.call).parameters:
            arguments["training"] = SAMPLING if sampling and not mode else mode
        with scoped(outer.inside(mode, sampling, flat(inputs)[0])):
            outputs = self.call(self._cast_inputs(inputs), **arguments)
            if self.activity_regularizer is not None:
                for tensor in flat(outputs):
                    penalize(tensor, self.activity_regularizer, self)
        require_batches(type(self).__name__, [x for x in flat(outputs) if isinstance(x, Tensor)], "outputs")
        if outer.observer is not None:
            outer.observer(self, outputs)
        if outer.in_call:
            return outputs
        recorded = keywords if training is None else {**keywords, "training": training}
        return self._recorded(inputs, outputs, recorded)

    def _recorded(self, inputs: Any, outputs: Any, arguments: dict[str, Any]) -> Any:
        """Attach the call to its outputs, each of which must be a tensor that only this call returned."""
        taken = set(inputs) if isinstance(inputs, (list, tuple)) else {inputs}

        def own(tensor: Tensor) -> Tensor:
            if not isinstance(tensor, Tensor):
                kind = type(tensor).__name__
                raise TypeError(
                    f"{type(self).__name__}(): call() must return symbolic tensors made by densor.ops, got {kind}"
                )
            return identity(tensor) if tensor in taken or tensor.call is not None else tensor

        outputs = mapped(own, outputs)
        call = Call(self, inputs, outputs, arguments)
        for tensor in flat(outputs):
            tensor.call = call
        self._calls.append(call)
        return outputs

    def build_for(self, input_shape: Any) -> None:
        """Build the layer unless it is built. A failed build leaves the layer as it was."""
        if not self.built:
            self.build(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for a shape (or list of shapes) with None for the batch; builds the layer."""
        many = bool(input_shape) and isinstance(input_shape[0], (list, tuple))
        shapes = [tuple(shape) for shape in (input_shape if many else [input_shape])]
        graph = trace(self, [Tensor(shape) for shape in shapes], training=False, listed=many)
        result = [tensor.shape for tensor in graph.outputs]
        return result[0] if len(result) == 1 else result

    @property
    def input(self) -> Any:
        """The symbolic inputs of the first recorded call."""
        return self._first_call().inputs

    @property
    def output(self) -> Any:
        """The symbolic outputs of the first recorded call."""
        return self._first_call().outputs

    def _first_call(self) -> Call:
        if not self._calls:
            raise AttributeError(f"layer {self.name!r} has never been called on symbolic tensors")
        return self._calls[0]

    # Weights

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable) and all(value is not variable for variable, _ in self._variables):
            self._variables.append((value, value.trainable))
        object.__setattr__(self, name, value)

    def sublayers(self) -> list[Layer]:
        """The layers among the attributes, also inside lists, tuples and dicts; each once."""
        found: dict[Layer, None] = {}
        for name, value in vars(self).items():
            if name not in ("_variables", "_calls") and isinstance(value, (Layer, list, tuple, dict)):
                found.update(dict.fromkeys(_layers_in(value)))
        return list(found)

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it also sets every layer inside.

        No layer of a frozen model learns when that is fitted; as a part of another, one thawed afterwards does.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable, trainable in self._variables:
            variable.trainable = trainable and self._trainable
        for layer in self.sublayers():
            layer.trainable = self._trainable

    @property
    def learning_rate_multiplier(self) -> float:
        """The factor of the learning rate for this layer's weights; setting it also sets every layer inside.

        It holds from the next epoch or batch on, without a new `compile`; 0 leaves the weights and their optimizer
        state alone. A single weight has its own `learning_rate_multiplier`, which setting the layer's overwrites.
        """
        return self._multiplier

    @learning_rate_multiplier.setter
    def learning_rate_multiplier(self, value: float) -> None:
        self._multiplier = number(type(self).__name__, "learning_rate_multiplier", value, low=0)
        for variable, _ in self._variables:
            variable.learning_rate_multiplier = self._multiplier
        for layer in self.sublayers():
            layer.learning_rate_multiplier = self._multiplier

    @property
    def weights(self) -> list[Variable]:
        """All variables: own ones made trainable, own others, then those of the layers inside; each once."""
        own = (variable for variable, _ in sorted(self._variables, key=lambda pair: not pair[1]))
        return list(dict.fromkeys([*own, *(v for layer in self.sublayers() for v in layer.weights)]))

    @property
    def variables(self) -> list[Variable]:
        """The same as `weights`: noise keeps no state in variables."""
        return self.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training of this layer changes: none while it is frozen, whatever its parts are."""
        return [v for v in self.weights if v.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change through gradients."""
        return [v for v in self.weights if not (self._trainable and v.trainable)]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Copies of the weights' values, in the order of `weights`."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights; `weights` are arrays as `get_weights` gives them.

        Raises:
            TypeError: not a list of real arrays.
            ValueError: another number of arrays, or another shape. Nothing is changed then.
        """
        if not isinstance(weights, (list, tuple)):
            raise bad_type(
                "set_weights", "weights", f"expected a list of arrays, got {type(weights).__name__}"
            )
        variables = self.weights
        if len(weights) != len(variables):
            raise bad_value(
                "set_weights",
                "weights",
                f"{self.name!r} has {len(variables)} weights, got {len(weights)} arrays",
            )
        values = [v.converted("set_weights", "weights", w) for v, w in zip(variables, weights, strict=True)]
        for variable, value in zip(variables, values, strict=True):
            variable.overwrite(value)

    def _penalized(self) -> list[Variable]:
        return self.trainable_weights

    def count_params(self) -> int:
        """The number of values in all weights.

        Raises:
            ValueError: the layer is not built.
        """
        if not self.built:
            raise ValueError(
                f"count_params(): layer {self.name!r} is not built; call it on data or build it first"
            )
        return sum(variable.size for variable in self.weights)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_calls": []}  # a copy starts outside any graph

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _layers_in(value: Any) -> Iterator[Layer]:
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _layers_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _layers_in(item)
