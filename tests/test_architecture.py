"""The rules of the house that a machine can check: arrows, stems, lengths, exported symbols, words."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import densor

ROOT = Path(__file__).resolve().parents[1]
CSRC = ROOT / "csrc"
PACKAGE = ROOT / "python" / "densor"

# A file may include or import what has a rank no higher than its own.
CPP_RANKS = {"core": 0, "math": 1, "cpu": 2, "cuda": 2, "ops": 3, "program": 4, "bindings": 5}
PYTHON_RANKS = (
    dict.fromkeys(("_core", "_check", "_registry", "_version", "errors"), 0)
    | dict.fromkeys(("_array", "_seeds", "config", "dtype_policies"), 1)
    | {"graph": 2, "ops": 3}
    | dict.fromkeys(("initializers", "regularizers", "constraints", "schedules", "activations"), 4)
    | dict.fromkeys(("layers", "losses", "metrics", "optimizers", "callbacks"), 5)
    | {"models": 6, "": 7}
)
LENGTH_LIMIT, HARD_LENGTH_LIMIT, FUNCTION_LIMIT = 400, 600, 60
# Operations that are no node of a graph: checks of data, sums of losses and samples, random fills.
WITHOUT_NODE = {"accumulate", "count_nonfinite", "label_range", "monte_carlo", "random"}
# Operations of a GPU alone, each with its reason.
WITHOUT_CPU = {"dense_chain": "layers run one by one: what they hand on stays in a CPU's cache"}
# Files that may be longer than 400 lines, each with its reason.
LONG_FILES: dict[str, str] = {}

pytestmark = pytest.mark.skipif(not CSRC.exists(), reason="only in a checkout")


def files(*patterns, under=(CSRC, PACKAGE, ROOT / "tests", ROOT / "bench")):
    return sorted(path for folder in under for pattern in patterns for path in folder.rglob(pattern))


def name(path):
    return str(path.relative_to(ROOT))


CPP_FILES = files("*.h", "*.cpp", "*.cu", "*.cuh", under=(CSRC,))
PYTHON_FILES = files("*.py", "*.pyi")
STEMS = sorted(path.stem for path in (CSRC / "ops").glob("*.h"))


def includes(path):
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", CPP_FILES, ids=name)
def test_cpp_arrows(path):
    own = path.relative_to(CSRC).parts[0]
    for included in includes(path):
        folder = included.split("/")[0]
        if folder in CPP_RANKS and "/" in included:
            assert CPP_RANKS[folder] <= CPP_RANKS[own], f"{own}/ must not include {included}"
            assert {own, folder} != {"cpu", "cuda"}, "cpu/ and cuda/ do not see each other"
        if re.match(r"cuda[._]|cublas|nvrtc|cooperative_groups", included):
            assert own == "cuda", f"CUDA headers stay in cuda/: {included}"
        if re.match(r"pybind11/|Python\.h|numpy/", included):
            assert own == "bindings", f"Python stays in bindings/: {included}"


def python_module(path):
    """The part of the package that a file belongs to, as it is in PYTHON_RANKS."""
    part = path.relative_to(PACKAGE).parts[0].split(".")[0]
    return part if part in PYTHON_RANKS else ""


def imported_parts(path):
    """The parts of the package that a file imports, with the line; inside functions and `if` as well."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            origin = (node.module or "").split(".")
            if origin[0] == "densor":
                parts = [origin[1]] if len(origin) > 1 else [alias.name for alias in node.names]
                yield from ((part, node.lineno) for part in parts)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                origin = alias.name.split(".")
                if origin[0] == "densor":
                    yield (origin[1] if len(origin) > 1 else ""), node.lineno


@pytest.mark.parametrize("path", files("*.py", under=(PACKAGE,)), ids=name)
def test_python_arrows(path):
    own = python_module(path)
    for part, line in imported_parts(path):
        rank = PYTHON_RANKS.get(part, PYTHON_RANKS[""])
        assert rank <= PYTHON_RANKS[own], f"line {line}: {own} must not import {part or 'densor itself'}"


@pytest.mark.parametrize("stem", STEMS)
def test_a_stem_has_all_its_files(stem):
    kernel, bench = "csrc/cpu/generic/{}.h", "bench/ops/bench_{}.py"
    if stem in WITHOUT_CPU:
        kernel, bench = "csrc/cuda/{}.cu", "bench/gpu/{}.py"
    wanted = ["csrc/ops/{}.cpp", "csrc/bindings/{}.cpp", kernel]
    if stem not in WITHOUT_NODE:
        wanted += ["tests/reference/{}.py", bench]
        nodes = "".join(
            path.read_text() for folder in ("ops", "graph") for path in (PACKAGE / folder).glob("*.py")
        )
        assert re.search(rf"\b_core\.{stem}(_forward)?\b|\"{stem}\"", nodes), f"no node calls {stem}"
    for pattern in wanted:
        path = pattern.format(stem)
        assert (ROOT / path).exists(), f"{path} is missing"
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "ops").glob("test_*.py"))
    assert re.search(rf"\b{stem}(_forward|_backward)?\b", tests), f"no test in tests/ops names {stem}"


@pytest.mark.parametrize("path", [*CPP_FILES, *PYTHON_FILES], ids=name)
def test_file_length(path):
    limit = HARD_LENGTH_LIMIT if name(path) in LONG_FILES else LENGTH_LIMIT
    assert len(path.read_text().splitlines()) <= limit


@pytest.mark.parametrize("path", files("*.py"), ids=name)
def test_python_function_length(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            # A docstring is documentation, not length.
            documented = ast.get_docstring(node) is not None
            first = node.body[1].lineno if documented and len(node.body) > 1 else node.lineno
            assert node.end_lineno - first + 1 <= FUNCTION_LIMIT, f"{node.name} is too long"


def code(path):
    """The lines of a C++ file without comments and the contents of literals, so that braces can be counted."""
    text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), path.read_text(), flags=re.DOTALL)
    return re.sub(r"//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'", "", text).splitlines()


def block_length(lines, start):
    """Lines from `start`, which opens a block, to the one that closes it."""
    depth = 0
    for number in range(start, len(lines)):
        depth += lines[number].count("{") - lines[number].count("}")
        if depth <= 0:
            return number - start + 1
    raise AssertionError(f"line {start + 1}: the block is not closed")


@pytest.mark.parametrize("path", CPP_FILES, ids=name)
def test_cpp_function_length(path):
    lines = code(path)
    for start, line in enumerate(lines):
        # A block behind a parameter list; a namespace or a class has none.
        if re.search(r"\).*\{$", line) and not line.lstrip().startswith("}"):
            assert block_length(lines, start) <= FUNCTION_LIMIT, f"line {start + 1}: {line.strip()}"


@pytest.mark.parametrize("path", files("*.h", "*.cuh", under=(CSRC,)), ids=name)
def test_headers_are_guarded(path):
    assert "#pragma once" in path.read_text()


def symbols(path, *options):
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("nm is not on this machine")
    listing = subprocess.run(
        [nm, "-C", "--defined-only", *options, path], capture_output=True, text=True, check=True
    )
    return [
        line.split(maxsplit=2)[2] for line in listing.stdout.splitlines() if line and not line.endswith(":")
    ]


def test_target_objects_export_one_symbol():
    """More would let the linker give everyone the AVX-512 copy of a shared function."""
    objects = sorted(ROOT.glob("build/**/cpu/targets/*.cpp.o"))
    targets = [path for path in objects if not path.name.startswith("list_")]
    if not targets:
        pytest.skip("no build folder")
    for path in targets:
        exported = symbols(path, "--extern-only")
        assert len(exported) == 1, f"{path.name} exports {exported}"


def test_tile_instructions_are_in_one_object():
    """Anywhere else they would run on machines that have none."""
    objdump = shutil.which("objdump")
    objects = sorted(ROOT.glob("build/**/cpu/targets/*.cpp.o"))
    if objdump is None or not objects:
        pytest.skip("no objdump or no build folder")
    if not any(path.name == "amx_gemm.cpp.o" for path in objects):
        pytest.skip("not x86")
    for path in objects:
        code = subprocess.run([objdump, "-d", path], capture_output=True, text=True, check=True).stdout
        found = set(
            re.findall(r"\b(?:tdpbf16ps|tileloadd|tilestored|tilezero|ldtilecfg|tilerelease)\b", code)
        )
        assert len(found) == (6 if path.name == "amx_gemm.cpp.o" else 0), f"{path.name}: {sorted(found)}"


def test_every_kernel_is_compared_between_targets():
    """By `make test-neon`: a kernel that nobody runs there could have other bits on another machine."""
    names = re.findall(r"\(\*(\w+)(?:\[[^\]]*\])?\)\(", (CSRC / "cpu" / "kernels.h").read_text())
    assert len(names) > 50
    cases = "".join(path.read_text() for path in (ROOT / "tests" / "native").glob("*.cpp"))
    missing = [kernel for kernel in names if not re.search(rf"\bkernels\.{kernel}\b", cases)]
    assert not missing, f"no case in tests/native runs {missing}"


def test_the_extension_exports_nothing_of_the_engine():
    from densor import _core

    exported = symbols(Path(_core.__file__), "--dynamic")
    assert "PyInit__core" in exported
    assert [symbol for symbol in exported if "densor" in symbol] == []


def source_text():
    kinds = ("*.h", "*.cpp", "*.cu", "*.cuh", "*.py", "*.pyi", "*.md", "*.txt", "*.toml", "Makefile")
    top = [path for kind in kinds for path in ROOT.glob(kind)]
    return [path for path in [*files(*kinds), *top] if path != Path(__file__)]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (r"\b(TODO|FIXME|XXX|HACK)\b", "unfinished work belongs into the tracker"),
        (r"[^`]-(ffast-math|Ofast)", "results would depend on the compiler's mood"),
        (r"#\s*pragma\s+omp|\bomp\.h\b|-fopenmp", "there is an own thread pool"),
        (r"pypi\.org|pythonhosted", "package hosts are the installer's business"),
        (r"/work/|/tmp/", "no path of one machine"),
    ],
)
def test_words_that_do_not_appear(words, reason):
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in source_text()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(words, line)
    ]
    assert not found, f"{reason}: {found}"


def test_no_file_ever_runs_code():
    for path in files("*.py", under=(PACKAGE,)):
        assert not re.search(r"\bimport (pickle|marshal|dill)\b|\b(eval|exec)\(", path.read_text()), name(
            path
        )


def test_no_module_is_named_utils():
    named = [
        name(path)
        for path in [*CPP_FILES, *PYTHON_FILES]
        if re.search(r"\b(utils?|helpers?|misc|old)\b", path.stem)
    ]
    # `keras.utils` is a public name of the API that densor mirrors.
    assert [path for path in named if path != "python/densor/utils.py"] == []


def test_the_library_prints_only_where_verbose_asks():
    for path in files("*.py", under=(PACKAGE,)):
        text = path.read_text()
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        printed = [
            call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"
        ]
        assert not printed or path.name == "cli.py" or "verbose" in text, (
            f"{name(path)}: print() in {printed}"
        )


def test_the_namespace_is_its_own_keras():
    assert densor.keras is densor
