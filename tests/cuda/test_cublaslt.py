"""cuBLASLt as a back end: a stand-in for it, built here, proves the order of the search, the calls and the errors;
its real header, where there is one, that it is declared as it is."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from densor import _core
from densor.errors import DeviceError
from tests.cuda.test_arrays import on_device

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
API = ROOT / "csrc" / "cuda" / "gemm" / "cublaslt_api.h"
COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler builds the stand-in")


def build(folder, version, *options):
    folder.mkdir(parents=True)
    path = folder / "libcublasLt.so.13"
    command = [COMPILER, "-shared", "-fPIC", "-O1", f"-DFAKE_VERSION={version}", f"-Wl,-soname,{path.name}"]
    subprocess.run([*command, *options, HERE / "fake_cublaslt.c", "-o", path], check=True)
    return path


def run(program, *folders, **environment):
    """What the program prints as JSON, in a process of its own: a library is loaded once."""
    preamble = (
        "import ctypes, json, sys\n"
        "from tests.cuda_host import use_cuda_host; use_cuda_host()\n"
        "import numpy as np, densor\n"
        "from densor import _core, config\n"
        "_core.emulate_device('ascending')\n"
        f"sys.path[:0] = {[str(folder) for folder in folders]}\n"
        "def where():\n"
        "    config.set_matmul_backend('cublaslt')\n"
        "    return _core.set_matmul_backend('cublaslt')\n"
        "say = lambda value: print(json.dumps(value))\n"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "python")])
    done = subprocess.run(
        [sys.executable, "-c", preamble + program],
        env={**os.environ, "PYTHONPATH": paths, "CONDA_PREFIX": "", **environment},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


PRODUCTS = """
rng = np.random.default_rng(0)
def close(precision, tolerance, m, n, k):
    config.set_matmul_precision(precision)
    x, w, dy = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n), (m, n)))
    bias = rng.standard_normal(n).astype(np.float32)
    y, dx, dw = np.full_like(dy, np.nan), np.full_like(x, np.nan), np.full_like(w, np.nan)
    _core.dense_forward(y, None, x, w, bias, "relu", 0.0).run()
    want = [np.maximum(x @ w + bias, 0), dy @ w.T, x.T @ dy]
    _core.dense_backward(dx, dw, None, None, dy, None, x, w, "linear", 0.0).run()
    fused, mask = np.full_like(x, np.nan), rng.integers(0, 65536, (m, -(-k // 16)), np.uint16)
    below = {"below_mask": mask, "below_rate": 0.5, "below_saved": x, "below_activation": "relu"}
    _core.dense_backward(fused, None, None, None, dy, None, x, w, "linear", 0.0, **below).run()
    z, gelu = np.full_like(y, np.nan), np.full_like(y, np.nan)
    _core.dense_forward(gelu, z, x, w, bias, "gelu", 0.0).run()
    wanted, tanh = np.full_like(y, np.nan), np.full_like(y, np.nan)
    _core.activation_forward(wanted, z, "gelu", 0.0).run()
    _core.dense_forward(tanh, None, x, w, bias, "tanh", 0.0).run()
    keep = np.unpackbits(mask.view(np.uint8), axis=1, bitorder="little")[:, :k] * (x > 0)
    pairs = [*zip((y, dx, dw), want), (fused, 2 * keep * want[1])]
    pairs += [(z, x @ w + bias), (tanh, np.tanh(x @ w + bias))]
    assert np.array_equal(gelu, wanted)
    return all(np.abs(a - b).max() <= tolerance * (m + n + k) for a, b in pairs)
"""


# Small integers: every sum is exact, so that what is stored is the rounded result.
HALVES = """
from tests.reference import cast
def farthest(m, n, k):
    rng = np.random.default_rng(0)
    narrow = lambda x: cast.narrow(np.asarray(x, np.float32)).view(cast.STORED)
    x, w, dy = (rng.integers(-8, 9, shape).astype(np.float32) for shape in ((m, k), (k, n), (m, n)))
    bias = rng.integers(-8, 9, n).astype(np.float32)
    y, z, gelu, dx = (np.zeros(shape, cast.STORED) for shape in ((m, n), (m, n), (m, n), (m, k)))
    dw, single = np.full_like(w, np.nan), np.full_like(dy, np.nan)
    a, b, d = narrow(x), narrow(w), narrow(dy)
    _core.dense_forward(y, None, a, b, bias, "relu", 0.0).run()
    _core.dense_forward(gelu, z, a, b, bias, "gelu", 0.0).run()
    _core.dense_forward(single, None, a, b, bias, "linear", 0.0).run()
    mask = rng.integers(0, 65536, (m, -(-k // 16)), np.uint16)
    below = {"below_mask": mask, "below_rate": 0.5, "below_saved": a, "below_activation": "relu"}
    _core.dense_backward(dx, dw, None, None, d, None, a, b, "linear", 0.0, **below).run()
    sums, keep = x @ w + bias, np.unpackbits(mask.view(np.uint8), axis=1, bitorder="little")[:, :k] * (x > 0)
    exact, activated = np.full_like(sums, np.nan), sums.copy()
    _core.activation_forward(exact, activated, "gelu", 0.0).run()
    pairs = [(y, np.maximum(sums, 0)), (z, sums), (gelu, exact), (dx, 2 * keep * (dy @ w.T))]
    stored = [(cast.widen(found.view(np.uint16)), cast.widen(cast.narrow(want))) for found, want in pairs]
    return max(float(np.abs(found - want).max()) for found, want in [*stored, (dw, x.T @ dy), (single, sums)])
"""


@on_device
@needs_compiler
class TestStandIn:
    def test_site_packages_come_before_conda_and_the_loader(self, tmp_path):
        package = build(tmp_path / "site" / "nvidia" / "cublas" / "lib", 130001)
        build(tmp_path / "site" / "nvidia" / "cu13" / "lib", 130002)
        build(tmp_path / "conda" / "lib", 130003)
        loader = build(tmp_path / "loader", 130004)
        conda, found = {"CONDA_PREFIX": str(tmp_path / "conda")}, {"LD_LIBRARY_PATH": str(loader.parent)}
        program = "say(where())"
        assert run(program, tmp_path / "site", **conda, **found) == f"{package}, version 130001"
        shutil.rmtree(package.parent)
        assert run(program, tmp_path / "site", **conda, **found).endswith(
            "cu13/lib/libcublasLt.so.13, version 130002"
        )
        assert run(program, **conda, **found).endswith("conda/lib/libcublasLt.so.13, version 130003")
        assert run(program, **found) == "libcublasLt.so.13, version 130004"

    def test_one_that_is_loaded_already_comes_first(self, tmp_path):
        build(tmp_path / "site" / "nvidia" / "cublas" / "lib", 130001)
        other = build(tmp_path / "other", 120900)
        told = run(f"ctypes.CDLL({str(other)!r}); say(where())", tmp_path / "site")
        assert told == "libcublasLt.so.13 (already loaded), version 120900"

    def test_it_computes_products_and_the_rest_stays_ours(self, tmp_path):
        library = build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = PRODUCTS + (
            f"calls = lambda: ctypes.c_int.in_dll(ctypes.CDLL({str(library)!r}), 'fake_calls').value\n"
            "counts, right = [], []\n"
            "for backend, precision, tolerance in (('own', 'highest', 1e-6), ('cublaslt', 'highest', 1e-6),\n"
            "                                      ('cublaslt', 'medium', 2e-2), ('cublaslt', 'high', 1e-5)):\n"
            "    if backend != 'own': config.set_matmul_backend(backend)\n"
            "    for m, n, k in ((1, 1, 1), (5, 7, 3), (33, 20, 40)):\n"
            "        right.append(close(precision, tolerance, m, n, k))\n"
            "    counts.append(calls())\n"
            "say([right, counts, _core.device_gemm_plan(8, 8, 8)])"
        )
        right, counts, plan = run(program, tmp_path)
        assert all(right), right
        assert counts == [0, 18, 36, 36]
        assert plan.endswith("3 products of bfloat16 terms, tile 128x64")

    def test_it_multiplies_what_is_stored_in_bfloat16(self, tmp_path):
        library = build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = HALVES + (
            "where()\n"
            "worst = max(farthest(m, n, k) for m, n, k in ((1, 1, 1), (5, 7, 3), (33, 20, 40)))\n"
            f"say([worst, ctypes.c_int.in_dll(ctypes.CDLL({str(library)!r}), 'fake_calls').value])"
        )
        assert run(program, tmp_path) == [0.0, 15]

    @pytest.mark.parametrize("mode", ["supports nothing", "finds nothing"])
    def test_where_it_has_no_algorithm_ours_computes(self, tmp_path, mode):
        library = build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = PRODUCTS + (
            "where(); right = close('highest', 1e-6, 5, 7, 3)\n"
            f"say([right, ctypes.c_int.in_dll(ctypes.CDLL({str(library)!r}), 'fake_calls').value])"
        )
        assert run(program, tmp_path, FAKE_CUBLASLT=mode) == [True, 0]

    @pytest.mark.parametrize(("policy", "tolerance"), [("float32", 1e-5), ("mixed_bfloat16", 2e-2)])
    def test_models_train_with_it(self, tmp_path, policy, tolerance):
        library = build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = (
            "x = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)\n"
            "_core.emulate_device('ascending', False)\n"
            "config.set_device('cuda')\n"
            "def fit():\n"
            "    densor.utils.set_random_seed(1)\n"
            f"    config.set_dtype_policy({policy!r})\n"
            "    wide = [densor.layers.Dense(140, activation=name) for name in ('relu', 'tanh')]\n"
            "    layers = [wide[0], densor.layers.Dropout(0.2), wide[1], densor.layers.Dense(2, dtype='float32')]\n"
            "    model = densor.Sequential([densor.Input((6,)), *layers])\n"
            "    model.compile('adam', 'mse')\n"
            "    model.fit(x, x[:, :2], epochs=3, batch_size=16, verbose=0)\n"
            "    return model.get_weights()\n"
            "own = fit(); where(); theirs = fit()\n"
            f"calls = ctypes.c_int.in_dll(ctypes.CDLL({str(library)!r}), 'fake_calls').value\n"
            "say([calls, max(float(np.abs(a - b).max()) for a, b in zip(own, theirs))])"
        )
        calls, difference = run(program, tmp_path)
        assert calls == 3 * 3 * 8, "three epochs of three batches, of three layers forward and backward"
        assert 0 < difference < tolerance

    def test_a_failure_names_the_call_and_what_the_library_says(self, tmp_path):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = PRODUCTS + (
            "where()\n"
            "try: close('highest', 1e-6, 5, 7, 3)\n"
            "except densor.errors.DeviceError as error: say(str(error))"
        )
        assert (
            run(program, tmp_path, FAKE_CUBLASLT="fails")
            == "cublasLtMatmul(): cuBLASLt: EXECUTION_FAILED (13)"
        )

    @pytest.mark.parametrize(
        ("options", "mode", "words"),
        [
            ((), "no handle", "cublasLtCreate(): cuBLASLt: OTHER (1)"),
            (("-DFAKE_WITHOUT_PREFERENCES",), "", "has no entry point cublasLtMatmulPreferenceSetAttribute"),
        ],
    )
    def test_a_library_that_cannot_be_used_changes_nothing(self, tmp_path, options, mode, words):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000, *options)
        program = (
            "try: where()\n"
            "except densor.errors.DeviceError as error: say([str(error), config.matmul_backend()])"
        )
        told, backend = run(program, tmp_path, FAKE_CUBLASLT=mode)
        assert words in told
        assert backend == "auto"

    def test_nothing_found_says_where_it_looked(self, tmp_path):
        broken = tmp_path / "nvidia" / "cublas" / "lib" / "libcublasLt.so.13"
        broken.parent.mkdir(parents=True)
        broken.write_text("no library")
        program = "try: where()\nexcept densor.errors.DeviceError as error: say(str(error))"
        told = run(program, tmp_path)
        assert "cuBLASLt is not there: install the package nvidia-cublas" in told
        assert str(broken) in told
        assert "libcublasLt.so.12" in told


def header():
    """The folder of cublasLt.h, from a package or a toolkit."""
    folders = [
        Path(entry, "nvidia", package, "include") for entry in sys.path for package in ("cublas", "cu13")
    ]
    folders += [Path("/usr/local/cuda/include"), *Path("/usr/local").glob("cuda-1[23]*/include")]
    return next((folder for folder in folders if (folder / "cublasLt.h").exists()), None)


def test_it_is_declared_as_in_its_header(tmp_path):
    """Every constant has the value, every structure the size, every entry point the parameters of the real one."""
    text = API.read_text()
    constants = re.findall(r"(k\w+) = [^;]+;\s*// (CU\w+)", text)
    structures = re.findall(r"struct (\w+) \{  // (cublas\w+)", text)
    entries = re.findall(r"\(\*(cublasLt\w+)\)", text)
    assert (len(constants), len(structures), len(entries)) == (15, 2, 13)
    lines = [
        f'#include "{API}"',
        "#include <type_traits>",
        "using namespace densor::cuda::cublaslt;",
        "template <class A, class B> constexpr bool alike() {",
        "  if constexpr (std::is_void_v<A> || std::is_void_v<B>) return std::is_void_v<A> == std::is_void_v<B>;",
        "  else return sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B>;",
        "}",
        "template <class R, class... A, class S, class... B>",
        "constexpr bool same(R (*)(A...), S (*)(B...)) {",
        "  if constexpr (sizeof...(A) != sizeof...(B)) return false;",
        "  else return alike<R, S>() && (alike<A, B>() && ...);",
        "}",
        *(f"static_assert({ours} == static_cast<int>({theirs}));" for ours, theirs in constants),
        *(f"static_assert(sizeof({ours}) == sizeof({theirs}));" for ours, theirs in structures),
        *(f"static_assert(same(&::{name}, decltype(Api::{name}){{}}));" for name in entries),
    ]
    compile_with_header(tmp_path, lines)


def compile_with_header(folder_of_source, lines):
    """As C++ that includes cublasLt.h."""
    folder, compiler = header(), shutil.which("c++")
    if folder is None or compiler is None:
        pytest.skip(
            "cublasLt.h or a C++ compiler is not on this machine: `pip install nvidia-cublas` brings it"
        )
    source = folder_of_source / "same.cpp"
    source.write_text("\n".join(["#include <cublasLt.h>", *lines]) + "\n")
    others = [f"-I{path}" for path in folder.parent.parent.glob("*/include")]
    others += [f"-I{path}" for path in Path("/usr/local").glob("cuda*/include")]
    command = [compiler, "-std=c++20", "-fsyntax-only", f"-I{folder}", *others, source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_bench_has_the_numbers_of_the_header(tmp_path):
    """Those that bench/gpu/cublaslt.py hands to the library, which is loaded on a GPU only."""
    text = (ROOT / "bench" / "gpu" / "cublaslt.py").read_text()
    constants = re.findall(r"^\w+ = (\d+)  # (CU\w+)$", text, re.MULTILINE)
    epilogues = re.findall(r'"(\w+)": (\d+)', text[: text.index("F32 =")])
    assert (len(constants), len(epilogues)) == (14, 16)
    constants += [(value, f"CUBLASLT_EPILOGUE_{name}") for name, value in epilogues]
    # Libraries of CUDA 12 do not know how emulation is told, and the bench does not tell them.
    later = "".join(f"#define {name} {value}\n" for value, name in constants if "EMULATION" in name)
    guarded = f"#if CUBLAS_VERSION < 130100\n{later}#endif"
    asserts = (f"static_assert({ours} == static_cast<int>({theirs}));" for ours, theirs in constants)
    compile_with_header(tmp_path, [guarded, *asserts])


@pytest.mark.skipif(_core.build_info()["cuda"] != "absent", reason="this build has CUDA kernels")
def test_a_build_without_cuda_says_so():
    from densor import config

    with pytest.raises(DeviceError, match="no CUDA kernels"):
        config.set_matmul_backend("cublaslt")
    assert config.matmul_backend() == "auto"


def test_another_name_is_refused():
    from densor import config

    with pytest.raises(ValueError, match=r"set_matmul_backend.*cublaslt"):
        config.set_matmul_backend("cublas")
