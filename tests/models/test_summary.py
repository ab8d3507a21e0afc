"""The table of the layers."""

import pytest

import densor
from densor import layers
from tests.models.test_structure import summary_of


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("b", "c"), ["b", "c"]),
        (["c", "b"], ["b", "c"]),
        (("a", "out_.*"), ["a", "b", "c", "out_1", "out_2"]),
        (("out", "out"), ["out_1", "out_2"]),
        (("b", "out_1"), ["b", "c", "out_1"]),
        (None, ["a", "b", "c", "out_1", "out_2"]),
    ],
)
def test_a_range_of_layers(names, shown):
    """As Keras 3.15.1 prints them."""
    parts = [layers.Dense(2, name=name) for name in ("a", "b", "c", "out_1", "out_2")]
    model = densor.Sequential([densor.Input((3,)), *parts])
    text = summary_of(model, layer_range=names)
    assert [part.name for part in parts if f"{part.name} (Dense)" in text] == shown
    assert f"Total params: {model.count_params()}" in text


@pytest.mark.parametrize("wrong", [("a",), "ab", (1, 2), ("a", "zz"), ("zz", "a"), ("(", "a")])
def test_a_range_of_no_layers(wrong):
    model = densor.Sequential([densor.Input((3,)), layers.Dense(2, name="a")])
    with pytest.raises(ValueError, match=r"summary\(\): argument 'layer_range'"):
        model.summary(layer_range=wrong, print_fn=lambda text: None)
