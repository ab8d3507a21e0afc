"""The base of all optimizers: learning rate, weight decay, clipping, and the interface to the native pass."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from densor import _check, schedules
from densor.optimizers.learning_rate import CalledRate, LearningRate
from densor.schedules import LearningRateSchedule

Column = float | npt.NDArray[np.float64]
Self = TypeVar("Self", bound="Optimizer")

_CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


class Optimizer:
    """What every optimizer has. Use a subclass: SGD, RMSprop, Adagrad, Adam, AdamW, Adamax, Nadam.

    One training step clips the gradients, takes `weight_decay * learning_rate * w` off every weight that
    decays, and applies the rule of the subclass. All three happen in one native pass; this object holds the
    settings and computes, for any range of steps, the coefficients of the rule.

    Args (the tail that all optimizers share):
        learning_rate: a float greater than 0, a schedule, or a function that returns the rate: of no arguments,
            or of the step from 0. A function is called right before its step, so that training goes batch by
            batch. (An int is refused, as in Keras: write 1.0.)
        weight_decay: decoupled decay per step as a multiple of the learning rate, at least 0, or None. It
            reaches biases and normalization weights too, unless `exclude_from_weight_decay` says otherwise.
        clipnorm: the largest norm of the gradient of each variable; g * c / max(norm, c).
        clipvalue: the largest absolute value of each gradient element.
        global_clipnorm: the largest norm of all gradients together. At most one of the three may be given.
        use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps:
            arguments of Keras that this version takes only at their defaults.
        name: only kept.
        lr, decay: Keras 2's names, with a DeprecationWarning. `decay` divides the rate of step t by
            1 + decay * t.

    Raises TypeError for an argument of the wrong kind or an unknown one, ValueError for a wrong value.
    """

    rule: str = ""
    """Name of the native rule."""

    slots: tuple[str, ...] = ()
    """Names of the state arrays that the rule keeps per weight, in native order."""

    cycles_momentum: bool = False
    """Whether the rule has a momentum that a schedule may move."""

    _common: ClassVar[tuple[str, ...]] = (
        "learning_rate", "weight_decay", *_CLIPS, "use_ema", "ema_momentum", "ema_overwrite_frequency",
        "loss_scale_factor", "gradient_accumulation_steps", "name",
    )  # fmt: skip

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Mapping[str, Any],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **legacy: Any,
    ) -> None:
        where = type(self).__name__
        learning_rate, self._decay = _take_legacy(where, learning_rate, legacy, self._common)
        self.name = _check.optional_name(where, name, where)
        self._schedule: LearningRateSchedule | None = None
        self._rate = 0.0
        self._set_rate(learning_rate)
        self.weight_decay = (
            None if weight_decay is None else _check.number(where, "weight_decay", weight_decay, 0)
        )
        self.clipnorm = _positive_or_none(where, "clipnorm", clipnorm)
        self.clipvalue = _positive_or_none(where, "clipvalue", clipvalue)
        self.global_clipnorm = _positive_or_none(where, "global_clipnorm", global_clipnorm)
        given = [name for name in _CLIPS if getattr(self, name) is not None]
        if len(given) > 1:
            raise _check.bad_value(
                where, given[1], f"at most one clipping may be given, but {given[0]} is too"
            )
        _check.unsupported(where, "use_ema", use_ema, False)
        _check.unsupported(where, "ema_momentum", ema_momentum, 0.99)
        _check.unsupported(where, "ema_overwrite_frequency", ema_overwrite_frequency, None)
        _check.unsupported(where, "loss_scale_factor", loss_scale_factor, None)
        _check.unsupported(where, "gradient_accumulation_steps", gradient_accumulation_steps, None)
        self._iterations = 0
        self._excluded: tuple[list[Any], list[str]] = ([], [])  # variables, expressions
        self._state: Any = None  # the arenas, set by whoever trains with this optimizer

    # --- learning rate ---

    def _set_rate(self, value: object) -> None:
        where = type(self).__name__
        if isinstance(value, Mapping):
            value = schedules.deserialize(value)
        if _is_schedule(value):
            self._schedule = value if isinstance(value, LearningRateSchedule) else CalledRate(value)
            return
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            raise _check.bad_type(
                where, "learning_rate", f"must be a float or a schedule, got {value}; write {value}.0"
            )
        if not _check.is_number(value):
            raise _check.bad_type(
                where,
                "learning_rate",
                f"must be a float or a schedule, got {_check.show(value)} ({type(value).__name__})",
            )
        self._rate = float32(_check.number(where, "learning_rate", value, low=0, include_low=False))

    @property
    def learning_rate(self) -> LearningRate:
        """The current learning rate; of a schedule, the rate of the next step.

        Setting takes a float or an int, at least 0, kept as float32, or a schedule or function. It raises TypeError
        where the optimizer was made with a schedule and the new value is not one.
        """
        if self._schedule is None:
            return LearningRate(self._rate, self)
        return LearningRate(float(self._rates(self._iterations, 1)[0]), self)

    @learning_rate.setter
    def learning_rate(self, value: float | LearningRateSchedule | Callable[..., float]) -> None:
        where = type(self).__name__
        if _is_schedule(value):
            self._schedule = value if isinstance(value, LearningRateSchedule) else CalledRate(value)
            return
        if self._schedule is not None:
            raise _check.bad_type(
                where, "learning_rate",
                f"this optimizer follows a {type(self._schedule).__name__}, so its learning rate cannot be set to "
                f"{_check.show(value)}; make the optimizer with a number instead",
            )  # fmt: skip
        self._rate = float32(_check.number(where, "learning_rate", value, low=0))

    def _rates(self, first_step: int, steps: int) -> npt.NDArray[np.float64]:
        """The learning rates of a range of steps, float64 (steps,), checked to be finite and not negative."""
        if self._schedule is None:
            rates = np.full(steps, self._rate)
        else:
            rates = np.asarray(self._schedule.values(first_step, steps), np.float64)
            wrong = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
            if wrong.size:
                raise _check.bad_value(
                    type(self).__name__, "learning_rate",
                    f"the schedule gives {rates[wrong[0]]} at step {first_step + wrong[0]}",
                )  # fmt: skip
        if self._decay:
            rates = rates / (1.0 + self._decay * np.arange(first_step, first_step + steps))
        return rates

    @property
    def stepwise(self) -> bool:
        """Whether the learning rate of a step can only be told when the step comes."""
        return isinstance(self._schedule, CalledRate)

    def _momenta(self, t: npt.NDArray[np.float64], constant: float) -> Column:
        """The momentum of steps t = 1, 2, ...: `constant` unless the schedule moves it."""
        moved = self._schedule.momenta(int(t[0]) - 1, len(t)) if self._schedule and len(t) else None
        return constant if moved is None else moved.astype(np.float32).astype(np.float64)

    # --- the interface to the native pass ---

    @property
    def iterations(self) -> int:
        """The number of training steps made so far."""
        return self._iterations

    @iterations.setter
    def iterations(self, value: int) -> None:
        self._iterations = _check.integer(type(self).__name__, "iterations", value, low=0)

    @property
    def built(self) -> bool:
        """Whether the optimizer has state, because a model trains with it."""
        return self._state is not None

    def initial_slot(self, name: str) -> float:
        """Returns the number that the state array `name` starts with."""
        _check.choice(f"{type(self).__name__}.initial_slot", "name", name, self.slots)
        return 0.0

    def coefficients(self, first_step: int, steps: int) -> npt.NDArray[np.float32]:
        """Returns what the native pass needs for `steps` steps from `first_step` on: float32 (steps, 1 + k).

        Column 0 is the factor of the weight decay, the others are the coefficients of the rule. They are
        computed in float64 and rounded once.
        """
        rates = self._rates(first_step, steps)
        if self._schedule and not self.cycles_momentum and self._schedule.momenta(0, 1) is not None:
            raise _check.bad_value(
                type(self).__name__, "learning_rate",
                f"the {type(self._schedule).__name__} moves a momentum, and this optimizer has none; give it "
                "momentum=0.9 where it takes one, or the schedule momentum_range=None",
            )  # fmt: skip
        t = np.arange(first_step + 1, first_step + steps + 1, dtype=np.float64)
        columns = self._coefficients(rates, t)
        table = np.empty((steps, 1 + len(columns)), np.float32)
        table[:, 0] = rates * (self.weight_decay or 0.0)
        for index, column in enumerate(columns, start=1):
            table[:, index] = column
        return table

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        """The coefficients of the rule for steps t = 1, 2, ... with these learning rates, in native order."""
        raise NotImplementedError(
            f"{type(self).__name__} is no optimizer: use SGD, Adam, ... of densor.optimizers"
        )

    # --- weight decay ---

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Keeps variables from decaying: those of `var_list`, and those whose path contains one of `var_names`.

        `var_names` are regular expressions, searched for in paths such as "dense/bias", so that "bias" and
        "batch_normalization" both do what they say (Keras looks at the last part alone). Each call replaces
        the one before. Raises RuntimeError once a model trains with this optimizer, ValueError for a wrong
        expression, TypeError for something that is no variable or no string.
        """
        where = f"{type(self).__name__}.exclude_from_weight_decay"
        if self.built:
            raise RuntimeError(f"{where}() must be called before the model is trained with this optimizer")
        if isinstance(var_names, str):
            raise _check.bad_type(
                where, "var_names", f"must be a list of strings, got {_check.show(var_names)}"
            )
        names = [_check.text(where, "var_names", name) for name in var_names or ()]
        for name in names:
            try:
                re.compile(name)
            except re.error as error:
                raise _check.bad_value(where, "var_names", f"{_check.show(name)}: {error}") from None
        variables = list(var_list or ())
        for variable in variables:
            if not hasattr(variable, "path"):
                raise _check.bad_type(where, "var_list", f"must hold variables, got {_check.show(variable)}")
        self._excluded = (variables, names)

    def decays(self, variable: Any) -> bool:
        """Whether weight decay applies to a Variable."""
        variables, names = self._excluded
        if not self.weight_decay or any(variable is excluded for excluded in variables):
            return False
        return not any(re.search(name, variable.path) for name in names)

    # --- configuration ---

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        rate = self._rate if self._schedule is None else schedules.serialize(self._schedule)
        config = {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": False,
            "ema_momentum": 0.99,
            "ema_overwrite_frequency": None,
            "loss_scale_factor": None,
            "gradient_accumulation_steps": None,
        }
        return {**config, "decay": self._decay} if self._decay else config

    @classmethod
    def from_config(
        cls: type[Self],
        config: Mapping[str, Any],
        custom_objects: Mapping[str, type[LearningRateSchedule]] | None = None,
    ) -> Self:
        """Makes the optimizer that `get_config` described. `custom_objects`: schedule classes by name."""
        settings = dict(config)
        decay = settings.pop("decay", 0.0)  # no warning: it was given when the optimizer was first made
        if isinstance(settings.get("learning_rate"), Mapping):
            settings["learning_rate"] = schedules.deserialize(settings["learning_rate"], custom_objects)
        optimizer = cls(**settings)
        optimizer._decay = _check.number(cls.__name__, "decay", decay, low=0)
        return optimizer


def _is_schedule(value: object) -> bool:
    return isinstance(value, LearningRateSchedule) or (callable(value) and not isinstance(value, type))


def float32(value: float) -> float:
    """Returns `value` as the native pass sees it: rounded to float32."""
    return float(np.float32(value))


def _positive_or_none(where: str, argument: str, value: float | None) -> float | None:
    return None if value is None else _check.number(where, argument, value, low=0, include_low=False)


def _take_legacy(
    where: str, learning_rate: Any, legacy: dict[str, Any], known: Iterable[str]
) -> tuple[Any, float]:
    """Returns the learning rate and the decay, where Keras 2's `lr` and `decay` have been looked at."""
    decay = 0.0
    if "lr" in legacy:
        warnings.warn(f"{where}(): 'lr' is now 'learning_rate'", DeprecationWarning, stacklevel=4)
        learning_rate = legacy.pop("lr")
    if "decay" in legacy:
        warnings.warn(
            f"{where}(): 'decay' is deprecated; use schedules.InverseTimeDecay(learning_rate, 1, decay)",
            DeprecationWarning,
            stacklevel=4,
        )
        decay = _check.number(where, "decay", legacy.pop("decay"), low=0)
    _check.no_more_arguments(where, legacy, [*known, "lr", "decay"])
    return learning_rate, decay
