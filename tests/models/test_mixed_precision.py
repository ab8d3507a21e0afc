"""mixed_bfloat16: activations in 2 bytes, weights in float32, on every CPU target and on the device under test."""

import copy
import os

import numpy as np
import pytest

import densor
from densor import DTypePolicy, _core, config, layers
from tests.reference import mixed_precision as reference
from tests.reference.cast import forward as rounded

ROWS, FEATURES, CLASSES = 61, 19, 5
ON_DEVICE = os.environ.get("DENSOR_TEST_DEVICE", "cpu") != "cpu"
TARGETS = ["default"] if ON_DEVICE else [*_core.cpu_targets(), "amx_model"]


@pytest.fixture(autouse=True)
def emulated():
    """bfloat16 wherever the test runs; afterwards everything is as it was."""
    before = _core.num_threads(), _core.cpu_target(), config.dtype_policy()
    config.set_bfloat16_emulation(True)
    densor.utils.set_random_seed(3)
    yield
    config.set_dtype_policy(before[2])
    config.set_bfloat16_emulation(None)
    _core.set_num_threads(before[0])
    _core.set_cpu_target(before[1])


@pytest.fixture(params=TARGETS)
def target(request):
    if request.param != "default":
        _core.set_cpu_target(request.param)
    return request.param


def data(rows=ROWS, features=FEATURES):
    rng = np.random.default_rng(rows)
    return rng.normal(size=(rows, features)).astype(np.float32), rng.integers(0, CLASSES, rows)


def network(width=37, last="float32", normalized=True):
    config.set_dtype_policy("mixed_bfloat16")
    hidden = [layers.Dense(width, activation="relu"), layers.Dense(width, use_bias=not normalized)]
    hidden += [layers.BatchNormalization()] * normalized + [layers.Activation("relu")]
    model = densor.Sequential([densor.Input((FEATURES,)), *hidden, layers.Dense(CLASSES, dtype=last)])
    config.set_dtype_policy("float32")
    return model


def compiled(model, optimizer="adam"):
    loss = densor.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def written_out(model):
    """The model's layers as the reference takes them."""
    dense, second, normalization, last = (layer for layer in model.layers if layer.weights)
    zeros = np.zeros(second.kernel.shape[1])
    return [
        ("dense", dense.kernel.numpy(), dense.bias.numpy(), "relu"),
        ("dense", second.kernel.numpy(), zeros, "linear"),
        ("batch_norm", normalization.gamma.numpy(), normalization.beta.numpy(), "relu"),
        ("dense", last.kernel.numpy(), last.bias.numpy(), "linear"),
    ]


@pytest.mark.parametrize("last", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("rows", [1, 2, 33, ROWS])
def test_steps_are_those_of_a_model_with_rounding_at_every_store(target, rows, last):
    x, y = data(rows)
    model = compiled(network(last=last), densor.optimizers.SGD(0.5))
    dtype = "float32" if last == "float32" else "bfloat16"
    for _ in range(3):
        before = written_out(model)
        loss, gradients = reference.backward(before, reference.forward(before, x, dtype), y, dtype)
        found = model.train_on_batch(x, y)[0]
        np.testing.assert_allclose(found, loss, rtol=2e-3)
        for (_, *old, _), (_, *new, _), expected in zip(before, written_out(model), gradients, strict=True):
            for a, b, gradient in zip(old, new, expected, strict=True):
                if not np.any(a) and not np.any(b):
                    continue  # the bias that is not there
                # A sum near the middle of two bfloat16 numbers may be rounded to the other one.
                error = np.linalg.norm((a - b) / 0.5 - gradient)
                assert error <= 8e-3 * np.linalg.norm(gradient) + 1e-6


@pytest.mark.parametrize("rows", [1, 7, 200])
def test_predictions_have_eight_bits_and_are_those_of_the_reference(target, rows):
    x, _ = data(rows)
    model = network(last="mixed_bfloat16", normalized=False)
    first, second, last = (layer for layer in model.layers if layer.weights)
    steps = [
        ("dense", first.kernel.numpy(), first.bias.numpy(), "relu"),
        ("dense", second.kernel.numpy(), second.bias.numpy(), "relu"),
        ("dense", last.kernel.numpy(), last.bias.numpy(), "linear"),
    ]
    expected = reference.forward(steps, x)[-1]
    for found in (model.predict(x, verbose=0), model(x), model.predict_fn(rows)(x).copy()):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(rounded(found), found)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2**-8 * np.abs(expected).max())


def test_bits_do_not_depend_on_threads_nor_on_the_target():
    x, y = data(203)
    results = {}
    for name in TARGETS:
        if name != "default":
            _core.set_cpu_target(name)
        for threads in (1, 2, 3, 5):
            _core.set_num_threads(threads)
            densor.utils.set_random_seed(5)
            model = compiled(network(width=130))
            model.fit(x, y, batch_size=32, epochs=2, verbose=0)
            weights = b"".join(weight.tobytes() for weight in model.get_weights())
            results.setdefault(name, set()).add(weights + model.predict(x, verbose=0).tobytes())
    assert all(len(bits) == 1 for bits in results.values())
    fused = [name for name in results if name in ("avx2", "avx512", "neon")]
    assert len(set().union(*(results[name] for name in fused))) <= 1


@pytest.mark.parametrize("batch", [1, 7, 16])
def test_a_row_does_not_depend_on_its_batch(target, batch):
    x, _ = data()
    model = network(normalized=False)
    whole = model.predict(x, batch_size=len(x), verbose=0)
    np.testing.assert_array_equal(model.predict(x, batch_size=batch, verbose=0), whole)


def test_layers_tell_their_dtypes():
    layer = layers.Dense(3, dtype="mixed_bfloat16")
    assert (layer.compute_dtype, layer.variable_dtype, layer.dtype) == ("bfloat16", "float32", "float32")
    assert layer.dtype_policy == DTypePolicy("mixed_bfloat16") != DTypePolicy("float32")
    assert layers.Dense(3).compute_dtype == "float32"
    assert layers.InputLayer((3,), dtype="uint8").dtype == "uint8"
    layer.dtype_policy = "float32"
    assert layer.compute_dtype == "float32"
    layer.build((None, 4))
    layer.built = True
    with pytest.raises(RuntimeError, match=r"^dtype_policy: layer 'dense.*' is built"):
        layer.dtype_policy = "mixed_bfloat16"


def test_the_global_policy_is_that_of_layers_without_one():
    densor.mixed_precision.set_global_policy("mixed_bfloat16")
    assert densor.mixed_precision.global_policy() == densor.mixed_precision.Policy("mixed_bfloat16")
    assert repr(config.dtype_policy()) == '<DTypePolicy "mixed_bfloat16">'
    assert layers.Dense(3).compute_dtype == "bfloat16"
    assert layers.Dense(3, dtype=DTypePolicy("float32")).compute_dtype == "float32"
    inputs = densor.Input((FEATURES,))
    hidden = layers.Dense(8)(inputs)
    assert (inputs.dtype, hidden.dtype) == ("float32", "bfloat16")
    assert layers.Dense(8, dtype="float32")(hidden).dtype == "float32"


def test_configurations():
    layer = layers.Dense(3, name="a", dtype="mixed_bfloat16")
    settings = layer.get_config()
    assert settings["dtype"] == {"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}
    assert layers.Dense.from_config(settings).get_config() == settings
    theirs = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "mixed_bfloat16"},
        "registered_name": None,
    }
    assert layers.Dense.from_config({**settings, "dtype": theirs}).compute_dtype == "bfloat16"
    assert layers.Dense(3).get_config()["dtype"] == "float32"
    policy = densor.dtype_policies.deserialize(densor.dtype_policies.serialize(DTypePolicy("mixed_bfloat16")))
    assert policy == DTypePolicy("mixed_bfloat16")
    assert len({policy, DTypePolicy("mixed_bfloat16")}) == 1


@pytest.mark.parametrize("suffix", [".safetensors", ".keras"])
def test_files_keep_the_policy(tmp_path, suffix):
    x, y = data()
    model = compiled(network())
    model.fit(x, y, verbose=0)
    if suffix == ".keras":
        pytest.importorskip("h5py")
    model.save(tmp_path / f"model{suffix}")
    for again in (densor.models.load_model(tmp_path / f"model{suffix}"), copy.deepcopy(model)):
        assert [layer.compute_dtype for layer in again.layers] == [
            layer.compute_dtype for layer in model.layers
        ]
        np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
        assert again.train_on_batch(x, y) == copy.deepcopy(model).train_on_batch(x, y)
    clone = densor.models.clone_model(model)
    assert [layer.compute_dtype for layer in clone.layers] == [layer.compute_dtype for layer in model.layers]


@pytest.mark.parametrize("suffix", [".safetensors", ".keras"])
def test_the_policy_of_a_file_outweighs_the_global_one(tmp_path, suffix):
    if suffix == ".keras":
        pytest.importorskip("h5py")
    densor.Sequential([densor.Input((3,)), layers.Dense(2), layers.Dropout(0.5)]).save(
        tmp_path / f"m{suffix}"
    )
    config.set_dtype_policy("mixed_bfloat16")
    loaded = densor.models.load_model(tmp_path / f"m{suffix}")
    assert [layer.compute_dtype for layer in loaded.layers] == ["float32", "float32"]


def test_every_way_to_train_and_look(target):
    x, y = data(120)
    model = compiled(network())
    stopping = densor.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    history = model.fit(x, y, validation_split=0.2, epochs=4, callbacks=[stopping], verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    assert history["loss"][-1] < history["loss"][0]
    loss, accuracy = model.evaluate(x, y, verbose=0)
    logits = model.predict(x, verbose=0)
    expected = -np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))[
        np.arange(len(y)), y
    ].mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)  # in float32, of what the model puts out
    assert accuracy == np.float32((logits.argmax(axis=1) == y).mean())


def test_all_kinds_of_layers_take_part(target):
    """Branches, noise, normalizations, activations with weights, a penalty and a layer of one's own."""

    class Doubled(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

        def call(self, inputs):
            self.add_loss(1e-3 * densor.ops.mean(densor.ops.square(inputs)))
            return densor.ops.multiply(inputs, self.scale) + inputs

    config.set_dtype_policy("mixed_bfloat16")
    inputs = densor.Input((FEATURES,))
    x = layers.Rescaling(0.5)(inputs)
    x = layers.Dense(16, activation="selu", kernel_regularizer="l1")(x)
    x = layers.LayerNormalization()(layers.GaussianNoise(0.1)(x))
    a = layers.Dropout(0.2)(layers.PReLU()(x))
    b = layers.AlphaDropout(0.1)(layers.Dense(16, activation="gelu", activity_regularizer="l2")(x))
    x = layers.Concatenate()([layers.Add()([a, b]), layers.Flatten()(layers.Reshape((4, 4))(a))])
    x = Doubled()(layers.Multiply()([x, x]))
    outputs = layers.Dense(CLASSES, activation="softmax")(x)
    assert outputs.dtype == "bfloat16"
    model = densor.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = data(97)
    losses = model.fit(x, y, epochs=5, batch_size=16, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(model.predict(x, verbose=0).sum(axis=1), 1.0, atol=0.02)


def test_activations_take_half_the_memory():
    """The arena of a deep net: what backward reads again is stored in 2 bytes."""
    from densor.graph import Arena, Feeds, Head, lower_graph, trace

    def bytes_of(policy):
        config.set_dtype_policy(policy)
        model = densor.Sequential(
            [densor.Input((64,)), *(layers.Dense(64, activation="relu") for _ in range(80))]
        )
        graph = trace(model, model.inputs, training=True)
        arena = Arena(model.trainable_variables)
        heads = [Head(densor.losses.MeanSquaredError(), target_columns=64)]
        lowering = lower_graph(graph, 256, feeds=Feeds(), totals=np.zeros((2, 2)), heads=heads, arena=arena)
        return lowering.place(), lowering

    whole, _ = bytes_of("float32")
    half, lowering = bytes_of("mixed_bfloat16")
    assert half <= 0.56 * whole  # 81 activations, and a few float32 copies for the step at hand
    stored = [view for item in lowering.instructions for view in item.views() if view.dtype.names]
    kernels = set() if _core.cpu_reads_halves() else {2 * 64 * 64}  # which products round themselves there
    assert {view.buffer.nbytes for view in stored} == {2 * 256 * 64} | kernels


def test_what_is_too_large_becomes_infinity_and_nan_stays(target):
    model = densor.Sequential([densor.Input((2,)), layers.Dense(2, use_bias=False, dtype="mixed_bfloat16")])
    model.set_weights([np.eye(2, dtype=np.float32)])
    x = np.float32([[3.4e38, 0.0], [-3.4e38, 0.0], [np.nan, 1.0], [1e-30, 2.0], [0.0, 1.00390625]])
    found = model.predict(x, verbose=0)
    assert found[0, 0] == np.inf
    assert found[1, 0] == -np.inf
    assert np.isnan(found[2, 0])
    np.testing.assert_array_equal(found[3], rounded(x[3]))
    assert found[4].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("width", "units", "batch"), [(260, 260, 64), (16, 96, 16)])
def test_bits_do_not_depend_on_threads_where_a_kernel_is_shared_out_like_what_it_multiplies(
    width, units, batch
):
    """The rounded copy of a kernel has as many columns, or rows, as a product takes for its worker's own."""

    def weights(threads):
        _core.set_num_threads(threads)
        densor.utils.set_random_seed(1)
        hidden = [layers.Dense(n, activation="relu", dtype="mixed_bfloat16") for n in (width, units)]
        model = densor.Sequential([densor.Input((3,)), *hidden, layers.Dense(2)])
        model.compile(densor.optimizers.SGD(0.1), "mse")
        rng = np.random.default_rng(0)
        x, y = (rng.standard_normal((4 * batch, columns), dtype=np.float32) for columns in (3, 2))
        model.fit(x, y, batch_size=batch, epochs=2, verbose=0)
        return model.get_weights()

    for one, two in zip(weights(1), weights(2), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.skipif(ON_DEVICE, reason="takes minutes where a processor stands in for the device")
def test_digits_are_learned_as_well_as_in_float32():
    """Within a point, on average over three seeds."""
    (x, y), (x_test, y_test) = densor.datasets.digits.load_data()

    def accuracy(policy, seed):
        densor.utils.set_random_seed(seed)
        config.set_dtype_policy(policy)
        hidden = [
            layers.Dense(width, activation="relu", kernel_initializer="he_normal") for width in (64, 48)
        ]
        last = layers.Dense(10, activation="softmax", dtype="float32")
        model = densor.Sequential(
            [densor.Input((8, 8)), layers.Flatten(), layers.Rescaling(1 / 16), *hidden, last]
        )
        model.compile(densor.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=10, batch_size=32, verbose=0)
        return model.evaluate(x_test, y_test, verbose=0)[1]

    means = [
        np.mean([accuracy(policy, seed) for seed in range(3)]) for policy in ("float32", "mixed_bfloat16")
    ]
    assert means[0] > 0.9, means
    assert abs(means[0] - means[1]) <= 0.01, means
