"""The tutorial notebook, "the chapter, slide by slide": every cell runs, and the committed outputs are of one run."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

import densor

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOTEBOOK = EXAMPLES / "the_chapter.ipynb"

pytestmark = pytest.mark.skipif(not NOTEBOOK.exists(), reason="only in a checkout")


def cells(kind):
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == kind]


def execute():
    """The function that `make notebook` uses."""
    spec = importlib.util.spec_from_file_location("execute", EXAMPLES / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.executed


@pytest.mark.filterwarnings("default")  # of the notebook's machinery
def test_every_cell_runs(monkeypatch):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(Path(densor.__file__).parents[1]))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = execute()(NOTEBOOK)
    assert not [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "error"
    ]
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "Warning" not in printed


@pytest.mark.filterwarnings("default")
def test_a_cell_that_raises_fails(monkeypatch, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(Path(densor.__file__).parents[1]))
    text = json.loads(NOTEBOOK.read_text())
    text["cells"] = [{**cells("code")[0], "source": "raise ValueError('broken')", "outputs": []}]
    (tmp_path / "broken.ipynb").write_text(json.dumps(text))
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="broken"):
        execute()(tmp_path / "broken.ipynb")


def test_outputs_are_of_one_run_from_the_start():
    assert [cell["execution_count"] for cell in cells("code")] == list(range(1, len(cells("code")) + 1))
    assert sum(bool(cell["outputs"]) for cell in cells("code")) > 15
    assert (
        sum("image/png" in output.get("data", {}) for cell in cells("code") for output in cell["outputs"]) > 5
    )


def test_nothing_of_a_machine_is_in_it():
    text = NOTEBOOK.read_text()
    assert not re.search(r"(?<![\w.])/(home|root|tmp|usr|var|work|Users|opt)/", text)
    assert "timestamp" not in text
    assert len(text) < 1_500_000


def test_it_follows_the_slides():
    headings = [line for cell in cells("markdown") for line in "".join(cell["source"]).splitlines()]
    titles = [line.removeprefix("## ") for line in headings if line.startswith("## ")]
    assert len(titles) >= 14
    for word in ("Vanishing", "initialization", "Batch normalization", "clipping", "pretrained", "optimizers",
                 "scheduling", "dropout", "Monitoring", "Ensembles", "Distillation"):  # fmt: skip
        assert any(word in title for title in titles), word
