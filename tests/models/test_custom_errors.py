"""Wrong gradients and wrong batches in training written by the user."""

import pytest

import densor
from tests.models.batches import X, Y
from tests.models.build import classifier

VARIABLE = densor.Variable([1.0, 2.0], "w")


@pytest.mark.parametrize(
    ("call", "error", "pattern"),
    [
        (lambda o: o.apply([[1.0]]), ValueError, r"SGD.apply\(\): argument 'trainable_variables': is needed"),
        (lambda o: o.apply([[1.0]], [VARIABLE]), ValueError, r"SGD.apply\(\): argument 'grads': expected shape \(2,\)"),
        (lambda o: o.apply([], [VARIABLE]), ValueError, r"SGD.apply\(\): argument 'grads': expected one for each of 1"),
        (lambda o: o.apply([None], [VARIABLE]), ValueError, r"SGD.apply\(\): argument 'grads': there are no gradients"),
        (lambda o: o.apply(3, [VARIABLE]), TypeError, r"SGD.apply\(\): argument 'grads': must be a list of arrays"),
        (lambda o: o.apply([["a", "b"]], [VARIABLE]), TypeError, r"SGD.apply\(\): argument 'grads': expected real"),
        (lambda o: o.apply([[1.0, 2.0]], [3]), TypeError, r"entry 0 must be a variable, got int"),
        (lambda o: o.apply([[1.0, 2.0]] * 2, [VARIABLE] * 2), ValueError, r"w is given twice"),
        (lambda o: o.apply_gradients([3]), TypeError, r"'grads_and_vars': entry 0 must be a pair"),
    ],
)  # fmt: skip
def test_wrong_gradients_say_what_is_wrong_and_change_nothing(call, error, pattern):
    optimizer = densor.optimizers.SGD(0.1)
    before = VARIABLE.numpy()
    with pytest.raises(error, match=pattern):
        call(optimizer)
    assert optimizer.iterations == 0
    assert not optimizer.built
    assert (VARIABLE.numpy() == before).all()


def test_variables_that_the_optimizer_does_not_know():
    optimizer = densor.optimizers.SGD(0.1)
    optimizer.build([densor.Variable([1.0], "known")])
    with pytest.raises(ValueError, match="w is not one that this optimizer has state for"):
        optimizer.apply([[1.0, 1.0]], [VARIABLE])
    with pytest.raises(
        ValueError, match=r"SGD.build\(\): argument 'variables': .* belongs to other variables"
    ):
        optimizer.build([VARIABLE])


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        (lambda m: m.compute_gradients(X[:, :3], Y), r"compute_gradients\(\): argument 'x': expected shape"),
        (lambda m: m.compute_gradients(X), r"compute_gradients\(\): argument 'y': targets are needed"),
        (lambda m: m.compute_gradients(X, Y + 9), r"compute_gradients\(\): argument 'y': value \d+ at row 0"),
        (
            lambda m: m.compute_gradients(X, Y, sample_weight=[1.0]),
            r"compute_gradients\(\): argument 'sample_weight'",
        ),
        (
            lambda m: m.compute_gradients(X, Y, return_results=1),
            r"compute_gradients\(\): argument 'return_results'",
        ),
    ],
)
def test_wrong_batches_for_gradients(call, pattern):
    model = classifier()
    model.train_on_batch(X, Y)
    before, clock = model.get_weights(), vars(model._clock).copy()
    with pytest.raises((TypeError, ValueError), match="^" + pattern):
        call(model)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert vars(model._clock) == clock


def test_gradients_need_a_loss():
    model = classifier()
    model.compile("sgd")
    with pytest.raises(RuntimeError, match=r"compute_gradients\(\): the model has no loss"):
        model.compute_gradients(X, Y)
