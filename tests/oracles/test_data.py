"""Where data come from and how rows are weighed, beside Keras from the same weights."""

import itertools

import numpy as np
import pytest

import densor

ROWS, BATCH = 75, 16
RNG = np.random.default_rng(12)
X = RNG.standard_normal((ROWS, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)
WEIGHT = np.linspace(0.2, 2, ROWS).astype(np.float32)
CLASSES = {0: 0.5, 2: 3.0}


def build(library):
    layers = library.layers
    model = library.Sequential(
        [library.Input((6,)), layers.Dense(9, activation="tanh"), layers.Dense(3, activation="softmax")]
    )
    model.compile(
        library.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )  # fmt: skip
    return model


def pair(keras):
    theirs, ours = build(keras), build(densor)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def agree(theirs, ours, expected, actual):
    assert list(actual) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(actual[name], values, rtol=2e-5, atol=1e-6, err_msg=name)
    for mine, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, want, atol=1e-5)


CASES = {
    "class_weight": {"class_weight": CLASSES},
    "class_weight_split": {"class_weight": CLASSES, "validation_split": 0.23},
    "sample_weight_split": {"sample_weight": WEIGHT, "validation_split": 0.31},
    "weighted_validation": {"sample_weight": WEIGHT, "validation_data": (X[:20], Y[:20], WEIGHT[:20])},
    "classes_and_validation": {"class_weight": CLASSES, "validation_data": (X[:20], Y[:20])},
    "some_steps": {"steps_per_epoch": 1},
    "validation_steps": {"validation_data": (X, Y), "validation_steps": 2, "validation_batch_size": 10},
}


@pytest.mark.parametrize("case", CASES)
def test_arrays(keras, case):
    theirs, ours = pair(keras)
    options = {"batch_size": BATCH, "epochs": 4, "shuffle": False, "verbose": 0, **CASES[case]}
    agree(theirs, ours, theirs.fit(X, Y, **options).history, ours.fit(X, Y, **options).history)


def test_steps_choose_the_batch_size(keras):
    theirs, ours = pair(keras)
    options = {"steps_per_epoch": 4, "epochs": 3, "shuffle": False, "verbose": 0}
    agree(theirs, ours, theirs.fit(X, Y, **options).history, ours.fit(X, Y, **options).history)


def batches(weighted):
    parts = (X, Y, WEIGHT) if weighted else (X, Y)
    for start in range(0, ROWS, BATCH):
        yield tuple(part[start : start + BATCH] for part in parts)


def endless(weighted):
    while True:
        yield from batches(weighted)


def dataset(library, weighted=False, **options):
    class Batches(library.utils.PyDataset):
        def __len__(self):
            return -(-ROWS // BATCH)

        def __getitem__(self, index):
            return next(itertools.islice(batches(weighted), index, None))

    return Batches(**options)


def loader():
    torch = pytest.importorskip("torch")
    rows = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return torch.utils.data.DataLoader(rows, batch_size=BATCH)


SOURCES = {
    "generator": (lambda library: endless(False), {"steps_per_epoch": 5}),
    "generator_across_passes": (lambda library: endless(True), {"steps_per_epoch": 3}),
    "pydataset": (lambda library: dataset(library), {}),
    "weighted_pydataset": (lambda library: dataset(library, weighted=True), {}),
    "workers": (lambda library: dataset(library, workers=2 if library is densor else 1), {}),
    "class_weight": (lambda library: dataset(library), {"class_weight": CLASSES}),
    "loader": (lambda library: loader(), {}),
    "validation": (lambda library: dataset(library), {"validation_data": "loader"}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_batches(keras, name):
    make, options = SOURCES[name]
    theirs, ours = pair(keras)
    found = []
    for library, model in ((keras, theirs), (densor, ours)):
        more = {**options, "validation_data": loader()} if "validation_data" in options else options
        history = model.fit(make(library), epochs=4, shuffle=False, verbose=0, **more)
        steps = more.get("steps_per_epoch")
        found.append(
            (history.history, model.evaluate(make(library), steps=steps, verbose=0, return_dict=True))
        )
    (expected, their_results), (actual, our_results) = found
    agree(theirs, ours, expected, actual)
    assert our_results == pytest.approx(their_results, rel=2e-5)
    np.testing.assert_allclose(
        ours.predict(dataset(densor)), theirs.predict(dataset(keras), verbose=0), atol=1e-5
    )


def test_a_data_set_of_keras_is_one_of_ours(keras):
    theirs, ours = pair(keras)
    data = dataset(keras, weighted=True)
    options = {"epochs": 3, "shuffle": False, "verbose": 0}
    agree(theirs, ours, theirs.fit(data, **options).history, ours.fit(data, **options).history)


def test_single_batches(keras):
    theirs, ours = pair(keras)
    for number, (x, y, weight) in enumerate(batches(weighted=True)):
        for options in ({}, {"sample_weight": weight}, {"class_weight": CLASSES}):
            expected = theirs.train_on_batch(x, y, **options, return_dict=True)
            actual = ours.train_on_batch(x, y, **options, return_dict=True)
            assert actual == pytest.approx(expected, rel=2e-5), (number, options)
        expected, actual = (m.test_on_batch(x, y, weight, return_dict=True) for m in (theirs, ours))
        assert actual == pytest.approx(expected, rel=2e-5)
        np.testing.assert_allclose(ours.predict_on_batch(x), theirs.predict_on_batch(x), atol=1e-5)
    agree(theirs, ours, {}, {})


OPTIMIZERS = {
    "SGD": {"momentum": 0.9, "nesterov": True},
    "Adam": {"clipnorm": 0.5},
    "AdamW": {"global_clipnorm": 0.5, "weight_decay": 0.1},
    "RMSprop": {"clipvalue": 0.1, "centered": True},
    "Nadam": {},
    "Adamax": {"weight_decay": 0.01},
    "Adagrad": {},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_of_the_caller(keras, name):
    """The same gradients through `apply` and `apply_gradients`."""
    shapes = [(4, 3), (3,), (3, 2)]
    rng = np.random.default_rng(4)
    start = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    steps = [[rng.standard_normal(shape).astype(np.float32) for shape in shapes] for _ in range(20)]
    ends = []
    for library in (keras, densor):
        variables = [library.Variable(value, name=f"v{number}") for number, value in enumerate(start)]
        optimizer = getattr(library.optimizers, name)(0.02, **OPTIMIZERS[name])
        convert = keras.ops.convert_to_tensor if library is keras else np.asarray
        for number, gradients in enumerate(steps):
            gradients = list(map(convert, gradients))
            if number % 2:
                optimizer.apply(gradients, variables)
            else:
                optimizer.apply_gradients(zip(gradients, variables, strict=True))
        ends.append([keras.ops.convert_to_numpy(v) if library is keras else v.numpy() for v in variables])
    for want, mine in zip(*ends, strict=True):
        np.testing.assert_allclose(mine, want, rtol=1e-5, atol=1e-6)
