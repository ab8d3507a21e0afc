"""Several inputs and outputs batch by batch: generators, single batches, gradients."""

import numpy as np
import pytest

from tests.models.build import same_weights
from tests.models.test_several import DEEP, KIND, PRICE, ROWS, WIDE, compiled

BATCH = 20
WEIGHT = np.linspace(0, 2, ROWS, dtype=np.float32)


def taken(structure, rows):
    if isinstance(structure, dict):
        return {name: array[rows] for name, array in structure.items()}
    return [array[rows] for array in structure]


def batches(*parts):
    for start in range(0, ROWS, BATCH):
        yield tuple(taken(part, slice(start, start + BATCH)) for part in parts)


FORMS = {
    "list": ([WIDE, DEEP], [PRICE, KIND], [WEIGHT, WEIGHT[::-1].copy()]),
    "dict": (
        {"deep": DEEP, "wide": WIDE},
        {"price": PRICE, "kind": KIND},
        {"price": WEIGHT, "kind": WEIGHT[::-1].copy()},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_generators(form):
    parts = FORMS[form]
    model, expected = compiled(form, "adam"), compiled(form, "adam")
    history = model.fit(batches(*parts), verbose=0)
    reference = expected.fit(*parts[:2], sample_weight=parts[2], batch_size=BATCH, shuffle=False, verbose=0)
    assert same_weights(model, expected)
    assert history.history == reference.history
    assert model.evaluate(batches(*parts[:2]), verbose=0) == pytest.approx(
        expected.evaluate(*parts[:2], verbose=0), rel=1e-6
    )
    found, wanted = model.predict(batches(parts[0])), expected.predict(parts[0])
    assert type(found) is type(wanted)
    for name in wanted if form == "dict" else range(2):
        np.testing.assert_array_equal(found[name], wanted[name])


@pytest.mark.parametrize("form", FORMS)
def test_single_batches(form):
    x, y, weight = FORMS[form]
    model, expected = compiled(form), compiled(form)
    results = model.train_on_batch(x, y, weight, return_dict=True)
    history = expected.fit(x, y, sample_weight=weight, batch_size=ROWS, shuffle=False, verbose=0).history
    assert results == {name: values[0] for name, values in history.items()}
    assert same_weights(model, expected)
    assert model.test_on_batch(x, y, weight) == expected.evaluate(x, y, sample_weight=weight, verbose=0)
    found, wanted = model.predict_on_batch(x), expected.predict(x)
    for name in wanted if form == "dict" else range(2):
        np.testing.assert_array_equal(found[name], wanted[name])


@pytest.mark.parametrize("form", FORMS)
def test_gradients(form):
    parts = FORMS[form]
    model, expected = (compiled(form, "adam", loss_weights={"price": 0.5}) for _ in range(2))
    for x, y, weight in batches(*parts):
        model.optimizer.apply(model.compute_gradients(x, y, weight))
        expected.train_on_batch(x, y, weight)
    assert same_weights(model, expected)


def test_gradients_add_up_over_the_outputs():
    x, y, _ = FORMS["list"]
    whole = compiled(loss_weights=[0.5, 2.0]).compute_gradients(x, y)
    first = compiled(loss=["mse", None], metrics=None).compute_gradients(x, [PRICE, None])
    second = compiled(loss=[None, "sparse_categorical_crossentropy"], metrics=None).compute_gradients(
        x, [None, KIND]
    )
    for both, one, other in zip(whole, first, second, strict=True):
        np.testing.assert_allclose(both, 0.5 * one + 2 * other, rtol=1e-5, atol=1e-6)


def test_a_data_set_with_a_wrong_form_of_several_targets():
    with pytest.raises(
        ValueError, match=r"fit\(\): argument 'y': batch 0: there is no output 'prize'; did you mean"
    ):
        compiled().fit(batches([WIDE, DEEP], {"prize": PRICE, "kind": KIND}), verbose=0)
    with pytest.raises(ValueError, match=r"fit\(\): argument 'x': batch 0: expected 2 inputs"):
        compiled().fit(batches([WIDE], [PRICE, KIND]), verbose=0)
