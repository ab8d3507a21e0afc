"""Model files that are damaged, forged or no files at all: FormatError or OSError naming the file."""

import hashlib
import json
import os
import re
import struct
import tempfile
from pathlib import Path

import densor
from densor.errors import FormatError
from tests.bad_input.harness import Case

NAMES_FILE = r"bad\.safetensors"


def parts(raw):
    """(header as a dict, tensor bytes) of a safetensors file."""
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def join(header, data):
    """A file of this header, given as bytes or as a dict; a dict gets its right checksum, as a forger would."""
    if isinstance(header, bytes):
        return struct.pack("<Q", len(header)) + header + data
    notes = header.get("__metadata__")
    if notes and "header_sha256" in notes:
        notes["header_sha256"] = "0" * 64
    text = json.dumps(header, separators=(",", ":")).encode()
    raw = struct.pack("<Q", len(text)) + text
    return raw.replace(b"0" * 64, hashlib.sha256(raw).hexdigest().encode(), 1) + data


def edited(change):
    """A damage that edits the parsed header in place (and may return other tensor bytes)."""

    def damage(raw):
        header, data = parts(raw)
        replaced = change(header)
        return join(header, data if replaced is None else replaced)

    return damage


def tensors(header):
    return [entry for name, entry in header.items() if name != "__metadata__"]


def first_of(header):
    return tensors(header)[0]


def rename_tensor(header, new):
    name = next(key for key in header if key != "__metadata__")
    header[new] = header.pop(name)


def replaced_text(pattern, replacement):
    """A damage that replaces the first match in the header's text, config included; lengths are kept right."""

    def damage(raw):
        header, data = parts(raw)
        metadata = header["__metadata__"]
        for key, text in metadata.items():
            changed = re.sub(pattern, replacement, text, count=1)
            if changed != text:
                metadata[key] = changed
                return join(header, data)
        raise AssertionError(f"no metadata matches {pattern}")

    return damage


def flipped(position):
    def damage(raw):
        where = position(len(raw))
        return raw[:where] + bytes([raw[where] ^ 16]) + raw[where + 1 :]

    return damage


def duplicate_key(raw):
    header, data = parts(raw)
    name = next(key for key in header if key != "__metadata__")
    entry = json.dumps({name: header[name]})[1:-1]
    return join(json.dumps(header)[:-1].encode() + b", " + entry.encode() + b"}", data)


def set_to(key, value):
    return edited(lambda header: first_of(header).update({key: value}))


def header_length(length):
    return lambda raw: struct.pack("<Q", length) + raw[8:]


BYTES = {
    "empty": lambda raw: b"",
    **{f"prefix_{n}": (lambda raw, n=n: raw[:n]) for n in (1, 7, 8, 9, 100)},
    "half": lambda raw: raw[: len(raw) // 2],
    "one_byte_short": lambda raw: raw[:-1],
    "trailing_garbage": lambda raw: raw + b"x",
    "header_of_0": header_length(0),
    "header_beyond_the_file": header_length(1 << 20),
    "header_of_2_63": header_length(1 << 63),
    "header_of_2_64": header_length((1 << 64) - 1),
    "not_json": lambda raw: join(b"{'a': 1}", b""),
    "not_an_object": lambda raw: join(b"[1, 2]", b""),
    "bad_utf8": lambda raw: join(b'{"\xff": 1}', b""),
    "deep_json": lambda raw: join(b"[" * 100_000, b""),
    "deep_object": lambda raw: join(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b""),
    "nan_in_json": lambda raw: join(b'{"a": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 0]}}', b""),
    "duplicate_key": duplicate_key,
    "zip": lambda raw: b"PK\x03\x04" + raw,
    "hdf5": lambda raw: b"\x89HDF\r\n\x1a\n" + raw,
    "pickle": lambda raw: b"\x80\x04\x95" + raw,
    "no_metadata": edited(lambda header: header.pop("__metadata__") and None),
    "metadata_of_numbers": edited(lambda header: header.update(__metadata__={"format": 3})),
    "unknown_dtype": set_to("dtype", "F33"),
    "other_dtype": set_to("dtype", "I32"),
    "dtype_number": set_to("dtype", 3),
    "shape_negative": set_to("shape", [-1, 2]),
    "shape_fraction": set_to("shape", [1.5]),
    "shape_bool": set_to("shape", [True]),
    "shape_overflow": set_to("shape", [2**40, 2**40]),
    "shape_of_nine_axes": set_to("shape", [1] * 9),
    "shape_text": set_to("shape", "ab"),
    "offsets_reversed": set_to("data_offsets", [64, 0]),
    "offsets_negative": set_to("data_offsets", [-4, 0]),
    "offsets_beyond": set_to("data_offsets", [0, 2**50]),
    "offsets_overlap": edited(
        lambda header: first_of(header).update(data_offsets=tensors(header)[1]["data_offsets"])
    ),
    "offsets_one": set_to("data_offsets", [0]),
    "missing_tensor": edited(
        lambda header: header.pop(next(k for k in header if k != "__metadata__")) and None
    ),
    "renamed_tensor": edited(lambda header: rename_tensor(header, "other")),
    "path_as_name": edited(lambda header: rename_tensor(header, "../../etc/passwd")),
    "extra_tensor": edited(
        lambda header: header.update(extra={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})
    ),
    "newer_version": edited(lambda header: header["__metadata__"].update(version="2")),
    "other_format": edited(lambda header: header["__metadata__"].update(format="pt")),
    **{f"header_bit_flip_{n}": flipped(lambda size, n=n: n) for n in (3, 9, 40, 200, 500, 1000)},
    "last_bit_flip": flipped(lambda size: size - 1),
    "middle_bit_flip": flipped(lambda size: size - size // 4),
    "config_cut": replaced_text(r"^\{.*$", "{"),
    "config_layer": replaced_text(r'"Dense"', '"Lambda"'),
    "config_path_as_layer": replaced_text(r'"Dense"', '"os.system"'),
    "config_units": replaced_text(r'"units": ?\d+', '"units": 1099511627776'),
    "config_units_other": replaced_text(r'"units": ?8', '"units": 9'),
    "config_units_text": replaced_text(r'"units": ?\d+', '"units": "8"'),
    "config_activation": replaced_text(r'"activation": ?"\w+"', '"activation": "http://example.org/x"'),
    "config_unknown_key": replaced_text(r'"units"', '"module": "os", "units"'),
    "config_nan": replaced_text(r'"epsilon": ?[\d.e-]+', '"epsilon": NaN'),
    "config_huge": replaced_text(r'"epsilon": ?[\d.e-]+', '"epsilon": 1e999'),
    "config_duplicate": replaced_text(r'"units": ?(\d+)', r'"units": \1, "units": \1'),
}


def _load_damaged(damage):
    def call(world):
        with tempfile.TemporaryDirectory() as folder:
            good, bad = Path(folder, "good.safetensors"), Path(folder, "bad.safetensors")
            world.model.save(good)
            bad.write_bytes(damage(good.read_bytes()))
            assert bad.read_bytes() != good.read_bytes(), "the damage changed nothing"
            densor.models.load_model(bad)

    return call


def _load_special(make):
    def call(world):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "bad.safetensors")
            make(path)
            densor.models.load_model(path)

    return call


def _loop(path):
    path.symlink_to(path)


def _sparse(path):
    """1 TiB of nothing whose header agrees with its length."""
    size = 1 << 40
    header = {"__metadata__": {}, "w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}
    path.write_bytes(join(header, b""))
    os.truncate(path, path.stat().st_size + size)


def save_to(path):
    return lambda world: world.model.save(path)


CASES = [
    *(Case(f"file_{name}", _load_damaged(d), FormatError, pattern=NAMES_FILE) for name, d in BYTES.items()),
    Case("file_missing", _load_special(lambda path: None), FileNotFoundError, pattern=NAMES_FILE),
    Case("file_directory", _load_special(Path.mkdir), (OSError, FormatError), pattern=NAMES_FILE),
    Case("file_fifo", _load_special(os.mkfifo), (OSError, FormatError), pattern=NAMES_FILE),
    Case("file_link_loop", _load_special(_loop), OSError, pattern=NAMES_FILE),
    Case("file_sparse", _load_special(_sparse), (FormatError, MemoryError), pattern=NAMES_FILE),
    Case("file_kind", lambda world: densor.models.load_model(3), TypeError, "filepath", "int"),
    Case("save_kind", lambda world: world.model.save(3), TypeError, "filepath", "int"),
    Case("save_empty", save_to(""), (ValueError, OSError), None, pattern=""),
    Case(
        "save_no_folder",
        save_to("/nonexistent/folder/m.safetensors"),
        FileNotFoundError,
        pattern="nonexistent",
    ),
    Case("save_onnx", save_to("model.onnx"), ValueError, "filepath", ".onnx"),
    Case("save_h5", save_to("model.h5"), ValueError, "filepath", ".h5"),
]
