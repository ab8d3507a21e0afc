"""The arguments of `compile`, `fit` and `evaluate`, checked before anything is done with them."""

from __future__ import annotations

from collections.abc import Sequence

from densor._check import bad_type, bad_value, boolean, integer, number, positive_int
from densor.models.compiled import Compiled
from densor.models.data import Array, Data, check_finite
from densor.models.device_rows import DeviceRows
from densor.models.fitting import Plan
from densor.models.source import is_streamed

__all__ = [
    "DEFAULT_ROWS",
    "batch_rows",
    "epoch_options",
    "labelled_data",
    "split_options",
]

DEFAULT_ROWS = 32  # Keras'


def batch_rows(function: str, argument: str, value: object) -> int:
    """The number of rows per batch; None means the default of 32."""
    return DEFAULT_ROWS if value is None else positive_int(function, argument, value)


def epoch_options(
    batch_size: object,
    epochs: object,
    initial_epoch: object,
    shuffle: object,
    validation_batch_size: object,
    validation_freq: object,
    validation_steps: object,
) -> Plan:
    """The plan of a `fit` without its validation data; batch sizes are not yet limited to the data."""
    rows = batch_rows("fit", "batch_size", batch_size)
    asked = shuffle is not None
    shuffle = True if shuffle is None else shuffle
    if isinstance(shuffle, str) and shuffle != "batch":
        raise bad_value("fit", "shuffle", f"must be True, False or 'batch', got {shuffle!r}")
    return Plan(
        batch_size=rows,
        epochs=integer("fit", "epochs", epochs, 0),
        initial_epoch=integer("fit", "initial_epoch", initial_epoch, 0),
        shuffle=shuffle if isinstance(shuffle, str) else boolean("fit", "shuffle", shuffle),
        asked_to_shuffle=asked and bool(shuffle),
        validation=None,
        validation_batch_size=(
            rows if validation_batch_size is None
            else batch_rows("fit", "validation_batch_size", validation_batch_size)
        ),
        validation_freq=_frequency(validation_freq),
        validation_steps=(
            None if validation_steps is None else positive_int("fit", "validation_steps", validation_steps)
        ),
    )  # fmt: skip


def _frequency(value: object) -> int | Sequence[int]:
    if isinstance(value, list | tuple | set | range):
        return [positive_int("fit", "validation_freq", epoch) for epoch in value]
    return positive_int("fit", "validation_freq", value)


def split_options(validation_split: object, validation_data: object) -> float:
    """The share of rows that validates, in [0, 1)."""
    share = number("fit", "validation_split", validation_split, 0, 1, include_high=False)
    if validation_data is None:
        return share
    if share:
        raise bad_value("fit", "validation_split", f"give either {share} or validation_data, not both")
    if isinstance(validation_data, list | tuple) and len(validation_data) not in (2, 3):
        raise bad_value("fit", "validation_data", f"must hold 2 or 3 arrays, got {len(validation_data)}")
    if not isinstance(validation_data, list | tuple) and not is_streamed(validation_data):
        kind = type(validation_data).__name__
        raise bad_type(
            "fit", "validation_data",
            f"must be a tuple (x, y) or (x, y, sample_weight), or something that gives batches, got {kind}",
        )  # fmt: skip
    return 0.0


def labelled_data(
    function: str,
    compiled: Compiled,
    x: tuple[Array, ...],
    y: object,
    sample_weight: object = None,
    class_weight: object = None,
    finite: bool = True,
) -> Data:
    """Checked features with their targets and weights.

    Raises:
        TypeError, ValueError: as `Targets.check`; also for no rows, and non-finite features if `finite`.
    """
    if not compiled.trains:
        raise RuntimeError(f"{function}(): the model has no loss; call compile(optimizer, loss) first")
    if y is None and not all(ending.optional for ending in compiled.endings):
        raise bad_type(function, "y", "targets are needed, got None")
    rows = len(x[0])
    if compiled.device == "cpu" and any(isinstance(array, DeviceRows) for array in x):
        raise bad_type(function, "x", 'is in device memory, and the model runs on the cpu: compile(device="cuda"), or '
                       "pass NumPy arrays")  # fmt: skip
    if rows == 0:
        raise bad_value(function, "x", f"there are no rows: shape {x[0].shape}")
    if finite:
        for array in x:
            check_finite(function, "x", array)
    return Data(x, *compiled.targets_of(function, x, y, sample_weight, class_weight, finite))
