"""Models as DOT text, and as pictures where Graphviz is installed."""

import os
import re
import sys

import pytest

import densor
from densor import layers
from densor.utils import model_to_dot, plot_model


def two_ways(name="joined"):
    x = densor.Input((3,), name="x")
    a = layers.Dense(2, activation="relu", name="a")(x)
    b = layers.Dense(2, name="b")(x)
    return densor.Model(x, layers.Add(name="sum")([a, layers.Rescaling(2.0, name="twice")(b)]), name=name)


def boxes(dot):
    return dict(re.findall(r"(box_\d+) \[label=<.*?<td>(.*?)</td>", dot.to_string()))


def edges(dot):
    names = boxes(dot)
    return [(names[a], names[b]) for a, b in re.findall(r"(box_\d+) -> (box_\d+);", dot.to_string())]


def test_edges_of_a_functional_model():
    assert edges(model_to_dot(two_ways())) == [
        ("x (InputLayer)", "b (Dense)"),
        ("x (InputLayer)", "a (Dense)"),
        ("b (Dense)", "twice (Rescaling)"),
        ("a (Dense)", "sum (Add)"),
        ("twice (Rescaling)", "sum (Add)"),
    ]


def test_functions_between_layers_are_boxes():
    x = densor.Input((3,))
    model = densor.Model(x, densor.ops.exp(x) + x)
    assert [name.split(" ")[1] for name in boxes(model_to_dot(model)).values()] == [
        "(InputLayer)", "(Operation)", "(Operation)"
    ]  # fmt: skip
    assert len(edges(model_to_dot(model))) == 3


def test_a_stack_is_a_chain():
    model = densor.Sequential([densor.Input((3,)), layers.Dense(4, name="a"), layers.Dense(1, name="b")])
    dot = model_to_dot(model)
    assert list(boxes(dot).values()) == ["a (Dense)", "b (Dense)"]
    assert edges(dot) == [("a (Dense)", "b (Dense)")]
    assert str(dot) == dot.to_string()


def test_models_inside_are_a_box_or_a_frame():
    start = densor.Input((3,), name="start")
    inner = densor.Sequential(
        [densor.Input((2,)), layers.Dense(4, name="c"), layers.Dense(1, name="d")], name="inner"
    )
    model = densor.Model(start, inner(two_ways("two")(start)))
    assert list(boxes(model_to_dot(model)).values()) == [
        "start (InputLayer)", "two (Functional)", "inner (Sequential)"
    ]  # fmt: skip
    dot = model_to_dot(model, expand_nested=True)
    assert dot.to_string().count("subgraph cluster") == 2
    assert ("start (InputLayer)", "x (InputLayer)") in edges(dot)
    assert ("sum (Add)", "c (Dense)") in edges(dot)


def test_what_the_boxes_say():
    text = model_to_dot(
        two_ways(), show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True, rankdir="LR",
        show_layer_names=False,
    ).to_string()  # fmt: skip
    for words in (
        "rankdir=LR", "<td>Dense</td>", "Activation: relu", "Input shape: (None, 3)", "Output shape: (None, 2)",
        "Output dtype: float32", "Trainable: True",
    ):  # fmt: skip
        assert words in text
    assert "a (Dense)" not in text


def test_a_model_with_a_call_of_its_own_is_one_box():
    class Own(densor.Model):
        def __init__(self):
            super().__init__(name='my "own"')
            self.inner = layers.Dense(2)

        def call(self, inputs):
            return self.inner(inputs)

    model = Own()
    model.build((None, 3))
    assert list(boxes(model_to_dot(model)).values()) == ["my &quot;own&quot; (Own)"]
    assert r'digraph "my \"own\""' in model_to_dot(model).to_string()


def test_text_needs_no_graphviz(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    model = two_ways()
    plot_model(model, tmp_path / "m.dot", show_layer_names=True)
    assert (tmp_path / "m.dot").read_text() == model_to_dot(model).to_string()
    with pytest.raises(ImportError, match=r"Graphviz.*not on the PATH: install it .*m.*dot.*summary\(\)"):
        plot_model(model, tmp_path / "m.png")
    assert not (tmp_path / "m.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a script")
def test_graphviz_gets_the_text_and_the_format(tmp_path, monkeypatch):
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\necho "$1"\nexec cat\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    plot_model(two_ways(), str(tmp_path / "m.svg"), show_layer_names=True)
    assert (tmp_path / "m.svg").read_text() == "-Tsvg\n" + model_to_dot(two_ways()).to_string()
    program.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    with pytest.raises(RuntimeError, match="dot -Tsvg: broken"):
        plot_model(two_ways(), tmp_path / "n.svg")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: model_to_dot("model"), TypeError, "model_to_dot.*'model'"),
        (lambda: model_to_dot(densor.Sequential([layers.Dense(2)])), ValueError, "is not built"),
        (lambda: model_to_dot(two_ways(), rankdir="up"), ValueError, "'rankdir'"),
        (lambda: model_to_dot(two_ways(), dpi=0), ValueError, "'dpi'"),
        (lambda: model_to_dot(two_ways(), subgraph=True), ValueError, "'subgraph'"),
        (lambda: model_to_dot(two_ways(), show_shapes=1), TypeError, "'show_shapes'"),
        (lambda: plot_model(two_ways(), "model"), ValueError, "needs an extension"),
    ],
)
def test_wrong_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()
