"""`.keras` files of Keras 3 and the `.h5` files before them, read as data and written for Keras to read.

A `.keras` file is a zip of `metadata.json`, `config.json` and `model.weights.h5`, none of them compressed. Nothing in
it is run or imported, and no other file is opened, whatever it says. What Densor keeps beside (the seeds and counters
of its noise, so that training goes on bit for bit, and which weights do not decay) stands in `metadata.json`, where
Keras does not look.
"""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, TypeVar

import numpy as np

from densor import _seeds, optimizers
from densor._registry import custom_objects_scope
from densor._version import __version__
from densor.errors import FormatError
from densor.graph import Variable
from densor.layers import without_initial_values
from densor.models import hdf5, strict_json
from densor.models.compile_config import compile_config, has_own_way, without_decay
from densor.models.data import nonfinite
from densor.models.functional import Functional
from densor.models.hdf5 import Array, Place
from densor.models.keras_config import compile_arguments, model_from, unknown_classes
from densor.models.keras_export import keras_compile_config, keras_config
from densor.models.keras_weights import (
    layer_places,
    legacy_weights,
    optimizer_arrays,
    own_variables,
    stored_weights,
)
from densor.models.model import Model
from densor.models.sequential import Sequential
from densor.optimizers.state import slot_of, slot_order, slot_shape

__all__ = ["encode", "encode_weights", "load", "load_weights"]

Result = TypeVar("Result")

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_LARGEST_CONFIG = 16 << 20
_MOST_LEVELS = 64  # a model inside a model inside a model, each with its graph
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes

# --- writing ---


def encode(model: Model, extra: Mapping[str, Any], with_optimizer: bool) -> bytes:
    """The bytes of a `.keras` file; `extra` is kept for Densor in the metadata.

    Raises:
        ValueError: what Keras does not know. ImportError: h5py is not installed.
    """
    config = keras_config(model) | {"compile_config": keras_compile_config(model)}
    compiled = compile_config(model)
    undecayed = {} if compiled is None else {"undecayed": compiled["undecayed"]}
    notes = {"keras_version": "3.0.0", "densor_version": __version__, "densor": {**extra, **undecayed}}
    members = {
        _METADATA: json.dumps(notes).encode(),
        _CONFIG: json.dumps(config, default=_plain).encode(),
        _WEIGHTS: encode_weights("save", model, with_optimizer),
    }
    strict_json.parse(members[_CONFIG], _MOST_LEVELS)  # what could not be read must not be written
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name, _FIRST_DAY), data)
    return buffer.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(
        f"save(): the configuration cannot be written as JSON: {type(value).__name__} is not plain data"
    )


def encode_weights(function: str, model: Model, with_optimizer: bool) -> bytes:
    """The bytes of a `.weights.h5` file."""
    groups: dict[str, tuple[str, list[Array]]] = {}
    for layer, path in layer_places(model).items():
        groups[path] = (layer.name, [variable.values for variable in own_variables(layer)])
    compiled = model._compiled
    if compiled is not None and with_optimizer and not compiled.drifted(model):
        arrays = optimizer_arrays(compiled.optimizer, compiled.arena)
        groups["optimizer"] = (compiled.optimizer.name, arrays)
    return hdf5.encode(function, groups, empty=["layers"])


# --- reading ---


def load(
    path: str, custom: Mapping[str, Any], compiled: bool, finite: bool, restore: Callable[[Model, Any], None]
) -> Model:
    """The model of a `.keras` or whole-model `.h5` file.

    Args:
        path, custom, compiled, finite: as for `load_model`.
        restore: is given the model, before it is compiled, and what Densor had noted beside it, if it had.

    Raises:
        FormatError: damaged, or holding what Densor does not know; nothing of it was made then.
        ImportError: h5py is not installed. OSError: it cannot be read.
    """
    state = _seeds.get_state()
    try:
        with _file(path) as file, custom_objects_scope(custom):
            if _is_zip(file):
                return _load_zip(path, file, compiled, finite, restore)
            return _load_hdf5(path, file.read(), compiled, finite)
    except BaseException:
        _seeds.set_state(state)
        raise


def _load_zip(
    path: str, file: BinaryIO, compiled: bool, finite: bool, restore: Callable[[Model, Any], None]
) -> Model:
    parts = _members(path, file)
    config = _json(path, _CONFIG, parts[_CONFIG])
    notes = _json(path, _METADATA, parts[_METADATA]).get("densor")
    weights = parts[_WEIGHTS]
    with _opened(path, weights) as root:
        model = _filled(path, config, len(weights), lambda model: stored_weights(root, model), finite)
        if notes is not None:
            _checked(path, _METADATA, lambda: restore(model, notes))
        if compiled and config.get("compile_config"):
            place = _checked(path, _WEIGHTS, lambda: _slots_of(root))
            undecayed = [] if notes is None else notes.get("undecayed", [])
            _compile(path, model, config["compile_config"], _numbered(place), undecayed)
    return model


def _slots_of(root: Place) -> Place | None:
    return root.place("optimizer/vars") if "optimizer" in root else None


def _load_hdf5(path: str, data: bytes, compiled: bool, finite: bool) -> Model:
    with _opened(path, data) as root:
        config = _attribute(path, root, "model_config")
        group = root.place("model_weights") if "model_weights" in root else root
        model = _filled(path, config, len(data), lambda model: legacy_weights(group, _graph(model)), finite)
        settings = root.text("training_config")
        if compiled and settings is not None:
            settings = _json(path, "training_config", settings.encode())
            settings["optimizer"] = settings.pop("optimizer_config", "rmsprop")
            _compile(path, model, settings, _legacy_slots(root))
    return model


def _graph(model: Model) -> Sequential | Functional:
    if not isinstance(model, Sequential | Functional):
        raise TypeError(f"{type(model).__name__} is neither Sequential nor functional")
    return model


@contextmanager
def _file(path: str) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    with open(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if size > memory:
            raise MemoryError(f"load_model(): {path} has {size} bytes, this machine {memory} bytes of memory")
        yield file


def _is_zip(file: BinaryIO) -> bool:
    return os.pread(file.fileno(), 2, 0) == b"PK"


def _fault(path: str, field: str, problem: object) -> FormatError:
    return FormatError(f"load_model(): argument 'filepath': {path}: {field}: {problem}")


def _checked(path: str, field: str, make: Callable[[], Result]) -> Result:
    """What `make` returns; whatever it makes of a hostile file is an error of the file."""
    try:
        return make()
    except (MemoryError, FormatError, ImportError):
        raise
    except Exception as error:
        raise _fault(path, field, f"{type(error).__name__}: {error}") from error


def _members(path: str, file: BinaryIO) -> dict[str, bytes]:
    """The three parts of the zip. Sizes are compared with the file's before anything is unpacked."""

    def read() -> dict[str, bytes]:
        size = os.fstat(file.fileno()).st_size
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            for name in (_CONFIG, _METADATA, _WEIGHTS):
                if names.count(name) != 1:
                    raise ValueError(f"a .keras file holds {name} once, this one {names.count(name)} times")
            for entry in entries:
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size:
                    raise ValueError(f"{entry.filename!r} is compressed; Keras stores its parts as they are")
                if entry.filename.startswith("assets/") and entry.file_size:
                    raise ValueError(f"{entry.filename!r}: assets are not supported")
            return {name: archive.read(name) for name in (_CONFIG, _METADATA, _WEIGHTS)}

    return _checked(path, "zip", read)


def _json(path: str, field: str, raw: bytes) -> Any:
    if len(raw) > _LARGEST_CONFIG:
        raise _fault(path, field, f"{len(raw)} bytes, more than {_LARGEST_CONFIG}")
    try:
        value = strict_json.parse(raw, _MOST_LEVELS)
    except ValueError as error:
        raise _fault(path, field, f"not acceptable as JSON: {error}") from None
    if not isinstance(value, dict):
        raise _fault(path, field, "must be an object")
    return value


def _attribute(path: str, root: Place, name: str) -> Any:
    text = root.text(name)
    if text is None:
        raise _fault(path, name, "is missing: these are weights without a model; use model.load_weights()")
    return _json(path, name, text.encode())


@contextmanager
def _opened(path: str, data: bytes) -> Iterator[Place]:
    """The root of the HDF5 part for the time of a `with` block; what h5py finds wrong is an error of the file."""
    with ExitStack() as stack:
        yield _checked(path, _WEIGHTS, lambda: stack.enter_context(hdf5.opened("load_model", data)))


def _filled(
    path: str, config: Any, size: int, weights: Callable[[Model], dict[Variable, Array]], finite: bool
) -> Model:
    """The model of the configuration with its weights; the arrays are all checked before the first is copied."""
    unknown = unknown_classes(config)
    if unknown:
        raise _fault(
            path, _CONFIG, f"Densor has no {', '.join(unknown)}; give classes of your own in custom_objects. Layers "
            "that hold code, such as Lambda, are never loaded: write a layer class instead"
        )  # fmt: skip
    with without_initial_values(size // 4):  # a config must not make us ask for more than the file holds
        model: Model = _checked(path, _CONFIG, lambda: model_from(config))
    if not model.built:
        raise _fault(path, _CONFIG, "the model was saved before it was built: its input shape is not known")
    values = _checked(path, _WEIGHTS, lambda: weights(model))
    for variable, array in values.items():
        if finite and (problem := nonfinite(array)):
            raise _fault(path, f"{_WEIGHTS}, {variable.path}", f"{problem}; allow_nonfinite=True accepts it")
    for variable, array in values.items():
        variable.overwrite(array)
    return model


# Reads the optimizer's arrays: their shapes in, the arrays out, or None where the file has others.
Slots = Callable[[list[tuple[int, ...]]], list[Array] | None]


def _numbered(place: Place | None) -> Slots:
    def read(shapes: list[tuple[int, ...]]) -> list[Array] | None:
        if place is None or len(place) != len(shapes):
            return None
        return [place.array(str(index), shape) for index, shape in enumerate(shapes)]

    return read


def _legacy_slots(root: Place) -> Slots:
    def read(shapes: list[tuple[int, ...]]) -> list[Array] | None:
        # Keras 2 kept other arrays in another order.
        if "optimizer_weights" not in root or not (root.text("keras_version") or "").startswith("3"):
            return None
        place = root.place("optimizer_weights")
        names = place.names("weight_names")
        if len(names) != len(shapes):
            return None
        return [place.array(name, shape) for name, shape in zip(names, shapes, strict=True)]

    return read


def _compile(path: str, model: Model, config: Any, slots: Slots, undecayed: Any = ()) -> None:
    unknown = unknown_classes(config)
    if unknown:
        raise _fault(
            path, "compile_config", f"Densor has no {', '.join(unknown)}; give them in custom_objects, or load with "
            "compile=False"
        )  # fmt: skip
    if has_own_way(model, "compile_from_config") or has_own_way(model, "compile"):
        _checked(path, "compile_config", lambda: model.compile_from_config(config))
    else:
        arguments = _checked(path, "compile_config", lambda: compile_arguments(config))
        _checked(path, _METADATA, lambda: without_decay(arguments["optimizer"], model, undecayed))
        _checked(path, "compile_config", lambda: model.compile(**arguments))
    _checked(path, "optimizer", lambda: _fill_slots(model, slots))


def _fill_slots(model: Model, slots: Slots) -> None:
    """Give the optimizer its state, if the file has the state of this optimizer with these variables."""
    compiled = model._compiled
    if compiled is None or not compiled.bound:
        return
    optimizer, variables = compiled.optimizer, compiled.trainable
    head: list[tuple[int, ...]] = [()] if optimizer._schedule is not None else [(), ()]
    untrained = slots(head)
    order = slot_order(optimizer, variables)
    tail: list[tuple[int, ...]] = [()] if isinstance(optimizer, optimizers.Nadam) else []
    arrays = untrained or slots(
        [*head, *(slot_shape(optimizer, slot, variables[index]) for slot, index in order), *tail]
    )
    if arrays is None:
        warnings.warn(
            "load_model(): the file has no state for this optimizer and these trainable weights; it starts afresh",
            UserWarning,
            stacklevel=6,
        )
        return
    optimizer.iterations = int(arrays[0])
    if len(head) > 1:
        optimizer.learning_rate = float(arrays[1])
    if untrained is None:
        arena = compiled.take_arena()
        for (slot, index), array in zip(order, arrays[len(head) :], strict=False):
            slot_of(optimizer, arena, slot, variables[index])[...] = array


def load_weights(path: str, model: Model, skip_mismatch: bool) -> dict[Variable, Array]:
    """The arrays for the weights of a built model, from a `.keras`, `.weights.h5` or `.h5` file.

    With `skip_mismatch`, layers whose arrays are missing or of other shapes are left out.

    Raises:
        FormatError: damaged, or the arrays do not fit.
    """
    with _file(path) as file:
        data = _members(path, file)[_WEIGHTS] if _is_zip(file) else file.read()
    with _opened(path, data) as root:
        group = root.place("model_weights") if "model_weights" in root else root
        if group.has("layer_names"):
            return _checked(path, "weights", lambda: legacy_weights(group, _graph(model), skip_mismatch))
        return _checked(path, "weights", lambda: stored_weights(group, model, skip_mismatch))
