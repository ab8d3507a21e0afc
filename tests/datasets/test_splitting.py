"""Splits of rows: every row once, classes in proportion, the same split for the same seed; cross-validation."""

import numpy as np
import pytest

import densor
from densor.datasets import batches, cross_validate, k_fold, random_split

ROWS = 103
X = np.arange(ROWS, dtype=np.float32)[:, None]
Y = np.repeat([0, 1, 2, 3], [60, 30, 10, 3])


def numbers(part):
    return part[0][:, 0].astype(int).tolist()


@pytest.mark.parametrize("stratify", [None, Y, Y[:, None], np.eye(4)[Y], np.array(list("abcd"))[Y]])
@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.6, 0.2, 0.2), (0.5, 0.3, 0.1), (50, 30, 23), [1.0]])
def test_every_row_is_in_one_part(shares, stratify):
    parts = random_split(X, Y, shares=shares, stratify=stratify, seed=3)
    sizes = [share if isinstance(share, int) else share * ROWS for share in shares]
    for part, size in zip(parts, sizes, strict=True):
        assert abs(len(part[0]) - size) < 1
        assert (Y[numbers(part)] == part[1]).all()
    together = [number for part in parts for number in numbers(part)]
    assert len(set(together)) == len(together)
    if sum(sizes) == ROWS:
        assert sorted(together) == list(range(ROWS))


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.6, 0.2, 0.2), (0.34, 0.33, 0.33)])
def test_stratified_parts_have_the_classes_in_proportion(shares):
    for seed in range(20):
        for part, share in zip(random_split(X, Y, shares=shares, stratify=Y, seed=seed), shares, strict=True):
            counts = np.bincount(part[1], minlength=4)
            assert (np.abs(counts - share * np.bincount(Y)) <= 1.5).all()


def test_the_rows_are_in_random_order():
    (train, _), _ = random_split(X, Y, stratify=Y, seed=1)
    assert (np.diff(train[:, 0]) < 0).sum() > 20
    again = random_split(X, Y, stratify=Y, seed=1)[0][0]
    np.testing.assert_array_equal(train, again)
    assert (random_split(X, seed=2)[0][0] != random_split(X, seed=3)[0][0]).any()
    densor.utils.set_random_seed(5)
    first = random_split(X)[0][0]
    assert (first != random_split(X)[0][0]).any()
    densor.utils.set_random_seed(5)
    np.testing.assert_array_equal(first, random_split(X)[0][0])


def test_frames_lists_and_dicts_are_split_in_their_form():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0]}, index=range(ROWS, 0, -1))
    (found, named, listed, plain), _ = random_split(frame, {"x": X, "y": Y}, [X, Y], Y.tolist(), seed=1)
    assert isinstance(found, pandas.DataFrame)
    rows = found["a"].to_numpy()
    np.testing.assert_array_equal(named["x"][:, 0], rows)
    np.testing.assert_array_equal(listed[0][:, 0], rows)
    np.testing.assert_array_equal(plain, Y[rows.astype(int)])


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("folds", [2, 5, 10, ROWS])
def test_every_row_is_tested_once(folds, shuffle):
    tested = []
    for train, test in k_fold(X, folds, shuffle=shuffle):
        assert sorted([*train, *test]) == list(range(ROWS))
        assert len(test) in (ROWS // folds, ROWS // folds + 1)
        assert (np.diff(test) > 0).all()
        tested += test.tolist()
    assert sorted(tested) == list(range(ROWS))


@pytest.mark.parametrize("folds", [2, 3, 10])
def test_stratified_folds_differ_by_one_row_of_each_class(folds):
    counts = np.array([np.bincount(Y[test], minlength=4) for _, test in k_fold(X, folds, stratify=Y, seed=4)])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()
    sizes = counts.sum(axis=1)
    assert sizes.max() - sizes.min() <= 1


def test_folds_of_one_seed_are_the_same():
    def tests(seed):
        return [test.tolist() for _, test in k_fold(20, 4, seed=seed)]

    assert tests(1) == tests(1)
    assert tests(1) != tests(2)


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_hold_every_row_once(shuffle):
    found = list(batches(X, {"y": Y}, batch_size=20, shuffle=shuffle, seed=3))
    assert [len(x) for x, _ in found] == [20] * 5 + [3]
    rows = np.concatenate([x[:, 0] for x, _ in found]).astype(int)
    assert sorted(rows) == list(range(ROWS))
    assert (np.diff(rows) == 1).all() != shuffle
    np.testing.assert_array_equal(np.concatenate([part["y"] for _, part in found]), Y[rows])


CALLS = []


def build():
    CALLS.append(True)
    model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(3, activation="softmax")])
    model.compile(densor.optimizers.Adam(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def blobs(rows, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, rows)
    return (np.array([[0, 2], [2, -1], [-2, -1]])[y] + rng.standard_normal((rows, 2))).astype(np.float32), y


def test_cross_validation():
    x, y = blobs(90, 1)
    CALLS.clear()
    found = cross_validate(build, x, y, folds=3, repeats=2, stratify=y, epochs=8, seed=1)
    assert len(CALLS) == 6
    accuracy = found.scores["accuracy"]
    assert accuracy.shape == (6,)
    assert found.mean["accuracy"] == pytest.approx(accuracy.mean())
    assert found.deviation["accuracy"] == pytest.approx(
        np.sqrt(((accuracy - accuracy.mean()) ** 2).sum() / 5)
    )
    assert found.mean["accuracy"] > 0.8
    assert str(found).startswith("accuracy: 0.")
    assert " ± " in str(found)


def test_measured_on_test_data_with_the_fold_to_validate():
    x, y = blobs(60, 1)
    test = blobs(500, 2)
    models = []

    def remembering():
        models.append(build())
        return models[-1]

    found = cross_validate(
        remembering,
        x,
        y,
        folds=3,
        test_data=test,
        sample_weight=np.linspace(1, 2, 60),
        epochs=3,
        batch_size=20,
    )
    assert [model.evaluate(*test, verbose=0)[1] for model in models] == found.scores["accuracy"].tolist()
    assert all("val_loss" in model.history.history for model in models)


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        (lambda: random_split(), r"random_split\(\): argument 'data': there are no arrays"),
        (
            lambda: random_split(X, Y[:9]),
            r"argument 'data': must have the same number of rows, got \[103, 9\]",
        ),
        (lambda: random_split(3), r"argument 'data': must be arrays, got int"),
        (lambda: random_split(X[:0]), r"argument 'data': there are no rows"),
        (
            lambda: random_split(X, shares=(0.8, 0.3)),
            r"argument 'shares': \[0.8, 0.3\] is more than all of 103",
        ),
        (lambda: random_split(X, shares=(0.8, -0.1)), r"argument 'shares': must be greater than 0, got -0.1"),
        (lambda: random_split(X, shares=(0.8, float("nan"))), r"argument 'shares': .*nan"),
        (lambda: random_split(X, shares=("a",)), r"argument 'shares': must be numbers, got 'a'"),
        (lambda: random_split(X, shares=0.2), r"argument 'shares': must be a list of numbers, got 0.2"),
        (
            lambda: random_split(X, shares=(0.999, 0.001)),
            r"argument 'shares': part 1 of 103 rows is empty: 0.001",
        ),
        (
            lambda: random_split(X, stratify=Y[:9]),
            r"argument 'stratify': expected a class for each of 103 rows",
        ),
        (lambda: random_split(X, stratify=X[:, 0] + 0.5), r"argument 'stratify': must be classes"),
        (lambda: random_split(X, seed="a"), r"argument 'seed'"),
        (lambda: batches(X, Y[:3]), r"batches\(\): argument 'data': must have the same number of rows"),
        (lambda: batches(X, batch_size=0), r"batches\(\): argument 'batch_size'"),
        (lambda: k_fold(X, 1), r"k_fold\(\): argument 'folds': .*1"),
        (lambda: k_fold(X, ROWS + 1), r"k_fold\(\): argument 'folds': .*104"),
        (lambda: k_fold(X, 5, shuffle=False, seed=1), r"k_fold\(\): argument 'seed': is of no use"),
        (lambda: k_fold(1), r"k_fold\(\): argument 'data'"),
        (lambda: cross_validate(3, X, Y), r"cross_validate\(\): argument 'build': must be a function"),
        (lambda: cross_validate(build, X, Y[:3]), r"cross_validate\(\): argument 'data'"),
        (lambda: cross_validate(build, X, Y, repeats=0), r"cross_validate\(\): argument 'repeats'"),
        (lambda: cross_validate(build, X, Y, test_data=X), r"cross_validate\(\): argument 'test_data'"),
        (
            lambda: cross_validate(build, X, Y, validation_split=0.1),
            r"argument 'validation_split': the folds",
        ),
    ],
)
def test_wrong_arguments(call, pattern):
    with pytest.raises((TypeError, ValueError), match=pattern):
        call()
