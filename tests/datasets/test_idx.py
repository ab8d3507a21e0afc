"""The IDX reader takes what the format says and nothing else."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densor.datasets import _idx
from densor.errors import FormatError


@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), (2, 28, 28), (1, 2, 3, 4)])
def test_round_trip(shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    parsed = _idx.parse(_idx.header(shape) + array.tobytes(), "file")
    assert parsed.dtype == np.uint8
    np.testing.assert_array_equal(parsed, array)


def test_every_prefix_and_every_tail_is_refused():
    whole = _idx.header((2, 3)) + bytes(range(6))
    for length in range(len(whole)):
        with pytest.raises(FormatError, match=r"^file"):
            _idx.parse(whole[:length], "file")
    with pytest.raises(FormatError, match="promises 6 bytes of data, there are 7"):
        _idx.parse(whole + b"x", "file")


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"\x00\x01\x08\x01", "byte 0: not an IDX file, it starts with 00010801"),
        (b"\x1f\x8b\x08\x00", "byte 0: not an IDX file"),
        (b"\x00\x00\x0d\x01", "byte 2: element type 0x0d"),
        (b"\x00\x00\x08\x00", "byte 3: 0 dimensions"),
        (b"\x00\x00\x08\x05", "byte 3: 5 dimensions"),
    ],
)
def test_bad_headers(start, message):
    with pytest.raises(FormatError, match=message):
        _idx.parse(start + bytes(64), "file")


def test_sizes_whose_product_wraps_64_bits_are_refused():
    payload = _idx.header((2**16, 2**16, 2**16, 2**16)) + b"\x00" * 8
    with pytest.raises(FormatError, match=f"promises {2**64} bytes"):
        _idx.parse(payload, "file")


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_an_array_or_a_format_error(payload):
    try:
        array = _idx.parse(payload, "file")
    except FormatError:
        return
    assert _idx.header(array.shape) + array.tobytes() == payload


def test_payload_raw_and_gzip(tmp_path):
    raw, packed = tmp_path / "raw", tmp_path / "packed.gz"
    raw.write_bytes(b"0123456789")
    packed.write_bytes(gzip.compress(b"0123456789"))
    assert _idx.read_payload(raw, 10) == _idx.read_payload(packed, 10) == b"0123456789"


def test_payload_stops_one_byte_behind_the_limit(tmp_path):
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(bytes(10_000_000)))
    assert len(_idx.read_payload(bomb, 100)) == 101


@pytest.mark.parametrize("damage", ["cut", "flip", "magic only"])
def test_damaged_gzip(tmp_path, damage):
    whole = bytearray(gzip.compress(bytes(range(256)) * 40))
    if damage == "cut":
        whole = whole[: len(whole) // 2]
    elif damage == "flip":
        whole[len(whole) // 2] ^= 0xFF
    else:
        whole = whole[:2]
    path = tmp_path / "file.gz"
    path.write_bytes(whole)
    with pytest.raises(FormatError, match=r"file\.gz: the gzip stream is damaged"):
        _idx.read_payload(path, 1 << 20)
