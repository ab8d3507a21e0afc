"""The base of all optimizers: learning rate, weight decay, clipping, and the interface to the native pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from densor import _check, schedules
from densor.graph import Arena, Variable
from densor.layers._naming import snake_case
from densor.optimizers.applying import Applying
from densor.optimizers.averaging import Averaging
from densor.optimizers.exclusions import Exclusions
from densor.optimizers.learning_rate import CalledRate, Iterations, LearningRate
from densor.optimizers.legacy import take_legacy
from densor.schedules import LearningRateSchedule

Column = float | npt.NDArray[np.float64]
Self = TypeVar("Self", bound="Optimizer")

_CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


class Optimizer(Applying):
    """What every optimizer has. Use a subclass: SGD, Adam, AdamW, ...

    One training step clips the gradients, takes `weight_decay * learning_rate * w` off every weight that
    decays, applies the rule of the subclass, and keeps the running mean. All of it happens in one native pass;
    this object holds the settings and computes, for any range of steps, the coefficients of the rule.

    Every weight has its own factor of the learning rate, `layer.learning_rate_multiplier` or
    `variable.learning_rate_multiplier`; 0 leaves the weight, its decay and its state alone.

    Args (the tail that all optimizers share):
        learning_rate: a float greater than 0, a schedule, or a function that returns the rate: of no arguments,
            or of the step from 0. A function is called right before its step, so that training goes batch by
            batch. (An int is refused, as in Keras: write 1.0.)
        weight_decay: decoupled decay per step as a multiple of the learning rate, at least 0, or None. It
            reaches biases and normalization weights too, unless `exclude_from_weight_decay` says otherwise.
        clipnorm: the largest norm of the gradient of each variable; g * c / max(norm, c).
        clipvalue: the largest absolute value of each gradient element.
        global_clipnorm: the largest norm of all gradients together. At most one of the three may be given.
        use_ema: keep a running mean of the weights; `fit` ends by setting the weights to it. Until then they
            differ; `callbacks.SwapEMAWeights` evaluates and saves the mean.
        ema_momentum: in [0, 1], how much of the old mean is kept at each step; or "polyak", the plain mean of the
            weights after every step.
        ema_overwrite_frequency: set the weights to the mean at every so many steps, too; or None.
        loss_scale_factor: what the loss is multiplied with for the gradients, and they are divided by; or None.
        gradient_accumulation_steps: at least 2: the rule is applied at every so many steps, to the mean gradient
            of these steps; or None. Schedules and `iterations` count steps as they come, rules count updates.
        name: default: the class in snake_case, "adam".
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

    adaptive: ClassVar[bool] = False
    """Whether the rule divides each gradient by a scale of its own."""

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
        ema_momentum: float | str = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **legacy: Any,
    ) -> None:
        where = type(self).__name__
        learning_rate, self._decay = take_legacy(where, learning_rate, legacy, self._common)
        self.name = _check.optional_name(where, name, snake_case(where))
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
        self._averaging = Averaging(where, use_ema, ema_momentum, ema_overwrite_frequency)
        self.loss_scale_factor = _positive_or_none(where, "loss_scale_factor", loss_scale_factor)
        self.gradient_accumulation_steps = (
            None if gradient_accumulation_steps is None
            else _check.integer(where, "gradient_accumulation_steps", gradient_accumulation_steps, low=2)
        )  # fmt: skip
        self._iterations = 0
        self._excluded = Exclusions(where)
        self.averages_in_model = False  # the weights are the running mean, and the mean holds the weights
        self._state: Arena | None = None  # the arenas, set by whoever trains with this optimizer

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
        """The momentum of updates t = 1, 2, ...: `constant` unless the schedule moves it, which counts steps."""
        if self._schedule is None or not len(t):
            return constant
        every = self.gradient_accumulation_steps or 1
        first, last = int(t[0]), int(t[-1])
        moved = self._schedule.momenta((first - 1) * every, (last - first + 1) * every)
        if moved is None:
            return constant
        updates = ((t - first + 1.0) * every - 1.0).astype(np.intp)
        return moved[updates].astype(np.float32).astype(np.float64)

    # --- the interface to the native pass ---

    @property
    def iterations(self) -> Iterations:
        """The number of training steps made so far, which schedules and the corrections of the rules go by."""
        return Iterations(self._iterations, self)

    @iterations.setter
    def iterations(self, value: int) -> None:
        self._iterations = _check.integer(type(self).__name__, "iterations", value, low=0)

    @property
    def built(self) -> bool:
        """Whether the optimizer has state, because a model trains with it."""
        return self._state is not None

    @property
    def use_ema(self) -> bool:
        """Whether a running mean of the weights is kept."""
        return self._averaging.used

    @property
    def ema_momentum(self) -> float | str:
        """How much of the old mean is kept at each step, or "polyak"."""
        return self._averaging.momentum

    @property
    def ema_overwrite_frequency(self) -> int | None:
        """After how many steps the weights are set to their mean, again and again."""
        return self._averaging.overwrite_frequency

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of all state arrays: `slots`, and those of the running mean and of accumulation if used."""
        average = ("average",) if self.use_ema else ()
        accumulator = ("gradient_accumulator",) if self.gradient_accumulation_steps else ()
        return (*self.slots, *average, *accumulator)

    def start_average(self, arena: Arena) -> None:
        """Lets the running mean of a new arena begin at its weights."""
        if self.use_ema:
            self._average(arena)[...] = arena.parameters

    def finalize_variable_values(self, trainable_variables: object = None) -> None:
        """Sets the weights to their running mean, where there is one; `fit` ends with it.

        Weights whose `learning_rate_multiplier` is 0 stay as they are. `trainable_variables` is not needed.
        """
        if self.use_ema and self._state is not None:
            average = self._average(self._state)
            if self.averages_in_model:
                average[...] = self._state.parameters
                self.averages_in_model = False
            for variable, (offset, size) in zip(self._state.variables, self._state.segments, strict=True):
                if variable.learning_rate_multiplier:
                    self._state.parameters[offset : offset + size] = average[offset : offset + size]

    def swap_averages(self) -> None:
        """Exchanges the weights with their running mean. Calling it again undoes it; see `SwapEMAWeights`."""
        if self.use_ema and self._state is not None:
            average = self._average(self._state)
            kept = self._state.parameters.copy()
            self._state.parameters[...] = average
            average[...] = kept
            self.averages_in_model = not self.averages_in_model

    def reset_state(self) -> None:
        """Forgets all state: slots as at the start, the running mean at the weights, no steps made."""
        self._iterations = 0
        self.averages_in_model = False
        if self._state is not None:
            for name, slot in zip(self.state_names, self._state.slots, strict=True):
                initial = self.initial_slot(name)
                for offset, size in self._state.segments:
                    slot[offset : offset + size] = initial
            self.start_average(self._state)

    def _average(self, arena: Arena) -> npt.NDArray[np.float32]:
        return arena.slots[self.state_names.index("average")]

    def initial_slot(self, name: str) -> float:
        """Returns the number that the state array `name` starts with."""
        _check.choice(f"{type(self).__name__}.initial_slot", "name", name, self.state_names)
        return 0.0

    def coefficients(self, first_step: int, steps: int) -> npt.NDArray[np.float32]:
        """Returns what the native pass needs for `steps` steps from `first_step` on: float32 (steps, 1 + k).

        Column 0 is the factor of the weight decay, then come the coefficients of the rule; then, where they are
        used, the momentum of the mean, whether it overwrites the weights, and whether the rule is applied. They
        are computed in float64 and rounded once.
        """
        rates = self._rates(first_step, steps)
        if self._schedule and not self.cycles_momentum and self._schedule.momenta(0, 1) is not None:
            raise _check.bad_value(
                type(self).__name__, "learning_rate",
                f"the {type(self._schedule).__name__} moves a momentum, and this optimizer has none; give it "
                "momentum=0.9 where it takes one, or the schedule momentum_range=None",
            )  # fmt: skip
        step = np.arange(first_step + 1, first_step + steps + 1, dtype=np.float64)
        every = self.gradient_accumulation_steps
        t = step if every is None else np.floor((step - 1.0) / every) + 1.0
        columns = [*self._coefficients(rates, t), *self._averaging.columns(step, t)]
        if every is not None:
            columns.append((step % every == 0).astype(np.float64))
        table = np.empty((steps, 1 + len(columns)), np.float32)
        table[:, 0] = rates * (self.weight_decay or 0.0)
        for index, column in enumerate(columns, start=1):
            table[:, index] = column
        return table

    def _coefficients(self, rates: npt.NDArray[np.float64], t: npt.NDArray[np.float64]) -> tuple[Column, ...]:
        """The coefficients of the rule for updates t = 1, 2, ... with these learning rates, in native order."""
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
        the one before. Files of models keep which weights do not decay, and `get_config` keeps `var_names`.
        Raises RuntimeError once a model trains with this optimizer, ValueError for a wrong expression,
        TypeError for something that is no variable or no string.
        """
        where = f"{type(self).__name__}.exclude_from_weight_decay"
        if self.built:
            raise RuntimeError(f"{where}() must be called before the model is trained with this optimizer")
        self._excluded = Exclusions(where, var_list, var_names)

    def matrices(self, variables: tuple[Variable, ...]) -> npt.NDArray[np.int64] | None:
        """Number, rows and columns of the matrices that each variable is, (variables, 3), rows 0 for none."""
        return None  # the rule goes by elements

    @property
    def iterations_of_directions(self) -> npt.NDArray[np.float64] | None:
        """The settings by which a rule finds orthogonal directions; None for others."""
        return None

    def decays(self, variable: Any) -> bool:
        """Whether weight decay applies to a Variable."""
        return bool(self.weight_decay) and variable not in self._excluded

    # --- configuration ---

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain data."""
        rate = self._rate if self._schedule is None else schedules.serialize(self._schedule)
        config: dict[str, Any] = {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }
        if self._excluded.names:
            config["exclude_from_weight_decay"] = list(self._excluded.names)
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
        excluded = settings.pop("exclude_from_weight_decay", ())
        if isinstance(settings.get("learning_rate"), Mapping):
            settings["learning_rate"] = schedules.deserialize(settings["learning_rate"], custom_objects)
        optimizer = cls(**settings)
        optimizer._decay = _check.number(cls.__name__, "decay", decay, low=0)
        optimizer.exclude_from_weight_decay(var_names=excluded)
        return optimizer


def _is_schedule(value: object) -> bool:
    return isinstance(value, LearningRateSchedule) or (callable(value) and not isinstance(value, type))


def float32(value: float) -> float:
    """Returns `value` as the native pass sees it: rounded to float32."""
    return float(np.float32(value))


def _positive_or_none(where: str, argument: str, value: float | None) -> float | None:
    return None if value is None else _check.number(where, argument, value, low=0, include_low=False)
