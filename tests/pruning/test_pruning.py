"""Pruning: what is cut, that training keeps it cut whatever the optimizer, rewinding, rounds, files."""

import numpy as np
import pytest

import densor
from densor import optimizers, pruning
from densor.callbacks import Callback

ROWS = 32


def data():
    rng = np.random.default_rng(1)
    return rng.standard_normal((ROWS, 6)).astype(np.float32), rng.standard_normal((ROWS, 3))


def network(batch_norm=False):
    hidden = densor.layers.Dense(7, activation="tanh", name="hidden")
    between = [densor.layers.BatchNormalization()] if batch_norm else []
    model = densor.Sequential([densor.Input((6,)), hidden, *between, densor.layers.Dense(3, name="top")])
    rng = np.random.default_rng(2)
    for variable in model.weights:
        if "moving" not in variable.name:
            variable.assign(rng.standard_normal(variable.shape))
    return model


def kernels(model):
    return [v for v in model.weights if v.name == "kernel"]


@pytest.mark.parametrize("amount", [0.0, 0.2, 0.5, 0.99])
def test_global_pruning_takes_the_smallest_of_all(amount):
    model = network()
    before = np.concatenate([v.numpy().ravel() for v in kernels(model)])
    report = pruning.prune(model, amount)
    cut = round(amount * before.size)
    smallest = np.sort(np.abs(before))[:cut]
    after = np.concatenate([v.numpy().ravel() for v in kernels(model)])
    np.testing.assert_array_equal(np.sort(np.abs(before[after == 0])), smallest)
    np.testing.assert_array_equal(after[after != 0], before[after != 0])
    assert report.total - report.kept == cut
    assert report.sparsity == pytest.approx(cut / before.size)
    assert all(v.mask is None for v in model.weights if v.name == "bias")


def test_pruning_by_layer_takes_the_share_of_each():
    model = network()
    before = [v.numpy() for v in kernels(model)]
    report = pruning.prune(model, 0.3, scope="layer")
    for variable, old, (path, kept, total) in zip(kernels(model), before, report.rows, strict=True):
        cut = round(0.3 * old.size)
        assert (path, kept, total) == (variable.path, old.size - cut, old.size)
        assert np.abs(old[variable.numpy() == 0]).max() <= np.abs(variable.numpy()[variable.mask]).min()


def test_the_amount_is_of_what_is_left():
    model = network()
    for kept in (32, 16, 8):
        assert pruning.prune(model, 0.5).kept == pytest.approx(kept, abs=1)
    masks = [v.mask for v in kernels(model)]
    pruning.prune(model, 0.0)
    assert [v.mask for v in kernels(model)] == masks


def test_of_equal_weights_the_first_go():
    model = densor.Sequential([densor.Input((4,)), densor.layers.Dense(2, kernel_initializer="ones")])
    pruning.prune(model, 0.5)
    assert model.layers[0].kernel.numpy().ravel().tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_only_the_chosen_layers():
    model = network()
    report = pruning.prune(model, 0.5, layers=[model.layers[1]])
    assert [row[0] for row in report.rows] == ["top/kernel"]
    assert model.layers[0].kernel.mask is None
    assert len(pruning.report(model).rows) == 2


OPTIMIZERS = [
    optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1, clipnorm=0.5),
    optimizers.Adam(0.05, amsgrad=True, global_clipnorm=0.5),
    optimizers.AdamW(0.05, gradient_accumulation_steps=2),
    optimizers.RMSprop(0.05, centered=True, momentum=0.5),
    optimizers.Nadam(0.05, use_ema=True, ema_momentum=0.5),
    optimizers.Lion(0.05),
    optimizers.Lamb(0.05, clipvalue=0.1),
    optimizers.Ftrl(0.05),
    optimizers.Adadelta(0.5),
    optimizers.RAdam(0.05, use_ema=True, ema_momentum="polyak"),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
def test_training_keeps_pruned_weights_at_zero(optimizer):
    x, y = data()
    model = network(batch_norm=True)
    model.compile(optimizers.deserialize(optimizers.serialize(optimizer)), loss="mse")
    model.fit(x, y, batch_size=8, verbose=0)  # the program exists before there is a mask
    pruning.prune(model, 0.6)
    masks = [v.mask for v in kernels(model)]
    before = [v.numpy() for v in kernels(model)]
    model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    for variable, mask, old in zip(kernels(model), masks, before, strict=True):
        assert not variable.numpy()[~mask].any()
        assert (variable.numpy()[mask] != old[mask]).any()
        assert np.isfinite(variable.numpy()).all()


def test_masked_training_is_training_of_the_smaller_net():
    """A hidden unit without weights trains like a net without the unit, state and clipping included."""
    x, y = data()
    big = network()
    mask = np.ones((6, 7), bool)
    mask[:, 4:] = False
    big.layers[0].kernel.mask = mask
    big.layers[0].bias.mask = mask[0]
    below = np.ones((7, 3), bool)
    below[4:] = False
    big.layers[1].kernel.mask = below
    small = densor.Sequential([densor.Input((6,)), densor.layers.Dense(4, "tanh"), densor.layers.Dense(3)])
    w, b, v, c = big.get_weights()
    small.set_weights([w[:, :4], b[:4], v[:4], c])
    for model in (big, small):
        model.compile(optimizers.Adam(0.02, global_clipnorm=0.3, weight_decay=0.1), loss="mse")
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    w, b, v, c = big.get_weights()
    for got, want in zip((w[:, :4], b[:4], v[:4], c), small.get_weights(), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_a_callback_may_prune_between_epochs():
    class Prune(Callback):
        def on_epoch_end(self, epoch, logs=None):
            pruning.prune(self.model, 0.5)

    x, y = data()
    model = network()
    model.compile("adam", loss="mse")
    model.fit(x, y, epochs=3, verbose=0, callbacks=[Prune()])
    report = pruning.report(model)
    assert report.kept == sum(int(np.count_nonzero(v.numpy())) for v in kernels(model))
    assert report.sparsity == pytest.approx(0.875, abs=0.02)


def test_rewind_restores_the_survivors_and_forgets_the_optimizer():
    x, y = data()
    model = network()
    start = model.get_weights()
    model.compile("adam", loss="mse")
    model.fit(x, y, epochs=2, verbose=0)
    pruning.prune(model, 0.5)
    pruning.rewind(model, start)
    for variable, old in zip(model.weights, start, strict=True):
        expected = old if variable.mask is None else np.where(variable.mask, old, 0.0)
        np.testing.assert_array_equal(variable.numpy(), expected)
    assert model.optimizer.iterations == 0
    fresh = network()
    for variable, twin in zip(fresh.weights, model.weights, strict=True):
        variable.mask = twin.mask
    fresh.compile("adam", loss="mse")
    for each in (model, fresh):
        each.fit(x, y, epochs=2, shuffle=False, verbose=0)
    for got, want in zip(model.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


def test_rewind_may_keep_the_optimizer():
    x, y = data()
    model = network()
    model.compile("adam", loss="mse")
    model.fit(x, y, batch_size=ROWS, epochs=2, verbose=0)
    pruning.rewind(model, model.get_weights(), reset_optimizer=False)
    assert model.optimizer.iterations == 2


def test_lottery_ticket():
    x, y = data()
    model = network()
    start = model.get_weights()
    model.compile("sgd", loss="mse")
    begun = []

    def train(m):
        begun.append(m.get_weights())
        return m.fit(x, y, epochs=2, verbose=0).history["loss"][-1]

    rounds = pruning.lottery_ticket(model, train, rounds=3, amount=0.5)
    assert [r.sparsity for r in rounds] == pytest.approx([0.0, 0.5, 0.75], abs=0.02)
    assert rounds[0].masks == [None, None]
    for index, each in enumerate(rounds):
        assert each.result > 0
        for old, new, variable in zip(start, begun[index], model.weights, strict=True):
            mask = dict(zip(kernels(model), each.masks, strict=True)).get(variable)
            np.testing.assert_array_equal(new, old if mask is None else np.where(mask, old, 0.0))
    for got, want in zip(model.get_weights(), rounds[-1].weights, strict=True):
        np.testing.assert_array_equal(got, want)


def test_strip_takes_the_masks_off():
    x, y = data()
    model = network()
    pruning.prune(model, 0.5)
    pruning.strip(model)
    assert all(v.mask is None for v in model.weights)
    assert pruning.report(model).sparsity == 0.0
    model.compile("sgd", loss="mse")
    model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    assert all(v.numpy().all() for v in kernels(model))


def test_masks_are_saved(tmp_path):
    x, y = data()
    model = network()
    model.compile("adam", loss="mse")
    pruning.prune(model, 0.5)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model")
    loaded = densor.models.load_model(tmp_path / "model")
    for got, want in zip(loaded.weights, model.weights, strict=True):
        assert (got.mask is None) == (want.mask is None)
        if want.mask is not None:
            np.testing.assert_array_equal(got.mask, want.mask)
    for each in (model, loaded):
        each.fit(x, y, epochs=2, verbose=0)
    for got, want in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


def test_masks_of_variables():
    variable = densor.Variable([[1.0, 2.0], [3.0, 4.0]])
    variable.mask = [[True, False], [False, True]]
    assert variable.numpy().tolist() == [[1.0, 0.0], [0.0, 4.0]]
    with pytest.raises(ValueError, match="read-only"):
        variable.mask[0, 0] = False
    with pytest.raises(TypeError, match=r"^mask\(\): argument 'value': must be an array of bool"):
        variable.mask = [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match=r"^mask\(\): argument 'value': expected shape \(2, 2\)"):
        variable.mask = [True, False]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda m: pruning.prune(m, 1.0),
            ValueError,
            r"prune\(\): argument 'amount': must be in \[0, 1\), got 1.0",
        ),
        (lambda m: pruning.prune(m, -0.1), ValueError, "'amount'"),
        (lambda m: pruning.prune(m, "half"), TypeError, "'amount'"),
        (lambda m: pruning.prune(m, 0.5, scope="globl"), ValueError, "did you mean 'global'"),
        (lambda m: pruning.prune(m, 0.5, layers=m.layers[0]), TypeError, "'layers': must be a list"),
        (lambda m: pruning.prune(m, 0.5, layers=[3]), TypeError, "'layers': must hold layers"),
        (lambda m: pruning.prune(m, 0.5, layers=[]), ValueError, "'layers': there is no kernel"),
        (
            lambda m: pruning.prune(m, 0.5, layers=network().layers),
            ValueError,
            "does not belong to the model",
        ),
        (lambda m: pruning.prune(3, 0.5), TypeError, r"prune\(\): argument 'model': must be a model, got 3"),
        (lambda m: pruning.prune(densor.Sequential(), 0.5), RuntimeError, "is not built"),
        (lambda m: pruning.rewind(m, [np.ones(3)]), ValueError, "'weights'"),
        (lambda m: pruning.rewind(m, m.get_weights(), reset_optimizer=2), TypeError, "'reset_optimizer'"),
        (lambda m: pruning.lottery_ticket(m, "train"), TypeError, "'train': must be a function"),
        (lambda m: pruning.lottery_ticket(m, print, rounds=0), ValueError, "'rounds': must be at least 1"),
        (lambda m: pruning.lottery_ticket(m, print, amount=2), ValueError, "'amount'"),
        (lambda m: pruning.strip(None), TypeError, "'model'"),
    ],
)
def test_wrong_calls(call, error, text):
    model = network()
    before = model.get_weights()
    with pytest.raises(error, match=text):
        call(model)
    for got, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)
    assert all(v.mask is None for v in model.weights)
