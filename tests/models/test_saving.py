"""save and load: the same model again, bit for bit; what is no model of ours is refused."""

import copy
import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

import densor
from densor import layers
from densor.errors import FormatError
from densor.models import load_model
from tests.models.build import classifier, data, same_weights
from tests.models.test_structure import Twice, residual

OPTIMIZERS = {
    "sgd": lambda: densor.optimizers.SGD(0.1),
    "nesterov": lambda: densor.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
    "rmsprop": lambda: densor.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adagrad": lambda: densor.optimizers.Adagrad(0.1),
    "adamw": lambda: densor.optimizers.AdamW(0.01, weight_decay=0.1),
    "nadam": lambda: densor.optimizers.Nadam(0.01),
    "adamax": lambda: densor.optimizers.Adamax(densor.optimizers.schedules.CosineDecay(0.05, decay_steps=20)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_loaded_model_goes_on_where_it_stopped(name, tmp_path):
    x, y = data()
    unbroken, model = classifier(OPTIMIZERS[name]()), classifier(OPTIMIZERS[name]())
    expected = unbroken.fit(x, y, epochs=4, verbose=0).history
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.optimizer.iterations == 6
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    actual = loaded.fit(x, y, epochs=4, initial_epoch=2, verbose=0).history
    assert same_weights(loaded, unbroken)
    assert {key: values[2:] for key, values in expected.items()} == actual


def test_decay_exclusions_survive(tmp_path):
    x, y = data()

    def make():
        optimizer = densor.optimizers.SGD(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta"])
        return classifier(optimizer)

    unbroken, model = make(), make()
    unbroken.fit(x, y, epochs=2, verbose=0)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    loaded.fit(x, y, verbose=0)
    assert same_weights(loaded, unbroken)


@pytest.mark.parametrize("extension", ["", ".safetensors", ".model"])
def test_any_name_will_do_and_other_programs_can_read_it(extension, tmp_path):
    model = classifier()
    path = tmp_path / f"modèle{extension}"
    model.save(os.fsencode(path))
    arrays = load_file(path)
    np.testing.assert_array_equal(arrays["weights/hidden/kernel"], model.get_weights()[0])
    assert len(arrays) == len(model.weights)


def test_saving_what_was_loaded_gives_the_same_bytes(tmp_path):
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "a")
    load_model(tmp_path / "a").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_functional_models_are_kept_with_their_shared_layers(tmp_path):
    model = residual()
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    x = np.random.default_rng(0).standard_normal((5, 4))
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert loaded.optimizer is None


def test_nested_models_and_custom_layers(tmp_path):
    class Scaled(layers.Layer):
        def __init__(self, factor, **options):
            super().__init__(**options)
            self.factor = factor

        def call(self, inputs):
            return densor.ops.rescale(inputs, self.factor)

        def get_config(self):
            return super().get_config() | {"factor": self.factor}

    inner = densor.Sequential([densor.Input((4,)), Scaled(3.0), layers.Dense(2)])
    model = densor.Sequential([inner, layers.Activation("tanh")])
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m", custom_objects={"Scaled": Scaled})
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    with pytest.raises(FormatError, match="'Scaled' is not a known layer"):
        load_model(tmp_path / "m")


def test_subclassed_models(tmp_path):
    x, y = data()
    model = Twice(6)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m", custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    model.fit(x, y, verbose=0)
    loaded.fit(x, y, verbose=0)
    assert same_weights(model, loaded)


def test_loading_without_compiling(tmp_path):
    classifier().save(tmp_path / "m")
    assert not load_model(tmp_path / "m", compile=False).compiled


def test_loading_changes_no_random_state(tmp_path):
    classifier().save(tmp_path / "m")
    before = densor.random.get_state()
    load_model(tmp_path / "m")
    assert densor.random.get_state() == before


def test_weights_alone(tmp_path):
    x, y = data()
    model, other = classifier(), classifier()
    model.fit(x, y, verbose=0)
    model.save_weights(tmp_path / "model.h5")
    other.load_weights(tmp_path / "model.h5")
    assert same_weights(model, other)
    with pytest.raises(FormatError, match="config"):
        load_model(tmp_path / "model.h5")


def test_weights_of_another_model_are_refused(tmp_path):
    model, other = classifier(), residual()
    model.save(tmp_path / "m")
    before = other.get_weights()
    with pytest.raises(FormatError, match="not those of the model"):
        other.load_weights(tmp_path / "m")
    with pytest.warns(
        UserWarning, match=r"^load_weights\(\): .*m has no values that fit \d+ weights, which stay"
    ):
        other.load_weights(tmp_path / "m", skip_mismatch=True)
    assert all((a == b).all() for a, b in zip(before, other.get_weights(), strict=True))


def test_weights_that_are_not_finite_have_to_be_asked_for(tmp_path):
    model = classifier()
    model.layers[0].kernel.array[2, 3] = np.nan
    model.save(tmp_path / "m")
    with pytest.raises(FormatError, match=r"weights/hidden/kernel: 1 of 72 values are not finite"):
        load_model(tmp_path / "m")
    assert np.isnan(load_model(tmp_path / "m", allow_nonfinite=True).get_weights()[0][2, 3])


def test_overwriting(tmp_path):
    path = tmp_path / "m"
    classifier().save(path)
    path.chmod(0o640)
    old = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"m'$"):
        residual().save(path, overwrite=False)
    assert path.read_bytes() == old
    residual().save(path)
    assert path.read_bytes() != old
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["m"]


def test_saving_through_a_link_replaces_its_target(tmp_path):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "m", tmp_path / "link"
    link.symlink_to(target)
    classifier().save(link)
    assert link.is_symlink()
    assert load_model(target).count_params() == load_model(link).count_params()


def test_unbuilt_models_have_nothing_to_save(tmp_path):
    with pytest.raises(RuntimeError, match="not built"):
        densor.Sequential([layers.Dense(3)]).save(tmp_path / "m")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_read_is_not_written(tmp_path):
    class Odd(layers.Layer):
        def call(self, inputs):
            return inputs

        def get_config(self):
            return super().get_config() | {"what": object()}

    model = densor.Sequential([densor.Input((2,)), Odd(), layers.Dense(1)])
    with pytest.raises(TypeError, match="object is not plain data"):
        model.save(tmp_path / "m")
    assert os.listdir(tmp_path) == []


def test_a_newer_format_names_its_writer(tmp_path):
    from densor.models import archive

    path = tmp_path / "m"
    archive.write(str(path), {"weights/a": np.ones(3, np.float32)}, {"version": "2", "densor": "9.1"})
    with pytest.raises(FormatError, match=r"format '2', written by Densor 9\.1, is newer"):
        load_model(path)


def test_a_configuration_cannot_ask_for_more_than_the_file_holds(tmp_path):
    """A forger who computes the checksums anew still gets no memory."""
    from densor.models import archive

    classifier().save(tmp_path / "good")
    with archive.opened(str(tmp_path / "good")) as source:
        tensors = {name: source.read(name) for name in source.entries}
        config = source.parsed("config")
    config["model"]["config"]["layers"][1]["config"]["units"] = 2**31 - 1
    bad = tmp_path / "bad"
    archive.write(str(bad), tensors, {"config": json.dumps(config)})
    with pytest.raises(FormatError, match=r"bad: byte 8, config\.model: .*larger than the data"):
        load_model(bad)


def test_a_deep_copy_goes_on_by_itself():
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    twin = copy.deepcopy(model)
    assert same_weights(model, twin)
    before = model.get_weights()
    twin.fit(x, y, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True)), "nothing is shared"
    model.fit(x, y, verbose=0)
    assert same_weights(model, twin)
    with pytest.raises(RuntimeError, match="not built"):
        copy.deepcopy(densor.Sequential([layers.Dense(2)]))


def test_trainable_flags_changed_after_compile_do_not_spoil_the_file(tmp_path):
    x, y = data()
    model = classifier()
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = False
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert [layer.trainable for layer in loaded.layers] == [layer.trainable for layer in model.layers]
    assert loaded.optimizer.iterations == 0
    loaded.fit(x, y, verbose=0)


READER = """
import sys
from densor.models import load_model

PATH = sys.argv[1]
seen = []

def watch(event, arguments):
    if event.partition(".")[0] in ("open", "import", "exec", "compile", "mmap", "socket", "subprocess", "os"):
        seen.append((event, str(arguments[0])))

sys.addaudithook(watch)
load_model(PATH)
print(*(event for event in seen if event[1] != PATH), sep="\\n")
"""


def test_loading_opens_one_file_and_runs_nothing(tmp_path):
    classifier().save(tmp_path / "m")
    run = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path / "m")], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""
