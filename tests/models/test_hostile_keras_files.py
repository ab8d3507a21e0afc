"""`.keras` and `.h5` files that are damaged or mean harm: FormatError names the file and the part, nothing is run."""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import densor
from densor.errors import FormatError
from densor.models import load_model
from tests.golden.make_keras_files import FEATURES

GOLDEN = Path(__file__).parents[1] / "golden" / "keras"


def rewritten(path, change=None, weights=None, **zip_options):
    """The golden file with its configuration changed in place, or with other bytes for its weights."""
    with zipfile.ZipFile(GOLDEN / "sequential.keras") as file:
        parts = {name: file.read(name) for name in file.namelist()}
    if change is not None:
        config = json.loads(parts["config.json"])
        change(config)
        parts["config.json"] = json.dumps(config).encode()
    if weights is not None:
        buffer = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            weights(file)
        parts["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w", **zip_options) as file:
        for name, raw in parts.items():
            file.writestr(name, raw)
    return path


def dense(config):
    return config["config"]["layers"][1]


def layer_like(name, config=None):
    return {"module": "keras.layers", "class_name": name, "config": config or {}, "registered_name": None}


def insert(*items):
    return lambda config: config["config"]["layers"].extend(items)


CONFIGS = {
    "lambda": (insert(layer_like("Lambda", {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAA"}}})),
               "Densor has no Lambda, __lambda__"),
    "several": (insert(layer_like("Conv2D"), layer_like("LSTM"), layer_like("Conv2D")), r"Densor has no Conv2D, LSTM;"),
    "module": (lambda c: dense(c).update(class_name="system", module="os"), "Densor has no system"),
    "function": (lambda c: dense(c)["config"].update(
        activation={"class_name": "function", "config": "system", "module": "os"}), "Densor has no system"),
    "activation": (lambda c: dense(c)["config"].update(activation="/etc/passwd"), "activation"),
    "class_of_another_kind": (lambda c: dense(c).update(class_name="Adam"), "Adam"),
    "class_that_is_a_number": (lambda c: dense(c).update(class_name=3), "Densor has no 3"),
    "units": (lambda c: dense(c)["config"].update(units=2**31 - 1), "larger than the data"),
    "units_text": (lambda c: dense(c)["config"].update(units="9"), "units"),
    "argument": (lambda c: dense(c)["config"].update(lora_rank=4), "Dense: the argument lora_rank=4 is not supported"),
    "dtype": (lambda c: dense(c)["config"].update(dtype="float64"), "dtype 'float64' is not supported"),
    "no_layers": (lambda c: c["config"].pop("layers"), "'layers' of a Sequential must be a list"),
    "a_layer": (lambda c: c.update(dense(c)), "is a layer, not a model"),
    "no_class": (lambda c: c.pop("class_name"), "'class_name' and 'config' are missing"),
    "shape": (lambda c: c["config"]["layers"][0]["config"].update(batch_shape=[None, -5]), "-5"),
    "optimizer": (lambda c: c["compile_config"]["optimizer"].update(class_name="Adamm"), "Densor has no Adamm"),
    "loss": (lambda c: c["compile_config"].update(loss="mee"), "mee"),
    "rate": (lambda c: c["compile_config"]["optimizer"]["config"].update(learning_rate=-1.0), "learning_rate"),
    "empty_compile": (lambda c: c.update(compile_config={"loss": "mse"}), "must name an optimizer"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations_that_are_refused(name, tmp_path):
    change, message = CONFIGS[name]
    path = rewritten(tmp_path / "bad.keras", change)
    before = densor.random.get_state()
    with pytest.raises(
        FormatError, match=rf"^load_model\(\): argument 'filepath': .*bad\.keras: .*{message}"
    ):
        load_model(path)
    assert densor.random.get_state() == before


def kernel_as(**options):
    def change(file):
        values = file["layers/dense/vars/0"][()]
        del file["layers/dense/vars/0"]
        file["layers/dense/vars"].create_dataset("0", **{"data": values, **options})

    return change


def linked(link):
    def change(file):
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = link

    return change


def virtual(file):
    layout = h5py.VirtualLayout((FEATURES, 4), np.float32)
    layout[...] = h5py.VirtualSource("elsewhere.h5", "x", (FEATURES, 4))
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_virtual_dataset("0", layout)


def array_for_group(file):
    del file["layers/dense"]
    file["layers"]["dense"] = 3


def optimizer_shape(file):
    del file["optimizer/vars/2"]
    file["optimizer/vars"].create_dataset("2", data=np.zeros(3))


WEIGHTS = {
    "external_link": (linked(h5py.ExternalLink("elsewhere.h5", "/x")), "missing, or a link to another place"),
    "soft_link": (linked(h5py.SoftLink("/layers/dense_1/vars/0")), "missing, or a link to another place"),
    "external_data": (
        kernel_as(data=None, shape=(FEATURES, 4), dtype="f4", external=[("/etc/passwd", 0, 4 * FEATURES * 4)]),
        "not stored in one piece",
    ),
    "virtual": (virtual, "not stored in one piece"),
    "compressed": (kernel_as(compression="gzip"), "not stored in one piece"),
    "text": (kernel_as(data=np.full((FEATURES, 4), b"x")), "not real numbers"),
    "shape": (kernel_as(data=np.zeros((4, FEATURES), np.float32)), r"shape \(4, 5\); .* wants \(5, 4\)"),
    "one_more": (lambda file: file["layers/dense/vars"].create_dataset("1", data=np.zeros(4)), "has 2 arrays"),
    "one_less": (lambda file: file.__delitem__("layers/dense/vars/0"), "has 0 arrays"),
    "no_layer": (lambda file: file.__delitem__("layers/dense_1"), "/layers/dense_1 is missing"),
    "no_layers": (lambda file: [file.__delitem__(name) for name in list(file)], "no layers in this file"),
    "array_for_group": (array_for_group, "is not a group"),
    "infinite": (kernel_as(data=np.full((FEATURES, 4), np.inf, np.float32)), "allow_nonfinite=True accepts it"),
    "optimizer_shape": (optimizer_shape, "optimizer: "),
    "optimizer_step": (lambda file: file["optimizer/vars/0"].write_direct(np.array(-3, np.int32)), "iterations"),
}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_are_refused(name, tmp_path):
    change, message = WEIGHTS[name]
    path = rewritten(tmp_path / "bad.keras", weights=change)
    with pytest.raises(FormatError, match=rf"bad\.keras: .*{message}"):
        load_model(path)


def test_zips_that_are_refused(tmp_path):
    path = tmp_path / "bad.keras"
    raw = (GOLDEN / "sequential.keras").read_bytes()
    for length in range(4, len(raw), 97):
        path.write_bytes(raw[:length])
        with pytest.raises(FormatError, match=r"bad\.keras: zip: "):
            load_model(path)
    rewritten(path, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(FormatError, match=r"bad\.keras: zip: .* is compressed"):
        load_model(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", "{}")
    with pytest.raises(FormatError, match=r"a \.keras file holds metadata\.json once, this one 0 times"):
        load_model(path)
    shutil.copy(GOLDEN / "sequential.keras", path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("assets/../../outside", "x")
    with pytest.raises(FormatError, match="assets are not supported"):
        load_model(path)


def test_flipped_bits_in_weights_and_configuration_are_noticed(tmp_path):
    """The zip has a checksum for each part."""
    path, raw = tmp_path / "bad.keras", (GOLDEN / "sequential.keras").read_bytes()
    with zipfile.ZipFile(GOLDEN / "sequential.keras") as file:
        spans = [
            (entry.header_offset + 30 + len(entry.filename), entry.file_size) for entry in file.infolist()
        ]
    for start, size in spans:
        for position in range(start, start + size, max(size // 40, 1)):
            path.write_bytes(raw[:position] + bytes([raw[position] ^ 4]) + raw[position + 1 :])
            with pytest.raises(FormatError):
                load_model(path)


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"[" * 10_000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
    ],
)
def test_json_that_is_refused(text, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", text)
        file.writestr("model.weights.h5", b"")
    with pytest.raises(FormatError, match=r"bad\.keras: config\.json: "):
        load_model(tmp_path / "bad.keras")


def test_hdf5_that_is_refused(tmp_path):
    path = tmp_path / "bad.h5"
    raw = (GOLDEN / "sequential.h5").read_bytes()
    for length in (8, 100, 2000, len(raw) // 2):
        path.write_bytes(raw[:length])
        with pytest.raises(FormatError, match=r"bad\.h5: "):
            load_model(path)
    with pytest.raises(FormatError, match=r"model_config: is missing: these are weights without a model"):
        load_model(GOLDEN / "sequential.weights.h5")


def test_a_cycle_of_calls_is_refused(tmp_path):
    with zipfile.ZipFile(GOLDEN / "functional.keras") as file:
        parts = {name: file.read(name).decode("latin-1") for name in file.namelist()}
    parts["config.json"] = re.sub(
        r'"keras_history": \["input_layer\w*"', '"keras_history": ["shared"', parts["config.json"]
    )
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as file:
        for name, text in parts.items():
            file.writestr(name, text.encode("latin-1"))
    with pytest.raises(FormatError, match="waits for a tensor that no layer makes"):
        load_model(tmp_path / "bad.keras")
