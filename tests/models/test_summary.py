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


def rows_of(model, **options):
    """The cells of each row, by the name of the layer."""
    lines = [line for line in summary_of(model, **options).splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    return {row[0].split(" ")[0]: row[1:] for row in cells}


def test_what_layers_are_connected_to():
    """As Keras 3.15.1 prints them."""
    x = densor.Input((3,), name="x")
    shared = layers.Dense(3, name="shared")
    hidden = shared(shared(x))
    both = layers.Add(name="sum")([hidden, x])
    model = densor.Model(x, [both, layers.Dense(1, name="out")(both)])
    assert {name: row[2] for name, row in rows_of(model).items()} == {
        "Layer": "Connected to", "x": "-", "shared": "x[0][0], shared[0][0]", "sum": "shared[1][0], x[0][0]",
        "out": "sum[0][0]",
    }  # fmt: skip


def test_a_chain_needs_no_connections():
    x = densor.Input((3,))
    chain = densor.Model(x, layers.Dense(1)(layers.Dense(2)(x)))
    assert "Connected" not in summary_of(chain)
    assert "Connected" not in summary_of(densor.Sequential([densor.Input((3,)), layers.Dense(2)]))


def test_layers_without_weights_have_none_before_they_are_built():
    parts = [
        layers.Dense(2, name="dense"),
        layers.Dropout(0.1, name="dropout"),
        layers.BatchNormalization(name="norm"),
    ]
    shown = rows_of(densor.Sequential(parts))
    assert shown["dense"][1] == shown["norm"][1] == "0 (unbuilt)"
    assert shown["dropout"][1] == "0"


def test_the_shape_of_a_model_inside():
    base = densor.Sequential([densor.Input((3,)), layers.Dense(2)], name="base")
    x = densor.Input((3,))
    model = densor.Model(x, layers.Dense(1)(base(x, training=False)))
    assert rows_of(model)["base"][0] == "(None, 2)"
