"""Models as pictures: text in the language DOT, which Graphviz draws."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from densor._check import bad_type, bad_value, boolean, choice, positive_int, show, text, unsupported
from densor.layers import Layer
from densor.models import Model
from densor.models.connections import connections_of
from densor.models.summary import output_shape

__all__ = ["Dot", "model_to_dot", "plot_model"]

_TEXT = {".dot", ".gv"}
_NO_GRAPHVIZ = (
    "the program 'dot' of Graphviz draws the picture and is not on the PATH: install it (apt install graphviz, brew "
    "install graphviz, conda install graphviz), or write the text for it with to_file='model.dot'; model.summary() "
    "prints the layers as a table"
)


class Dot:
    """A picture as text, with the methods of pydot's that programs call.

    >>> import densor
    >>> model = densor.Sequential([densor.Input((2,)), densor.layers.Dense(1, name="out")])
    >>> "out (Dense)" in model_to_dot(model).to_string()
    True
    """

    def __init__(self, source: str) -> None:
        self._source = source

    def to_string(self) -> str:
        """The text."""
        return self._source

    def create(self, prog: str = "dot", format: str = "png") -> bytes:
        """The bytes of the picture.

        Raises:
            ImportError: Graphviz is not installed. RuntimeError: it fails; the text is Graphviz' own.
        """
        program = shutil.which(prog)
        if program is None:
            raise ImportError(f"plot_model(): {_NO_GRAPHVIZ}")
        done = subprocess.run(
            [program, f"-T{format}"], input=self._source.encode(), capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{prog} -T{format}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def write(self, path: str | os.PathLike[str], prog: str = "dot", format: str = "raw") -> bool:
        """Writes the picture, or the text itself for the format "raw"; True."""
        data = self._source.encode() if format == "raw" else self.create(prog, format)
        Path(path).write_bytes(data)
        return True

    def __str__(self) -> str:
        return self._source


@dataclass(frozen=True)
class _Shown:
    """What is shown of a layer, and whether models inside are opened."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool
    nested: bool


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Dot:
    """The graph of a model as text in the language DOT.

    Args:
        model: a `Model` that is built. One with a `call` of its own is a single box.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what the boxes say.
        rankdir: "TB" from top to bottom, "LR" from left to right, "BT", "RL".
        expand_nested: show the layers of models inside, in a frame.
        dpi: dots per inch. splines: Graphviz' word for how edges run. subgraph: must be False.

    Raises:
        TypeError: not a model, or an option of the wrong kind. ValueError: a model that is not built.

    Source: Keras 3 `utils.model_to_dot`, which returns an object of pydot.
    """
    function = "model_to_dot"
    if not isinstance(model, Model):
        raise bad_type(function, "model", f"must be a model, got {show(model)}")
    if not model.built:
        raise bad_value(
            function, "model", f"{model.name!r} is not built; call it on data, fit it or give it an Input"
        )
    unsupported(function, "subgraph", subgraph, False)
    direction = choice(function, "rankdir", rankdir, ("TB", "LR", "BT", "RL"))
    shown = _Shown(
        shapes=boolean(function, "show_shapes", show_shapes),
        dtype=boolean(function, "show_dtype", show_dtype),
        names=boolean(function, "show_layer_names", show_layer_names),
        activations=boolean(function, "show_layer_activations", show_layer_activations),
        trainable=boolean(function, "show_trainable", show_trainable),
        nested=boolean(function, "expand_nested", expand_nested),
    )
    dots, lines = positive_int(function, "dpi", dpi), _quoted(text(function, "splines", splines))
    head = f"  graph [rankdir={direction}, dpi={dots}, splines={lines}];\n  node [shape=plaintext];\n"
    return Dot(f"digraph {_quoted(model.name)} {{\n{head}" + "\n".join(_Graph(shown).drawn(model)) + "\n}\n")


def plot_model(
    model: Any, to_file: str | os.PathLike[str] = "model.png", show_layer_names: bool = False, **options: Any
) -> Any:
    """Draw the graph of a model into a file; Graphviz must be installed, but for text.

    Args:
        to_file: the extension is the format: `.png`, `.svg`, `.pdf`, ...; `.dot` and `.gv` are the text itself.
        model, show_layer_names, options: as for `model_to_dot`.

    Returns:
        In a notebook the picture, if the file is a `.png`; else None.

    Raises:
        ImportError: Graphviz is not installed. TypeError, ValueError: as for `model_to_dot`, or no extension.

    Source: Keras 3 `utils.plot_model`.
    """
    path = Path(to_file)
    if not path.suffix:
        raise bad_value("plot_model", "to_file", f"needs an extension such as .png, got {str(to_file)!r}")
    dot = model_to_dot(model, show_layer_names=show_layer_names, **options)
    dot.write(path, format="raw" if path.suffix in _TEXT else path.suffix[1:])
    if path.suffix != ".png" or "ipykernel" not in sys.modules:
        return None
    from IPython.display import Image

    return Image(filename=str(path))


class _Graph:
    """The lines of the text; boxes have numbers, as one layer may stand in several models."""

    def __init__(self, shown: _Shown) -> None:
        self._shown = shown
        self._boxes = 0

    def drawn(self, model: Model) -> list[str]:
        """The boxes and edges of a model."""
        return self._inside(model, "  ")[0]

    def _inside(self, model: Model, indent: str) -> tuple[list[str], list[str], list[str]]:
        """The lines of a model, the boxes its inputs go to, and those its outputs come from."""
        found = connections_of(model)
        if found is None:
            return self._box(model, indent)
        lines: list[str] = []
        heads: dict[Layer, list[str]] = {}
        tails: dict[Layer, list[str]] = {}
        for layer in found.sources:
            opened = self._shown.nested and isinstance(layer, Model) and connections_of(layer) is not None
            made = self._frame(layer, indent) if opened else self._box(layer, indent)  # type: ignore[arg-type]
            lines += made[0]
            heads[layer], tails[layer] = made[1:]
        for layer, sources in found.sources.items():
            pairs = [(tail, head) for source in sources for tail in tails[source[0]] for head in heads[layer]]
            lines += [f"{indent}{tail} -> {head};" for tail, head in dict.fromkeys(pairs)]
        starts = [layer for layer, sources in found.sources.items() if not sources]
        return (
            lines,
            [box for layer in starts for box in heads[layer]],
            [b for end in found.ends for b in tails[end]],
        )

    def _frame(self, model: Model, indent: str) -> tuple[list[str], list[str], list[str]]:
        self._boxes += 1
        first = f"{indent}subgraph cluster_{self._boxes} {{"
        lines, heads, tails = self._inside(model, indent + "  ")
        return [first, f"{indent}  label={_quoted(model.name)};", *lines, f"{indent}}}"], heads, tails

    def _box(self, layer: Layer, indent: str) -> tuple[list[str], list[str], list[str]]:
        self._boxes += 1
        name = f"box_{self._boxes}"
        rows = "".join(f"<tr><td>{escape(row)}</td></tr>" for row in self._rows(layer))
        table = f'<table border="0" cellborder="1" cellspacing="0" cellpadding="6">{rows}</table>'
        return [f"{indent}{name} [label=<{table}>];"], [name], [name]

    def _rows(self, layer: Layer) -> Iterator[str]:
        kind, shown = type(layer).__name__, self._shown
        yield f"{layer.name} ({kind})" if shown.names else kind
        activation = getattr(layer, "activation", None)
        if shown.activations and activation is not None:
            yield f"Activation: {getattr(activation, '__name__', None) or getattr(activation, 'name', activation)}"
        if shown.shapes:
            if layer.build_shape is not None:
                yield f"Input shape: {layer.build_shape}"
            yield f"Output shape: {output_shape(layer)}"
        if shown.dtype:
            yield f"Output dtype: {layer.compute_dtype}"
        if shown.trainable and layer.weights:
            yield f"Trainable: {layer.trainable}"


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
