"""What makes a model's randomness go on where it stopped."""

from __future__ import annotations

from dataclasses import dataclass

from densor.random import next_seed

__all__ = ["Clock"]


@dataclass
class Clock:
    """The seed of a model's shuffling and how far its training has come, over all calls of `fit`.

    Batches and epochs are counted from the model's construction and not reset by `compile`, so that every epoch
    has its own order and every batch its own dropout noise. Saved with the model.

    Attributes:
        seed: keys the order of the rows; None until the model is compiled.
        batches: training batches done; keys dropout noise.
        epochs: epochs begun; keys the order of the rows within the seed.
    """

    seed: int | None = None
    batches: int = 0
    epochs: int = 0

    def draw(self) -> None:
        """Draw the seed from `densor.random`, once."""
        if self.seed is None:
            self.seed = next_seed()
