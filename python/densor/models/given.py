"""What the caller of `fit` or `evaluate` gave as data, and what runs on it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from densor._check import bad_value, positive_int
from densor.callbacks import CallbackList
from densor.graph.structure import Batch, flat, mapped, packed
from densor.models.batchwise import Batchwise, Checks, StreamedEvaluation, epoch_order
from densor.models.compiled import Compiled
from densor.models.data import Data, split
from densor.models.device_rows import DeviceRows, on_host, where_it_lies
from densor.models.fitting import Epochs, Evaluation, Fitting, Plan
from densor.models.inputs import arrays_of_any_shape
from densor.models.options import DEFAULT_ROWS
from densor.models.source import Rows, is_streamed, opened
from densor.models.stream import Stream

if TYPE_CHECKING:
    from densor.models.trainer import Trainer

__all__ = ["Given", "evaluation_of", "fitting_of", "held_out", "predictions_of"]

Examination = Evaluation | StreamedEvaluation


@dataclass(frozen=True)
class Given:
    """Data for `function`: arrays, or in `x` something that gives batches.

    argument: "x", or "validation_data" if they are parts of that. steps: use so many batches (per epoch).
    """

    function: str
    x: Any
    y: Any = None
    sample_weight: Any = None
    class_weight: Any = None
    finite: bool = True
    steps: int | None = None
    batch_size: int | None = None
    argument: str = "x"

    @property
    def checks(self) -> Checks:
        """How batches are checked."""
        return Checks(self.function, self.class_weight, self.finite)

    def stream(self, order: Any = None) -> Stream:
        """The batches that `x` gives.

        Raises:
            ValueError: something else was given that the batches should hold.
        """
        source = opened(self.function, self.argument, self.x, order)
        for name in ("y", "sample_weight", "batch_size"):
            if getattr(self, name) is not None:
                raise bad_value(
                    self.function, name, f"must be None, as the batches of a {source.kind} bring their own"
                )
        return Stream(self.function, self.argument, source, self.steps)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors about a part of `validation_data` say so."""
        try:
            yield
        except (TypeError, ValueError) as error:
            if self.argument == "x" or f"argument '{self.argument}'" in str(error):
                raise
            raise type(error)(str(error).replace("argument '", f"argument '{self.argument}': '", 1)) from None


def fitting_of(
    model: Trainer, compiled: Compiled, given: Given, plan: Plan, hooks: CallbackList, share: float
) -> Epochs:
    """What trains on the data; the last `share` of the rows becomes the plan's validation.

    Raises:
        TypeError, ValueError: bad data; of batches, only the first is looked at.
    """
    own = model._own("train_step")
    if is_streamed(given.x):
        if share:
            raise bad_value("fit", "validation_split", f"{share} of the rows can only be taken from arrays")
        stream = given.stream(epoch_order(model, lambda: 1) if plan.shuffle is True else None)
        if plan.asked_to_shuffle and not stream.shuffles:
            warnings.warn(f"fit(): argument 'shuffle': {plan.shuffle!r} is ignored, as the batches of a {stream.kind} "
                          "come in their own order", UserWarning, stacklevel=3)  # fmt: skip
        _look(model, compiled, stream, given, own)
        return Batchwise(model, compiled, stream, plan, hooks, given.checks)
    table = _table(model, compiled, given, own)
    if given.batch_size is None and given.steps is not None:
        plan.batch_size = -(-table.data.rows // given.steps)
    if share:
        table, held = table.split(share, given.class_weight is not None)
        held_given = replace(given, steps=plan.validation_steps)
        plan.validation = _on_table(model, compiled, held_given, held, plan.validation_batch_size)
    if not own and given.steps is None:
        return Fitting(model, compiled, table.data, plan, hooks)
    block = (lambda: plan.batch_size) if plan.shuffle == "batch" else (lambda: 1)
    order = epoch_order(model, block) if plan.shuffle else None
    source = Rows(table.parts, table.data.rows, lambda: min(plan.batch_size, table.data.rows), order)
    checks = Checks("fit", None, given.finite)  # class weights are in the parts
    fitting = Batchwise(model, compiled, Stream("fit", "x", source, given.steps), plan, hooks, checks)
    fitting.data = table.data if table.data.y else None
    return fitting


def evaluation_of(model: Trainer, compiled: Compiled, given: Given) -> Callable[[CallbackList], Examination]:
    """What evaluates on the data, with callbacks.

    Raises:
        TypeError, ValueError: bad data; of batches, only the first is looked at.
    """
    with given.named():
        if not is_streamed(given.x):
            table = _table(model, compiled, given, model._own("test_step"))
            return _on_table(model, compiled, given, table, given.batch_size)
        stream = given.stream()
        _look(model, compiled, stream, given, model._own("test_step"))
    return lambda hooks: StreamedEvaluation(model, compiled, stream, hooks, given.checks)


def held_out(value: Any, plan: Plan, finite: bool) -> Given:
    """`validation_data`, arrays or something that gives batches, whose size is not ours to say."""
    options: dict[str, Any] = {
        "finite": finite,
        "steps": plan.validation_steps,
        "argument": "validation_data",
    }
    if is_streamed(value):
        return Given("fit", value, **options)
    x, y, weight = (*value, None)[:3]
    return Given("fit", x, y, weight, batch_size=plan.validation_batch_size, **options)


def predictions_of(
    model: Trainer, x: Any, batch_size: int | None, steps: int | None, hooks: CallbackList
) -> Any:
    """The outputs for batches one by one, put together.

    Raises:
        TypeError, ValueError: bad data or options.
    """
    count = None if steps is None else positive_int("predict", "steps", steps)
    given = Given("predict", x, steps=count, batch_size=batch_size)
    if is_streamed(x):
        stream = given.stream()
    else:
        structure, features = arrays_of_any_shape("predict", x)
        rows = len(features[0])
        size = batch_size or (DEFAULT_ROWS if count is None else max(-(-rows // count), 1))
        whole = features[0] if structure is None else packed(structure, features)
        stream = Stream("predict", "x", Rows(Batch(whole), rows, lambda: size, None), count)
    stream.first()
    found = []
    hooks.on_predict_begin()
    with closing(stream), closing(stream.epoch()) as batches:
        for batch in batches:
            hooks.on_predict_batch_begin(stream.number)
            found.append(model._predicted("predict", batch.x))
            hooks.on_predict_batch_end(stream.number, {"outputs": found[-1]})
    hooks.on_predict_end()
    columns = zip(*(flat(outputs) for outputs in found), strict=True)
    return packed(found[0], [np.concatenate(column) for column in columns])


@dataclass(frozen=True)
class _Table:
    """Arrays: as `data` for native runs, checked, and as `parts` for steps of the model's own, as they were given."""

    data: Data
    parts: Batch

    def split(self, share: float, unweighted: bool) -> tuple[_Table, _Table]:
        """The first rows and the last `share` of all, which is freed of its weights if they are those of classes."""
        first, last = split(self.data, share)
        parts, rest = (_rows(self.parts, rows) for rows in (slice(first.rows), slice(first.rows, None)))
        if unweighted:
            last, rest = replace(last, weight=(None,) * len(last.weight)), rest._replace(sample_weight=None)
        return _Table(first, parts), _Table(last, rest)


def _table(model: Trainer, compiled: Compiled, given: Given, own: bool) -> _Table:
    # Only native runs read targets where they lie.
    host = own or given.steps is not None or model._own("test_step") or compiled.device == "cpu"
    targets = on_host if host else where_it_lies
    given = replace(
        given,
        y=targets(given.function, "y", given.y),
        sample_weight=on_host(given.function, "sample_weight", given.sample_weight),
    )
    if own and (given.y is None or not compiled.request.trains):
        structure, features = arrays_of_any_shape(given.function, given.x)
        x = features[0] if structure is None else packed(structure, features)
        parts = Batch(x, _plain(given.y), _plain(given.sample_weight))
        for name, part in (("y", parts.y), ("sample_weight", parts.sample_weight)):
            for array in flat(part):
                if array is not None and len(array) != len(features[0]):
                    raise bad_value(
                        given.function, name, f"expected {len(features[0])} rows as in 'x', got {len(array)}"
                    )
        return _Table(Data(features, (), ()), parts)
    data = model._checked(
        given.function, given.x, given.y, given.sample_weight, given.class_weight, given.finite
    )
    weights: Any = None if all(weight is None for weight in data.weight) else list(data.weight)
    form = model._input
    x = packed(form, data.x) if isinstance(form, list | dict) else data.x[0]
    several = len(data.y) > 1
    plain = several or isinstance(given.y, Mapping | DeviceRows)
    y = _plain(given.y) if plain else np.asarray(given.y)
    return _Table(data, Batch(x, y, weights if several or weights is None else weights[0]))


def _on_table(
    model: Trainer, compiled: Compiled, given: Given, table: _Table, batch_size: int | None
) -> Callable[[CallbackList], Examination]:
    data, steps = table.data, given.steps
    rows = batch_size or (DEFAULT_ROWS if steps is None else -(-data.rows // steps))
    if steps is not None and steps * rows < data.rows:
        data = data.slice(0, steps * rows)
    if not model._own("test_step"):
        return lambda hooks: Evaluation(compiled, data, rows, hooks)
    source = Rows(_rows(table.parts, slice(data.rows)), data.rows, lambda: rows, None)
    stream, checks = Stream(given.function, given.argument, source), Checks(given.function)
    return lambda hooks: StreamedEvaluation(model, compiled, stream, hooks, checks)


def _look(model: Trainer, compiled: Compiled, stream: Stream, given: Given, own: bool) -> None:
    """Check the first batch before anything is done."""
    batch = stream.first()
    if compiled.request.trains and not (own and batch.y is None):
        given.checks(model, batch, 0)


def _rows(parts: Batch, rows: slice) -> Batch:
    return Batch(*(mapped(lambda a: None if a is None else a[rows], part) for part in parts))


def _plain(value: Any) -> Any:
    """An array, or a list or dict of arrays."""
    many = isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and any(getattr(part, "ndim", 0) for part in value)
    )
    if many:
        return mapped(lambda part: None if part is None else np.asarray(part), value)
    return value if value is None or isinstance(value, DeviceRows) else np.asarray(value)
