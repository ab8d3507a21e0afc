"""What watches kernels on the processor (`make test-cuda-tsan`) finds accesses that nothing orders, also where the
values are right in either order of the threads, and what a GPU does otherwise; of all else it says nothing."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.cuda.native import build_watched

FINE = ("neighbours", "bytes beside", "lanes", "half of a warp", "blocks", "counts", "stages")
FINE += ("vectors", "shifts", "converts")
RACES = {  # with what the two lines do
    "neighbours that race": ("written[index()] = 1;", "if (written[(index() + 1)"),
    "bytes beside that race": ("written[index() / 2] = 1;", "written["),
    "lanes that race": ("written[index()] = 1;", "if (written[index() ^ kDistance]"),
    "half of a warp that races": ("written[index()] = 1;", "if (written[index() ^ kDistance]"),
    "blocks that race": ("global[index()] = 1;", "global[index()] != 1"),
    "counts that race": ("global[0] += 1;", "change_atomically"),
    "stages that race for want of a copy": ("copied(to, from", "if (tile["),
    "stages that race for the next copy": ("copied(to, from", "if (tile["),
}
FAULTS = {
    "vectors beside their place": ("an address is no multiple of 16", "float4 all"),
    "shifts by too much": ("a shift loses all bits or a sign", "1u << by"),
    "converts too much": ("an integer does not hold the value", "static_cast<int>(x)"),
}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return build_watched(tmp_path_factory.mktemp("racing"), "racing")


def said_of(program, order, kernel):
    done = subprocess.run([program, order, kernel], capture_output=True, text=True)
    return done.stdout + done.stderr


def lines_named(said):
    """The text of the innermost lines of sources that are named."""
    folders = (Path(__file__).parent, Path(__file__).parents[2] / "csrc/cuda/host")
    for name, number in re.findall(r"(?:\(| at )([\w.]+):(\d+)", said):
        [file] = [folder / name for folder in folders if (folder / name).exists()]
        yield file.read_text().splitlines()[int(number) - 1]


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("kernel", FINE)
def test_nothing_is_said_of_what_is_ordered(program, order, kernel):
    assert said_of(program, order, kernel) == "ordered\n"


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("kernel", RACES)
def test_a_race_is_found_and_both_lines_named(program, order, kernel):
    said = said_of(program, order, kernel)
    assert "two threads race" in said
    lines = list(lines_named(said))
    assert len(lines) == 2, said
    for text in RACES[kernel]:
        assert any(text in line for line in lines), said


@pytest.mark.parametrize("kernel", FAULTS)
def test_what_only_the_processor_does_is_named(program, kernel):
    said = said_of(program, "ascending", kernel)
    what, line = FAULTS[kernel]
    assert what in said
    assert [line in text for text in lines_named(said)] == [True], said
