"""Batches that are wrong, end early or raise: what is said, and what the model is like afterwards."""

import itertools

import numpy as np
import pytest

import densor
from densor.utils import PyDataset
from tests.models.batches import BATCH, WEIGHT, Indexed, Loader, X, Y, batches, endless, in_memory
from tests.models.build import classifier, same_weights


class Broken(Exception):
    pass


@pytest.mark.parametrize("workers", [1, 3])
def test_an_exception_of_the_data_comes_out_and_leaves_the_model_whole(workers):
    class Failing(Indexed):
        def __getitem__(self, index):
            if index == 2:
                raise Broken("batch 2")
            return super().__getitem__(index)

    ended = []
    model = classifier()
    hook = densor.callbacks.LambdaCallback(on_train_end=lambda logs: ended.append(True))
    with pytest.raises(Broken, match="batch 2"):
        model.fit(Failing(workers=workers), shuffle=False, verbose=0, callbacks=[hook])
    expected = classifier()
    expected.fit(itertools.islice(batches(), 2), verbose=0)
    assert same_weights(model, expected)
    assert model.optimizer.iterations == 2
    assert ended == [True]
    model.fit(Loader(), verbose=0)


def test_a_bad_batch_is_named_and_those_before_count():
    def spoiled():
        yield from itertools.islice(batches(), 3)
        yield X[:5, :4], Y[:5]

    model = classifier()
    pattern = r"^fit\(\): argument 'x': batch 3: expected shape \(rows, 6\), got \(5, 4\)"
    with pytest.raises(ValueError, match=pattern):
        model.fit(spoiled(), verbose=0)
    assert model.optimizer.iterations == 3


FORMS = {
    "list": (lambda: iter([[X, Y]]), TypeError, r"argument 'x': batch 0 of the generator must be a tuple .* got list"),
    "four": (lambda: iter([(X, Y, Y, Y)]), ValueError, r"batch 0 of the generator must be a tuple .* got one of 4"),
    "text": (lambda: iter(["abc"]), TypeError, r"batch 0 of the generator must be a tuple .* got str"),
    "rows": (lambda: ((x, y) for x, y in zip(X, Y, strict=True)), ValueError, r"batch 0: expected shape \(rows, 6\)"),
    "lengths": (lambda: iter([(X, Y[:9])]), ValueError, r"argument 'y': batch 0: expected 70 rows as in 'x'"),
    "labels": (lambda: iter([(X, Y + 7)]), ValueError, r"argument 'y': batch 0: value \d+ at row 0 is outside"),
    "nan": (lambda: iter([(X * np.nan, Y)]), ValueError, r"argument 'x': batch 0: 420 of 420 values are not finite"),
    "targets": (lambda: iter([(X,)]), TypeError, r"argument 'y': batch 0: targets are needed"),
    "nothing": (lambda: iter([]), ValueError, r"argument 'x': the generator gives no batches"),
    "empty": (lambda: type("Empty", (Indexed,), {"__len__": lambda self: 0})(), ValueError, r"gives no batches"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_the_first_batch_is_checked_before_anything_changes(name):
    source, error, pattern = FORMS[name]
    model, _ = in_memory(1)
    before, steps = model.get_weights(), model.optimizer.iterations
    with pytest.raises(error, match=r"^fit\(\): .*" + pattern):
        model.fit(source(), verbose=0)
    with pytest.raises(error, match=r"^evaluate\(\): .*" + pattern):
        model.evaluate(source(), verbose=0)
    with pytest.raises(error, match=pattern.replace("argument 'x': ", "").replace("argument 'y': ", "")):
        model.fit(X, Y, validation_data=source(), verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert model.optimizer.iterations == steps


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"y": Y}, r"fit\(\): argument 'y': must be None, as the batches of a generator bring their own"),
        ({"sample_weight": WEIGHT}, r"fit\(\): argument 'sample_weight': must be None"),
        ({"batch_size": 3}, r"fit\(\): argument 'batch_size': must be None"),
        (
            {"validation_split": 0.2},
            r"fit\(\): argument 'validation_split': 0.2 of the rows can only be taken",
        ),
        ({"steps_per_epoch": 0}, r"fit\(\): argument 'steps_per_epoch': .*0"),
        ({"steps_per_epoch": 2.5}, r"fit\(\): argument 'steps_per_epoch': .*2.5"),
        ({"validation_steps": -1}, r"fit\(\): argument 'validation_steps': .*-1"),
        ({"validation_data": 3}, r"fit\(\): argument 'validation_data': must be a tuple .* got int"),
    ],
)
def test_options_that_do_not_fit_batches(options, pattern):
    model = classifier()
    before = model.get_weights()
    source = endless()
    with pytest.raises((TypeError, ValueError), match="^" + pattern):
        model.fit(source, verbose=0, **options)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert (next(source)[0] == X[:BATCH]).all()  # nothing was taken


def test_arguments_of_a_data_set():
    with pytest.raises(ValueError, match=r"Indexed\(\): argument 'workers'"):
        Indexed(workers=-1)
    with pytest.raises(TypeError, match=r"Indexed\(\): argument 'use_multiprocessing'"):
        Indexed(use_multiprocessing="yes")
    with pytest.raises(NotImplementedError, match="must define __getitem__"):
        PyDataset()[0]
    with pytest.raises(NotImplementedError, match="must define __len__"):
        PyDataset().num_batches  # noqa: B018
