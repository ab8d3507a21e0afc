"""Gradients from anywhere: an optimizer's step outside `fit`, in the same native pass."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from densor import _core
from densor._check import bad_type, bad_value
from densor.graph import Arena, Variable, compile_update

__all__ = ["Applying"]


class Applying:
    """The part of an optimizer that owns the memory of the variables and applies gradients to them."""

    rule: str
    slots: tuple[str, ...]
    clipvalue: float | None
    clipnorm: float | None
    global_clipnorm: float | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    _state: Arena | None
    _iterations: int
    # The native pass, and the memory it is bound to.
    _step: tuple[Arena, npt.NDArray[np.uint16] | None, _core.Program] | None = None

    @property
    def variables(self) -> list[Variable]:
        """The state in Keras' order: `iteration`, `learning_rate` unless it follows a schedule, the weights' slots.

        Copies, as they are now; the slots are there once a model trains.

        Example:
            >>> import densor, numpy as np
            >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(1, name="out")])
            >>> model.compile(densor.optimizers.SGD(0.1, momentum=0.9), "mse")
            >>> model.fit(np.ones((4, 2)), np.ones(4), verbose=0).epoch
            [0]
            >>> [variable.name for variable in model.optimizer.variables]
            ['iteration', 'learning_rate', 'out_kernel_momentum', 'out_bias_momentum']
        """
        from densor.optimizers.state import state_variables

        return state_variables(self)

    def initial_slot(self, name: str) -> float:
        """The number that the state array `name` starts with."""
        raise NotImplementedError

    def coefficients(self, first_step: int, steps: int) -> npt.NDArray[np.float32]:
        """What the native pass needs for a range of steps."""
        raise NotImplementedError

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of all state arrays, those of the rule first."""
        raise NotImplementedError

    def start_average(self, arena: Arena) -> None:
        """Lets the running mean of a new arena begin at its weights."""
        raise NotImplementedError

    def matrices(self, variables: tuple[Variable, ...]) -> npt.NDArray[np.int64] | None:
        """The shapes of the variables as matrices, for rules that prepare these."""
        raise NotImplementedError

    @property
    def iterations_of_directions(self) -> npt.NDArray[np.float64] | None:
        """The settings by which the rule finds orthogonal directions."""
        raise NotImplementedError

    def decays(self, variable: Any) -> bool:
        """Whether weight decay applies to a variable."""
        raise NotImplementedError

    def build(self, variables: Iterable[Variable]) -> None:
        """Makes the state for these variables; afterwards the optimizer works on them alone.

        Raises ValueError if it has state for others.
        """
        self.take_arena(tuple(dict.fromkeys(variables)), type(self).__name__ + ".build", "variables")

    def take_arena(self, variables: tuple[Variable, ...], function: str, argument: str) -> Arena:
        """Returns the arena with the variables in it; the state moves along if another optimizer has taken one.

        Raises ValueError, in the name of `function`, if the optimizer's state belongs to other variables.
        """
        self.check_owner(variables, function, argument)
        arena = self._state
        if arena is not None and arena.holds(variables):
            return arena
        fresh = Arena(variables, [self.initial_slot(name) for name in self.state_names])
        self.start_average(fresh)
        if arena is not None:
            for new, old in zip(fresh.slots, arena.slots, strict=True):
                new[...] = old
        fresh.refresh()
        self._state = fresh
        return fresh

    def check_owner(self, variables: tuple[Variable, ...], function: str, argument: str) -> None:
        """Raises ValueError, in the name of `function`, if the state belongs to other variables."""
        if self._state is not None and self._state.variables != variables:
            raise bad_value(
                function, argument,
                "this optimizer's state belongs to other variables (of another model, or another choice of "
                "trainable layers); make a new optimizer",
            )  # fmt: skip

    def apply(self, grads: Sequence[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        """Does one step with gradients of the caller's: clips, decays, applies the rule, keeps means, constrains.

        Args:
            grads: an array for each variable, in its shape, or None to leave the variable and its state alone. They
                are gradients of the loss itself: `loss_scale_factor` does not concern them.
            trainable_variables: the variables, in the order of `grads`. None: those of the model that was compiled
                with this optimizer, in the order of its `trainable_weights`.

        Raises:
            TypeError: not arrays of real numbers, or something that is no variable.
            ValueError: a wrong number, shape or variable, or nothing but None. Nothing was changed.

        Example:
            >>> import densor
            >>> weight = densor.Variable([1.0, 2.0])
            >>> optimizer = densor.optimizers.SGD(0.5)
            >>> optimizer.apply([[1.0, -1.0]], [weight])
            >>> weight.numpy().tolist()
            [0.5, 2.5]
        """
        where = f"{type(self).__name__}.apply"
        if not isinstance(grads, list | tuple):
            raise bad_type(where, "grads", f"must be a list of arrays, got {type(grads).__name__}")
        targets = self._targets(where, trainable_variables)
        if len(grads) != len(targets):
            raise bad_value(
                where, "grads", f"expected one for each of {len(targets)} variables, got {len(grads)}"
            )
        given = {
            variable: variable.converted(where, "grads", gradient)
            for variable, gradient in zip(targets, grads, strict=True)
            if gradient is not None
        }
        if not given:
            raise bad_value(where, "grads", "there are no gradients: all are None")
        if len(given) < len(targets):
            absent = [variable.path for variable in targets if variable not in given]
            warnings.warn(
                f"{where}(): there is no gradient for {', '.join(absent)}", UserWarning, stacklevel=2
            )
        known = targets if self._state is None else self._state.variables
        self._apply(self.take_arena(known, where, "trainable_variables"), given)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """The same as `apply` for pairs of a gradient and a variable, such as `zip(gradients, variables)`."""
        where = f"{type(self).__name__}.apply_gradients"
        pairs = list(grads_and_vars)
        for number, pair in enumerate(pairs):
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise bad_type(where, "grads_and_vars", f"entry {number} must be a pair (gradient, variable)")
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def _targets(self, where: str, variables: Iterable[Variable] | None) -> tuple[Variable, ...]:
        if variables is None:
            if self._state is None:
                raise bad_value(
                    where, "trainable_variables", "is needed, as this optimizer is not yet used by a model"
                )
            return self._state.variables
        targets = tuple(variables)
        for number, variable in enumerate(targets):
            if not isinstance(variable, Variable):
                kind = type(variable).__name__
                raise bad_type(where, "trainable_variables", f"entry {number} must be a variable, got {kind}")
            if variable in targets[:number]:
                raise bad_value(where, "trainable_variables", f"{variable.path} is given twice")
            if self._state is not None and variable not in self._state:
                raise bad_value(
                    where,
                    "trainable_variables",
                    f"{variable.path} is not one that this optimizer has state for",
                )
        return targets

    def _apply(self, arena: Arena, given: dict[Variable, npt.NDArray[np.float32]]) -> None:
        arena.refresh()
        if self._step is None or self._step[0] is not arena or self._step[1] is not arena.mask:
            self._step = arena, arena.mask, compile_update(self, arena)
        skipped = [variable for variable in arena.variables if variable not in given]
        arrays = [arena.parameters, *arena.slots]
        kept = [
            (array, arena.segment(v), array[arena.segment(v)].copy()) for v in skipped for array in arrays
        ]
        hyper = self.coefficients(self._iterations, 1)
        for variable, gradient in given.items():
            arena.gradient(variable)[...] = gradient
        _core.run(self._step[2], None, batches=1, batch_size=1, hyper=hyper)
        arena.gradients.fill(0.0)  # the next backward pass writes only what it computes
        for array, segment, values in kept:
            array[segment] = values
        self._iterations += 1
