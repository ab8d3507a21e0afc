"""Models in files: what is kept, and how it becomes the same model again.

A loaded model goes on where the saved one stopped, bit for bit: besides weights and configuration the file holds
the optimizer's slots and step, the seed and counters of shuffling and dropout, and what compile() was given.
"""

from __future__ import annotations

import json
import os
import stat
import warnings
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densor import _seeds
from densor._check import bad_type, bad_value, boolean, unsupported
from densor._version import __version__
from densor.errors import FormatError
from densor.graph import Variable
from densor.graph.structure import flat
from densor.layers import Layer, without_initial_values
from densor.models import archive, atomic, hdf5, strict_json
from densor.models.archive import Archive
from densor.models.clock import Clock
from densor.models.compile_config import compile_loaded, noted
from densor.models.configuration import deserialize_layer, serialize_model
from densor.models.distiller import Distiller as Distiller  # known to files
from densor.models.entries import WEIGHTS, mask_name, named_weights, names_of_weights, read_tensor, slot_name
from densor.models.model import Model

__all__ = ["contents", "load_model", "load_weights", "restore", "save_model", "save_weights"]

Path = str | bytes | PathLike[Any]
Float32 = NDArray[np.float32]

_OTHER_FORMATS = (".h5", ".hdf5", ".onnx", ".pt", ".pth", ".npz", ".pb", ".tflite")
_MAGIC = (b"PK\x03\x04", b"\x89HDF\r\n\x1a\n")


def save_model(
    model: Model, filepath: Path, overwrite: bool = True, zipped: None = None, include_optimizer: bool = True
) -> None:
    """Write a model to one file; see `Model.save`."""
    path = _target("save", filepath, overwrite)
    unsupported("save", "zipped", zipped, None)
    with_optimizer = boolean("save", "include_optimizer", include_optimizer)
    for extension in _OTHER_FORMATS:
        if path.lower().endswith(extension):
            raise bad_value("save", "filepath", f"{path!r}: files of type {extension} cannot be written; use another "
                            "extension, such as .safetensors")  # fmt: skip
    model._refuse_stepping("save")
    if _as_keras("save", path, (".keras",)):
        from densor.models import keras_file

        named_weights(model)
        atomic.write(path, [keras_file.encode(model, _randomness(model), with_optimizer)])
    else:
        archive.write(path, *contents(model, with_optimizer))


def _as_keras(function: str, path: str, extensions: tuple[str, ...]) -> bool:
    """Whether the extension asks for a file of Keras; without h5py there is only Densor's own format."""
    if not path.lower().endswith(extensions):
        return False
    if not hdf5.available():
        warnings.warn(
            f"{function}(): h5py is not installed, so {path!r} gets Densor's own format, which it reads under any "
            "name; for a file that Keras reads: pip install 'densor[keras]'",
            UserWarning,
            stacklevel=4,
        )
        return False
    return True


def _randomness(model: Model) -> dict[str, Any]:
    """The seeds and counters from which shuffling and noise go on."""
    clock = model._clock
    return {
        "clock": {
            "seed": None if clock.seed is None else str(clock.seed),
            "batches": clock.batches,
            "epochs": clock.epochs,
        },
        "noise": [str(layer._noise_seed) for layer in _noisy_layers(model)],
    }


def contents(model: Model, with_optimizer: bool = True) -> tuple[dict[str, Float32], dict[str, str]]:
    """The tensors and the metadata that make up a model's file.

    Raises:
        RuntimeError: the model is not built.
        TypeError, ValueError: a configuration that could not be read again.
    """
    weights = named_weights(model)
    tensors = {name: variable.values for name, variable in weights.items()}
    masks = {mask_name(name): variable.mask for name, variable in weights.items()}
    tensors |= {name: mask.astype(np.float32) for name, mask in masks.items() if mask is not None}
    config: dict[str, Any] = {
        "model": serialize_model(model),
        "input_shape": model.input_shape,
        **_randomness(model),
        "compile": noted(model),
    }
    compiled = model._compiled
    # Where `trainable` was changed after compile(), loading compiles anew, which starts the optimizer afresh.
    if compiled is not None and compiled.arena is not None and with_optimizer and not compiled.drifted(model):
        arena, names = compiled.arena, {variable: name for name, variable in weights.items()}
        for index, slot in enumerate(compiled.optimizer.state_names):
            tensors |= {slot_name(slot, names[v]): arena.slot(index, v) for v in arena.variables}
        config["compile"]["iterations"] = compiled.optimizer.iterations
    text = _json(config)
    strict_json.parse(text.encode())  # what could not be read must not be written
    return tensors, {"densor": __version__, "config": text}


def save_weights(model: Model, filepath: Path, overwrite: bool = True) -> None:
    """Write only the weights; see `Model.save_weights`."""
    path = _target("save_weights", filepath, overwrite)
    model._refuse_stepping("save_weights")
    tensors = {name: variable.values for name, variable in named_weights(model).items()}
    if _as_keras("save_weights", path, (".h5", ".hdf5")):
        from densor.models import keras_file

        atomic.write(path, [keras_file.encode_weights("save_weights", model, with_optimizer=False)])
    else:
        archive.write(path, tensors, {"densor": __version__})


def load_model(
    filepath: Path,
    custom_objects: Mapping[str, type[Layer]] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    allow_nonfinite: bool = False,
) -> Model:
    """Read a model that `Model.save` wrote, or Keras. No code of the file's choosing runs, no other file is opened.

    Args:
        filepath: the file: Densor's own format under any name, `.keras`, or `.h5` of a whole model. The last two
            need h5py, from the extra `densor[keras]`.
        custom_objects: your own layer and model classes by name, if the model has any.
        compile: whether the model is compiled as it was, with its optimizer's state.
        safe_mode: accepted for Keras' sake; there is no unsafe mode.
        allow_nonfinite: accept weights that are NaN or infinite.

    Returns:
        The model; predictions and further training are bit for bit those of the saved one.

    Raises:
        FormatError: the file is damaged, is no model, or names classes that are not known here, which are listed;
            it names file and field.
        ImportError: h5py is needed.
        OSError: it cannot be read.
        MemoryError: the model does not fit in memory.

    Example:
        >>> import densor, tempfile, os
        >>> model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(3)])
        >>> path = os.path.join(tempfile.mkdtemp(), "model")
        >>> model.save(path)
        >>> densor.models.load_model(path).count_params()
        15
    """
    path = _path("load_model", filepath)
    compiled = boolean("load_model", "compile", compile)
    boolean("load_model", "safe_mode", safe_mode)
    finite = not boolean("load_model", "allow_nonfinite", allow_nonfinite)
    if _is_keras(path):
        from densor.models import keras_file

        return keras_file.load(path, custom_objects or {}, compiled, finite, _restore_randomness)
    with archive.opened(path) as source:
        return restore(source, custom_objects or {}, compiled, finite)


def _is_keras(path: str) -> bool:
    """Whether the file begins as a zip or an HDF5 file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return regular and os.pread(descriptor, 8, 0).startswith(_MAGIC)
    finally:
        os.close(descriptor)


def restore(source: Archive, custom: Mapping[str, type[Layer]], compiled: bool, finite: bool) -> Model:
    """The model of an open file; the arguments are those of `load_model`."""
    config = source.parsed("config")
    state = _seeds.get_state()
    try:
        model = _filled(source, config, custom, compiled, finite)
    finally:
        _seeds.set_state(state)  # layers drew seeds that are replaced by those of the file
    return model


def _filled(
    source: Archive, config: Any, custom: Mapping[str, type[Layer]], compiled: bool, finite: bool
) -> Model:
    available = sum(entry.end - entry.begin for entry in source.entries.values()) // 4
    with without_initial_values(available):  # a config must not make us ask for more than the file holds
        model: Model = _checked(source, "config.model", lambda: _build(config, custom))
    names = names_of_weights(source, model)
    for variable, name in names.items():
        variable.overwrite(read_tensor(source, name, variable.shape, finite))
        if (mask := mask_name(name)) in source.entries:
            variable.mask = read_tensor(source, mask, variable.shape, True) != 0.0
    # Before compile, which traces the layers with their seeds.
    _checked(source, "config.clock", lambda: _restore_randomness(model, config))
    if compiled and config.get("compile") is not None:
        _checked(source, "config.compile", lambda: compile_loaded(model, config["compile"], custom))
    _load_slots(source, model, names, finite)
    return model


def _build(config: Any, custom: Mapping[str, type[Layer]]) -> Model:
    model = deserialize_layer(config["model"], custom)
    if not isinstance(model, Model):
        raise TypeError(f"{type(model).__name__} is a layer, not a model")
    shape = config["input_shape"]
    if model._input is None:
        parts = shape if isinstance(shape, list) else []
        several = isinstance(shape, dict) or any(isinstance(part, list) for part in parts)
        for one in flat(shape) if several else [shape]:
            if not isinstance(one, list) or any(type(size) is not int or size < 1 for size in one[1:]):
                raise TypeError(f"input_shape must be a list of positive integers, got {one}")
        model._build_for_shape(shape)
    return model


def _restore_randomness(model: Model, config: Any) -> None:
    clock, noise = config["clock"], config["noise"]
    layers = _noisy_layers(model)
    if len(noise) != len(layers):
        raise ValueError(f"{len(noise)} seeds for {len(layers)} layers")
    seed = None if clock["seed"] is None else _word(clock["seed"])
    model._clock = Clock(seed, _count(clock["batches"]), _count(clock["epochs"]))
    for layer, seed in zip(layers, noise, strict=True):
        layer._noise_seed = _word(seed)


def _word(text: Any) -> int:
    if not isinstance(text, str) or not text.isdecimal() or not text.isascii() or int(text[:21]) >= 2**64:
        raise ValueError(f"a seed must be the text of a 64-bit number, got {text!r}")
    return int(text)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"a counter must be an integer of at least 0, got {value!r}")
    return value


def _load_slots(source: Archive, model: Model, names: Mapping[Variable, str], finite: bool) -> None:
    masks = {mask_name(name) for name in names.values()}
    left = {name for name in source.entries if not name.startswith(WEIGHTS) and name not in masks}
    compiled = model._compiled
    if compiled is None or not left:
        return
    arena = compiled.take_arena()
    for index, slot in enumerate(compiled.optimizer.state_names):
        for variable in arena.variables:
            name = slot_name(slot, names[variable])
            arena.slot(index, variable)[...] = read_tensor(source, name, variable.shape, finite)
            left.discard(name)
    for name in left:
        raise source.fault(source.entries[name].begin, name, "the optimizer has no such state")


def _checked(source: Archive, field: str, make: Callable[[], Any]) -> Any:
    """What `make` returns; whatever it makes of a hostile configuration is an error of the file."""
    try:
        return make()
    except (MemoryError, FormatError):
        raise
    except Exception as error:
        raise source.fault(8, field, f"{type(error).__name__}: {error}") from error


def load_weights(model: Model, filepath: Path, skip_mismatch: bool = False) -> None:
    """Read weights into a model; see `Model.load_weights`."""
    path = _path("load_weights", filepath)
    skips = boolean("load_weights", "skip_mismatch", skip_mismatch)
    model._refuse_stepping("load_weights")
    targets = named_weights(model)
    if _is_keras(path):
        from densor.models import keras_file

        found = keras_file.load_weights(path, model, skips)
        for variable, array in found.items():
            variable.overwrite(array)
        _warn_of_skipped(path, [variable for variable in targets.values() if variable not in found])
        return
    with archive.opened(path) as source:
        stored = [name for name in source.entries if name.startswith(WEIGHTS)]
        if skips:
            pairs = [(name, v) for name, v in targets.items()
                     if name in source.entries and source.entries[name].shape == v.shape]  # fmt: skip
        else:
            # By place, not by name: layer names count up over the process.
            shapes = [source.entries[name].shape for name in stored]
            wanted = [variable.shape for variable in targets.values()]
            if shapes != wanted:
                raise source.fault(8, "weights", f"shapes {shapes} are not those of the model, {wanted}")
            pairs = list(zip(stored, targets.values(), strict=True))
        values = [source.read(name) for name, _ in pairs]
    for (_, variable), value in zip(pairs, values, strict=True):
        variable.overwrite(value)
    read = {name for name, _ in pairs} if skips else targets.keys()
    _warn_of_skipped(path, [variable for name, variable in targets.items() if name not in read])


def _warn_of_skipped(path: str, left: list[Variable]) -> None:
    if left:
        paths = ", ".join(variable.path for variable in left[:4]) + (", ..." if len(left) > 4 else "")
        warnings.warn(
            f"load_weights(): {path} has no values that fit {len(left)} weights, which stay as they are: {paths}",
            UserWarning,
            stacklevel=4,
        )


def _json(config: Mapping[str, Any]) -> str:
    try:
        return json.dumps(config, allow_nan=False, default=_plain, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise TypeError(f"save(): the configuration cannot be written as JSON: {error}; get_config() of your own "
                        "layers must return plain data") from error  # fmt: skip


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON knows them."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not plain data")


def _noisy_layers(layer: Layer) -> list[Any]:
    """The layers with noise, in order, wherever they are nested; a shared one once."""
    found: dict[Layer, None] = {}
    if hasattr(layer, "_noise_seed"):
        found[layer] = None
    for part in layer.sublayers():
        found.update(dict.fromkeys(_noisy_layers(part)))
    return list(found)


def _path(function: str, filepath: object) -> str:
    if not isinstance(filepath, str | bytes | PathLike):
        raise bad_type(function, "filepath", f"must be a path, got {type(filepath).__name__}")
    path = os.fsdecode(filepath)
    if not path or "\0" in path:
        raise bad_value(function, "filepath", f"must not be empty or hold a null character, got {path!r}")
    return path


def _target(function: str, filepath: object, overwrite: object) -> str:
    path = _path(function, filepath)
    if not boolean(function, "overwrite", overwrite) and os.path.lexists(path):
        raise FileExistsError(17, "File exists, and overwrite is False", path)
    return path
