"""What makes a model's randomness go on where it stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densor import _core
from densor._seeds import next_seed

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

    def shuffle(self, order: NDArray[np.int64], block: int = 1) -> None:
        """Fill `order` with the rows in the order of the epoch that comes.

        block: so many neighbours stay together, and a short last block stays last.
        """
        assert self.seed is not None  # compile() drew it
        if block == 1:
            _core.permutation(order, self.seed, self.epochs).run()
            return
        blocks = np.empty(len(order) // block, np.int64)
        _core.permutation(blocks, self.seed, self.epochs).run()
        whole = len(blocks) * block
        order[:whole] = (blocks[:, None] * block + np.arange(block)).reshape(-1)
        order[whole:] = np.arange(whole, len(order))
