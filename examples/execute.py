"""Executes the tutorial notebook and writes it back with its outputs: `make notebook`.

Nothing of the machine stays in the file: no times, no paths, no versions.
"""

from pathlib import Path

NOTEBOOK = Path(__file__).resolve().parent / "the_chapter.ipynb"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def executed(path):
    """The notebook with fresh outputs; raises nbclient's CellExecutionError where a cell raises."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False).execute()
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output.metadata = {}
    return notebook


if __name__ == "__main__":
    import nbformat

    nbformat.write(executed(NOTEBOOK), NOTEBOOK)
    print(f"{NOTEBOOK.name}: {NOTEBOOK.stat().st_size:,} bytes")
