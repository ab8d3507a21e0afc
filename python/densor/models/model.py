"""The base of all models: what a model is made of, and how it is looked at, copied and saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fsdecode
from typing import TYPE_CHECKING, Any, TypeVar, cast

from densor._array import real_array
from densor._check import bad_value, integer, suggestion, text
from densor.graph.structure import mapped, packed
from densor.layers import Layer
from densor.models.data import check_finite
from densor.models.options import labelled_data
from densor.models.sampler import MonteCarlo
from densor.models.summary import print_summary
from densor.models.trainer import Trainer

if TYPE_CHECKING:
    from densor.models.probe import LayerFigures

__all__ = ["Model"]

ModelType = TypeVar("ModelType", bound="Model")


class Model(Trainer):
    """A network that can be trained.

    There are three ways to make one:

    - `Model(inputs, outputs)`: from the symbolic tensors of layer calls; layers may be shared, paths may join
      (`Add`, `Concatenate`).
    - `Sequential([...])`: a plain stack.
    - A subclass with layers as attributes and its own `call(self, inputs, training=None)`. `call` runs once per
      mode on symbolic tensors; it is built when the first data arrive. One without a `call` but, say, a
      `train_step` is made from tensors, too: `Own(inputs, outputs)`.

    Args:
        inputs: a tensor of `Input`, a list of them, or a dict.
        outputs: a tensor that was computed from them, a list, or a dict; `predict` returns that form.
        name: default: the class in snake_case with a running number.
        trainable: whether training changes the weights.

    Raises:
        TypeError: not tensors.
        ValueError: outputs that do not come from the inputs.

    Example:
        >>> import densor
        >>> inputs = densor.Input((8,))
        >>> x = densor.layers.Dense(8, activation="relu")(inputs)
        >>> x = densor.layers.Add()([x, inputs])
        >>> model = densor.Model(inputs, densor.layers.Dense(2)(x))
        >>> model.count_params()
        90
    """

    autocast = False

    def __new__(cls: type[ModelType], *arguments: Any, **keywords: Any) -> ModelType:
        if cls is Model and (arguments or "inputs" in keywords or "outputs" in keywords):
            from densor.models.functional import Functional

            return cast(ModelType, super().__new__(Functional))
        return super().__new__(cls, *arguments, **keywords)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        from densor.models.functional import Functional, between_tensors, made_functional

        if between_tensors(
            arguments, keywords
        ):  # of a subclass, which becomes a functional model, as in Keras
            made_functional(type(self))
            Functional.__init__(cast(Functional, self), *arguments, **keywords)
        else:
            super().__init__(*arguments, **keywords)

    # --- parts ---

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside, in order."""
        return self.sublayers()

    @property
    def input_shape(self) -> Any:
        """The shape of the inputs with None for the rows, or a list or dict of shapes."""
        return mapped(lambda tensor: tensor.shape, self._built_input())

    @property
    def output_shape(self) -> Any:
        """The shape of the outputs with None for the rows, or a list or dict of shapes."""
        self._built_input()
        shapes = [tensor.shape for tensor in self._inference().graph.outputs]
        result = self._inference().graph.result
        return packed(result, shapes) if len(shapes) > 1 or isinstance(result, dict) else shapes[0]

    def _built_input(self) -> Any:
        if self._input is None:
            raise RuntimeError(
                f"model {self.name!r} is not built; call it on data, fit it or give it an Input"
            )
        return self._input

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer with this name, or at this place in `layers`.

        Raises:
            ValueError: there is none, or neither or both were given.
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer(): give either the name or the index of a layer")
        layers = self.layers
        if index is not None:
            place = integer("get_layer", "index", index)
            if not -len(layers) <= place < len(layers):
                raise bad_value("get_layer", "index", f"{place} is outside [0, {len(layers)})")
            return layers[place]
        names = [layer.name for layer in layers]
        wanted = text("get_layer", "name", name)
        if wanted not in names:
            near = suggestion(wanted, names)
            raise bad_value(
                "get_layer", "name", f"no layer is named {wanted!r}{near}; there are {', '.join(names)}"
            )
        return layers[names.index(wanted)]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights; `weights` are arrays as `get_weights` gives them.

        Raises:
            TypeError: not a list of arrays of real numbers.
            ValueError: another number of arrays, another shape, or values that are not finite; nothing was changed.
            RuntimeError: the model is not built.
            BusyError: another thread is training the model at this moment.
        """
        if not self.built:
            raise RuntimeError(f"set_weights(): model {self.name!r} is not built and has no weights yet")
        self._refuse_stepping("set_weights")
        if isinstance(weights, list | tuple):
            for index, value in enumerate(weights):
                _check_weight(index, value)
        super().set_weights(weights)

    # --- sampling ---

    def predict_mc(self, x: Any, samples: int = 100) -> MonteCarlo:
        """Monte Carlo dropout: what the model says with dropout on, over many samples of the noise.

        Only layers of dropout behave as in training (`Dropout`, `AlphaDropout`, `GaussianDropout` and classes
        derived from them); batch normalization keeps its moving statistics. One native loop runs the layers before
        the first dropout once and the others `samples` times, and keeps sums instead of predictions. Every call
        draws other noise.

        Args:
            x: features `(rows, ...)`, as for `predict`.
            samples: how many predictions to average, >= 1.

        Returns:
            MonteCarlo, a named tuple `(mean, std, entropy)` of float32 arrays: mean and standard deviation
            `(rows, ...)` over the samples, and the entropy `(rows, ...)` of the mean probabilities in nats: behind
            a softmax `-sum(p * log(p))` over the last axis, behind a sigmoid the sum over its independent columns;
            None for outputs that are no probabilities.

        Raises:
            TypeError, ValueError: bad data or options, or a model without dropout.
            BusyError: another thread is training the model at this moment.

        Source: Gal and Ghahramani 2016.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(8), densor.layers.Dropout(0.5),
            ...                            densor.layers.Dense(3, activation="softmax")])
            >>> mean, std, entropy = model.predict_mc(np.ones((4, 2)), samples=50)
            >>> mean.shape, std.shape, entropy.shape
            ((4, 3), (4, 3), (4,))
        """
        count = integer("predict_mc", "samples", samples, low=1, high=10**9)
        features = self._features("predict_mc", x)
        self._refuse_stepping("predict_mc")
        return self._sampling()(features, count)

    # --- looking ---

    def probe(self, x: Any = None, y: Any = None, rows: int | None = None) -> list[LayerFigures]:
        """Look at the layers at work: their outputs, the gradients that reach them, how far a step moves them.

        One forward pass is run, gradients are computed, and a step of the optimizer is tried on copies; weights,
        optimizer, statistics and random state stay as they are, bit for bit. `callbacks.Doctor` does this once per
        epoch and says what the figures mean.

        Args:
            x, y: as for `fit`. None: the data of the `fit` that is running, for callbacks.
            rows: at most so many rows are used, spread evenly over the data. None: 256 of rows that are given; of the
                data of a running `fit` a 128th, but at least 32 and at most 256, and for the step no more than a
                batch of it (or 32).

        Returns:
            One `LayerFigures` for each layer with weights or an activation, in the order of the calls: `name`,
            `activation`, `mean` and `deviation` of the outputs, `dead` (share of the units of a ReLU that are 0 in
            every row), `saturated` (share of the outputs of a sigmoid or tanh where it is flat), `gradient_norm`,
            `update_ratio` (norm of a step of the kernel over the norm of the kernel).

        Raises:
            RuntimeError: the model has no loss, or no data are given and no `fit` is running.
            TypeError, ValueError: bad data.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(1, kernel_initializer="ones")])
            >>> model.compile(densor.optimizers.SGD(0.1), loss="mse")
            >>> (dense,) = model.probe(np.ones((4, 2)), np.zeros(4))
            >>> dense.mean, dense.gradient_norm > 0
            (2.0, True)
        """
        from densor.models.probe import probe, some_rows

        compiled = self._compiled_for("probe")
        count = stepped = 256 if rows is None else integer("probe", "rows", rows, 1)
        if x is not None:
            features = self._features("probe", x)
            data = labelled_data("probe", compiled, features, y)
        elif self._fitting is not None and self._fitting.data is not None:
            data = self._fitting.data
            if rows is None:
                count = min(max(data.rows // 128, 32), 256)
                stepped = min(max(self._fitting.plan.batch_size, 32), count)
        else:
            raise RuntimeError("probe(): no fit() is running whose data could be used; give x and y")
        seen = some_rows(data, count)
        return probe(self, compiled, seen, some_rows(seen, stepped))

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of the layers with their output shapes and numbers of parameters.

        Args:
            line_length: width of the table, as wide as it needs by default.
            print_fn: gets the table as one string, instead of `print`.
            expand_nested: show the layers of models inside, too.
            show_trainable: add a column that tells whether a layer is trained.
            positions: must be None.
            layer_range: the names, or regular expressions, of the first and the last layer to print; None: of all.

        Example:
            >>> import densor
            >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3)], name="small")
            >>> model.summary(print_fn=lambda text: print(text.splitlines()[-3]))
             Total params: 15 (60.00 B)
        """
        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    # --- deployment ---

    def fold_batchnorm(self) -> Model:
        """A new model that predicts the same with batch normalization folded into the dense layers beside it.

        A normalization is folded into the dense layer before it, where that has no activation, else into the one
        behind it, also across Flatten, Dropout and noise (which do nothing in inference). What stands beside no
        dense layer stays. The new model has its own weights, is not compiled, and is meant for predictions: the
        folded statistics no longer follow a batch.

        With `s = gamma / sqrt(moving_variance + epsilon)`: `kernel * s` and `(bias - moving_mean) * s + beta`
        before; `s[:, None] * kernel` and `bias + (beta - moving_mean * s) @ kernel` behind; in float64.

        Returns:
            A `Sequential` or functional model, as this one is; this one stays as it is.

        Raises:
            TypeError: a model class of your own.
            RuntimeError: the model is not built.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3, use_bias=False),
            ...                            densor.layers.BatchNormalization(), densor.layers.ReLU()])
            >>> folded = model.fold_batchnorm()
            >>> [type(layer).__name__ for layer in folded.layers], folded.count_params()
            (['Dense', 'ReLU'], 15)
        """
        from densor.models.folding import fold_batchnorm

        self._built_input()
        return fold_batchnorm(self)

    # --- configuration ---

    def to_json(self, **options: Any) -> str:
        """The architecture as JSON text, without weights; `options` go to `json.dumps`."""
        from densor.models.configuration import serialize_model

        return json.dumps(serialize_model(self), **options)

    @classmethod
    def from_config(
        cls: type[ModelType], config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> ModelType:
        """A new model of the architecture that `get_config` described, with fresh weights; of a functional one, too."""
        if "calls" in config:
            from densor.models.functional import Functional, from_calls

            return cast(ModelType, from_calls(Functional if cls is Model else cls, config, custom_objects))
        settings = {key: value for key, value in config.items() if key != "dtype"}
        return cls(**settings)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies (`copy.deepcopy`, other processes) go through the bytes of a file, optimizer state included."""
        from densor.models.copying import from_bytes, to_bytes

        return from_bytes, to_bytes(self)

    # --- files ---

    def save(
        self,
        filepath: str | bytes | PathLike[Any],
        overwrite: bool = True,
        zipped: None = None,
        include_optimizer: bool = True,
    ) -> None:
        """Write architecture, weights, compile settings and optimizer state to one file.

        The file appears at once or not at all: whatever happens, an older file stays until the new one is
        complete. Any path will do; an extension is not needed. The format is safetensors, unless the path ends
        in `.keras`: then it is one that Keras 3 reads (with h5py, from the extra `densor[keras]`; without it
        a warning says that it is Densor's own).

        Args:
            filepath: where to. overwrite: False refuses to replace a file. zipped: must be None.
            include_optimizer: whether the optimizer's state is saved, too.

        Raises:
            TypeError, ValueError: not a path, the extension of another format, or, for `.keras`, something that
                Keras does not know.
            RuntimeError: the model is not built.
            FileExistsError: there is a file and `overwrite` is False.
            OSError: the file could not be written; it names the reason and the path.
            BusyError: another thread is training the model at this moment.
        """
        from densor.models.saving import save_model

        save_model(self, filepath, overwrite, zipped, include_optimizer)

    def save_weights(self, filepath: str | bytes | PathLike[Any], overwrite: bool = True) -> None:
        """Write only the weights, as `save`; any extension is taken, and `.h5` is Keras' `.weights.h5`."""
        from densor.models.saving import save_weights

        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: str | bytes | PathLike[Any], skip_mismatch: bool = False) -> None:
        """Read the weights of a file of `save` or `save_weights`, Densor's or Keras', into this model.

        Args:
            filepath: the file. skip_mismatch: leave weights that the file lacks, or has in another shape, as
                they are, and warn of them.

        Raises:
            FormatError: the file is damaged or its weights do not fit; nothing was changed.
            OSError: it cannot be read.
        """
        from densor.models.saving import load_weights

        load_weights(self, filepath, skip_mismatch)

    def _back_up(self, filepath: PathLike[Any], epochs: int) -> None:
        """Write the state of the running `fit`, after so many epochs; for callbacks."""
        from densor.models.resuming import back_up

        back_up(self, fsdecode(filepath), epochs)

    def _take_up(self, filepath: PathLike[Any]) -> int:
        """Let the `fit` that begins go on from a file of `_back_up`; return the epochs that are done."""
        from densor.models.resuming import take_up

        assert self._plan is not None
        self._plan.initial_epoch = epochs = take_up(self, fsdecode(filepath))
        return epochs


def _check_weight(index: int, value: Any) -> None:
    try:
        check_finite("set_weights", "weights", real_array("set_weights", "weights", value))
    except ValueError as error:
        raise ValueError(f"{error} (array {index})") from None
