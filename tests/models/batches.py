"""The data of `build.py` batch by batch, in every form in which batches may come."""

import itertools

import numpy as np

from densor.utils import PyDataset
from tests.models.build import ROWS, classifier, data

X, Y = data()
BATCH = 16
STARTS = range(0, ROWS, BATCH)
WEIGHT = np.linspace(0.5, 2, ROWS, dtype=np.float32)


def batches(x=X, y=Y, weight=None):
    """One pass in order, the last batch short."""
    parts = (x, y) if weight is None else (x, y, weight)
    for start in STARTS:
        yield tuple(part[start : start + BATCH] for part in parts)


def endless():
    while True:
        yield from batches()


class Loader:
    """Like a torch DataLoader: lists, a length, a new iteration for every pass."""

    def __iter__(self):
        return map(list, batches())

    def __len__(self):
        return len(STARTS)


class Unsized:
    """Like a tf.data.Dataset: the length is a question that is not answered."""

    def __iter__(self):
        return batches()

    def __len__(self):
        raise TypeError("the length is unknown")


class Indexed(PyDataset):
    def __init__(self, weight=None, **options):
        super().__init__(**options)
        self.asked, self.begun, self.ended, self.weight = [], 0, 0, weight

    def __len__(self):
        return len(STARTS)

    def __getitem__(self, index):
        self.asked.append(index)
        return next(itertools.islice(batches(weight=self.weight), index, None))

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


class Plain:
    """No subclass of ours, as Keras' own PyDataset is none."""

    def __len__(self):
        return len(STARTS)

    def __getitem__(self, index):
        return next(itertools.islice(batches(), index, None))

    def on_epoch_end(self):
        pass


def in_memory(epochs=3, **options):
    model = classifier()
    history = model.fit(X, Y, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0, **options)
    return model, history.history
