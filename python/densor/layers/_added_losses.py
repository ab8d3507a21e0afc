"""What layers add to the loss of a model by themselves: terms of `add_loss`, and penalties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from densor._check import bad_type, show
from densor.graph import Tensor
from densor.graph.structure import flat
from densor.graph.trace import scope
from densor.ops.added_loss import add_loss

__all__ = ["AddedLosses"]


class AddedLosses:
    """The part of a layer that adds to the loss; `Layer` adds the rest."""

    _added: list[float] = []  # noqa: RUF012 - replaced, never changed in place

    def add_loss(self, loss: Any) -> None:
        """Add to the loss of every model that this layer is in; for use inside `call`.

        Args:
            loss: a symbolic tensor that `call` computed with `densor.ops`, or a list of them. The sum of its values
                over the batch is added as it is, in training and in `evaluate`; divide by the rows with `ops.mean`.

        Raises:
            TypeError: not a symbolic tensor. RuntimeError: called outside `call`.

        Source: Keras 3 `Layer.add_loss`.

        Example:
            >>> import densor
            >>> from densor import layers, ops
            >>> class Small(layers.Layer):
            ...     def call(self, inputs):
            ...         self.add_loss(0.5 * ops.mean(ops.square(inputs)))
            ...         return inputs
            >>> layer = Small()
            >>> layer([[2.0], [4.0]]).tolist(), layer.losses
            ([[2.0], [4.0]], [5.0])
        """
        for tensor in flat(loss):
            if not isinstance(tensor, Tensor):
                hint = "; penalize weights with a regularizer" if hasattr(tensor, "trainable") else ""
                raise bad_type(
                    "add_loss",
                    "loss",
                    f"must be a symbolic tensor computed by densor.ops in call(), got {show(tensor)}{hint}",
                )
        if scope().depth == 0:
            raise RuntimeError(
                f"add_loss(): layer {getattr(self, 'name', '?')!r}: only call() can add to the loss"
            )
        for tensor in flat(loss):
            add_loss(tensor, self)

    @property
    def losses(self) -> list[float]:
        """What this layer and those inside it add to the loss, as numbers.

        First what the last call of this layer on arrays added (`add_loss`, penalties of activations), then the
        penalties of the trainable weights that have a regularizer, as their values are now.
        """
        weights = [v for v in self._penalized() if v.regularizer is not None]
        return [*self._all_added(), *(float(v.regularizer(v.values)) for v in weights)]

    def _penalized(self) -> Sequence[Any]:
        """The weights whose regularizers count."""
        raise NotImplementedError

    def sublayers(self) -> Sequence[AddedLosses]:
        """The layers inside."""
        raise NotImplementedError

    def _all_added(self) -> list[float]:
        return [*self._added, *(value for layer in self.sublayers() for value in layer._all_added())]

    def _keep_added(self, found: Sequence[tuple[Any, float]]) -> None:
        """Take what a call on arrays has added, by layer, in the place of what an earlier one did."""
        self._forget_added()
        for owner, value in found:
            owner._added = [*owner._added, value]

    def _forget_added(self) -> None:
        self._added = []
        for layer in self.sublayers():
            layer._forget_added()
