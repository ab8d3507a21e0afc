"""The file format: no damage goes unnoticed, no file hangs the reader or makes it ask for memory."""

import hashlib
import os
import struct

import numpy as np
import pytest

from densor.errors import FormatError
from densor.models import archive, strict_json


def good(path):
    rng = np.random.default_rng(0)
    tensors = {
        "weights/a": rng.standard_normal((5, 3)).astype(np.float32),
        "weights/b": rng.standard_normal(7).astype(np.float32),
    }
    archive.write(str(path), tensors, {"config": '{"a":1}'})
    return tensors, path.read_bytes()


def read(path):
    with archive.opened(str(path)) as source:
        return {name: source.read(name) for name in source.entries}


def test_what_was_written_is_read(tmp_path):
    tensors, _ = good(tmp_path / "m")
    again = read(tmp_path / "m")
    assert list(again) == list(tensors)
    for name, array in tensors.items():
        assert again[name].tobytes() == array.tobytes()


def test_tensors_start_at_a_cache_line(tmp_path):
    _, raw = good(tmp_path / "m")
    assert struct.unpack("<Q", raw[:8])[0] % 64 == 56


def test_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "m"
    archive.write(str(path), {"weights/a": np.ones(4, np.float32)}, {})
    raw = path.read_bytes()
    descriptor = os.open(path, os.O_RDWR)
    try:
        for position, byte in enumerate(raw):
            for bit in range(8):
                os.pwrite(descriptor, bytes([byte ^ 1 << bit]), position)
                with pytest.raises(FormatError):
                    read(path)
            os.pwrite(descriptor, bytes([byte]), position)
    finally:
        os.close(descriptor)
    assert list(read(path)) == ["weights/a"]


def test_every_prefix_is_refused(tmp_path):
    path = tmp_path / "m"
    _, raw = good(path)
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with pytest.raises(FormatError, match="m: byte"):
            read(path)


def test_two_files_spliced_are_refused(tmp_path):
    _, raw = good(tmp_path / "a")
    archive.write(
        str(tmp_path / "b"),
        {"weights/a": np.ones((5, 3), np.float32), "weights/b": np.ones(7, np.float32)},
        {},
    )
    other = (tmp_path / "b").read_bytes()
    (tmp_path / "c").write_bytes(raw[:-88] + other[-88:])
    with pytest.raises(FormatError, match="weights/a: the checksum does not match"):
        read(tmp_path / "c")


def test_a_file_cut_short_while_it_is_read(tmp_path):
    path = tmp_path / "m"
    good(path)
    with archive.opened(str(path)) as source:
        os.truncate(path, path.stat().st_size - 4)
        with pytest.raises(FormatError, match="cut short"):
            source.read("weights/b")


def forged(path, table, data=b"", **notes):
    """A file whose header checksum is right, whatever the header says."""
    import json

    digests = {name: hashlib.sha256(data).hexdigest() for name in table}
    metadata = {
        "format": "densor", "version": "1", "header_sha256": "0" * 64, "sha256": json.dumps(digests), **notes,
    }  # fmt: skip
    text = json.dumps({"__metadata__": metadata, **table}, separators=(",", ":")).encode()
    raw = struct.pack("<Q", len(text)) + text
    digest = hashlib.sha256(raw).hexdigest().encode()
    path.write_bytes(raw.replace(b'"header_sha256":"' + b"0" * 64, b'"header_sha256":"' + digest) + data)
    return path


def entry(shape=(2,), begin=0, end=8, dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def test_a_forged_file_can_be_right(tmp_path):
    assert list(read(forged(tmp_path / "m", {"weights/a": entry()}, bytes(8)))) == ["weights/a"]


@pytest.mark.parametrize(
    ("table", "size", "message"),
    [
        ({"a": entry((2**52,), 0, 2**53)}, 8, "data_offsets"),
        ({"a": entry((2**40, 2**40), 0, 8)}, 8, "data_offsets"),
        ({"a": entry((1,) * 9, 0, 4)}, 4, "shape"),
        ({"a": entry((0,), 0, 0)}, 0, "shape"),
        ({"a": entry((-2,), 0, 8)}, 8, "shape"),
        ({"a": entry((True,), 0, 4)}, 4, "shape"),
        ({"a": entry((2.0,), 0, 8)}, 8, "shape"),
        ({"a": entry(dtype="F64")}, 8, "dtype"),
        ({"a": entry(begin=8, end=16)}, 16, "data_offsets"),
        ({"a": entry(begin=8, end=0)}, 8, "data_offsets"),
        ({"a": entry(), "b": entry()}, 8, "data_offsets"),
        ({"a": entry()}, 12, "the tensors end here"),
        ({"../a": entry()}, 8, "path"),
        ({"/a": entry()}, 8, "path"),
        ({"": entry()}, 8, "bytes"),
        ({"a" * 256: entry()}, 8, "bytes"),
        ({"a\0": entry()}, 8, "control"),
        ({"a": {**entry(), "more": 1}}, 8, "dtype, shape and data_offsets"),
        ({"a": 3}, 8, "dtype, shape and data_offsets"),
    ],
)
def test_forged_tables_are_refused(table, size, message, tmp_path):
    with pytest.raises(FormatError, match=message):
        read(forged(tmp_path / "m", table, bytes(size)))


def test_checksums_have_to_be_there(tmp_path):
    for digests in ("[]", "{}", '{"a": 3}', '{"a": "00"}', "not json"):
        with pytest.raises(FormatError, match="sha256"):
            read(forged(tmp_path / "m", {"a": entry()}, bytes(8), sha256=digests))


def test_names_that_could_not_be_read_are_not_written(tmp_path):
    for name in ("", "../a", "a/../../b", "a\nb", "x" * 256):
        with pytest.raises(ValueError, match="weight name"):
            archive.write(str(tmp_path / "m"), {name: np.ones(1, np.float32)}, {})
    assert os.listdir(tmp_path) == []


# Strict JSON


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'[{"b": {"a": 1, "a": 2}}]', "twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e999]", "too large"),
        (b"[9007199254740993]", "2\\^53"),
        (b"[" + b"9" * 5000 + b"]", "2\\^53"),
        (b'["\\ud800"]', "surrogate"),
        (b'"\xff"', "utf-8"),
        (b'"\xc0\x80"', "utf-8"),
        (b'"\x01"', "control"),
        (b"[1] x", "Extra"),
        (b"[" * 17 + b"]" * 17, "16 levels"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "16 levels"),
        (b"[" * 1_000_000, "16 levels"),
        (b"", "Expecting"),
        (b"{'a': 1}", "Expecting"),
    ],
)
def test_json_that_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        strict_json.parse(text)


def test_json_that_is_accepted():
    text = b'{"a": [' * 8 + b'"[[[{{{\\"[", -0, 1.5, 9007199254740992, "\\ud83d\\ude00"' + b"]}" * 8
    value = strict_json.parse(text)
    for _ in range(8):
        value = value["a"][0] if isinstance(value["a"][0], dict) else value["a"]
    assert value == ['[[[{{{"[', 0, 1.5, 2**53, "😀"]
