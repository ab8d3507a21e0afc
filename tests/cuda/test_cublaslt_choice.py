"""Whether cuBLASLt or a kernel of densor's computes a product: by measurement, and by records of that."""

import re

import pytest

from tests.cuda.test_arrays import on_device
from tests.cuda.test_cublaslt import build, needs_compiler, run


@on_device
@needs_compiler
class TestFaster:
    """At the start the faster of both is chosen: the stand-in where nothing follows a product, as the clock of the
    emulated device counts its own kernels."""

    FIT = """
x = np.random.default_rng(0).standard_normal((40, 150)).astype(np.float32)
_core.emulate_device('ascending', False, clock=(10.0, 1.0))
config.set_device('cuda')
def fit():
    densor.utils.set_random_seed(1)
    model = densor.Sequential([densor.Input((150,)), densor.layers.Dense(140, 'relu'), densor.layers.Dense(2)])
    model.compile('adam', 'mse')
    model.fit(x, x[:, :2], epochs=1, batch_size=20, verbose=0)
    return model
def calls():
    here = [line.split()[-1] for line in open('/proc/self/maps') if 'libcublasLt' in line]
    return ctypes.c_int.in_dll(ctypes.CDLL(here[0]), 'fake_calls').value if here else None
"""

    @staticmethod
    def records(folder):
        """Whose products were measured to be the fastest, by shape and setting."""
        lines = [line for file in folder.glob("densor/*") for line in file.read_text().splitlines()[1:]]
        return {key: record.split()[0] for key, record in (line.split(" = ") for line in lines)}

    def test_it_is_not_loaded_where_nothing_is_measured(self, tmp_path):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        assert run(self.FIT + "fit(); say([calls(), config.matmul_backend()])", tmp_path) == [None, "auto"]

    def test_the_faster_one_is_kept(self, tmp_path):
        library = build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        cache = {"XDG_CACHE_HOME": str(tmp_path)}
        program = self.FIT + "config.set_autotune(True); fit(); say(calls())"
        measured = run(program, tmp_path, **cache)
        found = self.records(tmp_path)
        assert "cublaslt" in found.values()
        assert all(key.endswith(" highest any") for key in found)
        # On record: nothing is measured, the library computes what it did.
        assert 0 < run(program, tmp_path, **cache) < measured
        assert self.records(tmp_path) == found
        # It is gone: ours compute, as measured then.
        library.unlink()
        assert run(program, tmp_path, **cache) is None
        later = self.records(tmp_path)
        assert later.items() > found.items()
        theirs = {key.removesuffix(" any") for key, kernel in found.items() if kernel == "cublaslt"}
        assert {key.removesuffix(" own") for key in later.keys() - found.keys()} == theirs

    def test_it_is_not_loaded_where_ours_are_on_record(self, tmp_path):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        cache = {"XDG_CACHE_HOME": str(tmp_path)}
        program = self.FIT + "config.set_autotune(True); fit(); say(calls())"
        run(program, tmp_path, **cache)
        for file in tmp_path.glob("densor/*"):
            file.write_text(re.sub(r"= cublaslt \d+", "= simt 0", file.read_text()))
        assert run(program, tmp_path, **cache) is None

    def test_layers_stored_in_bfloat16_have_records_of_their_own(self, tmp_path):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = self.FIT + (
            "config.set_dtype_policy('mixed_bfloat16'); config.set_autotune(True); fit(); say(calls())"
        )
        assert run(program, tmp_path, XDG_CACHE_HOME=str(tmp_path)) > 0
        found = self.records(tmp_path)
        assert any(key.endswith(" any bfloat16") and kernel == "cublaslt" for key, kernel in found.items())

    def test_predictions_stay_ours(self, tmp_path):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = self.FIT + (
            "config.set_autotune(True); config.set_matmul_precision('medium'); model = fit(); before = calls()\n"
            "model.predict(x, batch_size=8, verbose=0); say([before, calls()])"
        )
        before, after = run(program, tmp_path, XDG_CACHE_HOME=str(tmp_path))
        assert before == after > 0

    def test_a_library_that_cannot_be_used_is_no_choice(self, tmp_path):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = self.FIT + "config.set_autotune(True); fit(); say(calls())"
        cache = {"XDG_CACHE_HOME": str(tmp_path)}
        assert run(program, tmp_path, FAKE_CUBLASLT="no handle", **cache) == 0
        found = self.records(tmp_path)
        assert found
        assert all(key.endswith(" own") for key in found)

    @pytest.mark.parametrize("mode", ["supports nothing", "finds nothing", "fails"])
    def test_what_it_does_not_compute_is_ours(self, tmp_path, mode):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = self.FIT + "config.set_autotune(True); fit(); say(calls())"
        called = run(program, tmp_path, FAKE_CUBLASLT=mode, XDG_CACHE_HOME=str(tmp_path))
        assert (called > 0) == (mode == "fails")
        found = self.records(tmp_path)
        assert all(key.endswith(" any") for key in found)
        assert "cublaslt" not in found.values()

    def test_one_that_was_missing_is_a_choice_once_it_is_there(self, tmp_path):
        folder = tmp_path / "nvidia" / "cublas" / "lib"
        there = build(tmp_path / "elsewhere", 130000)
        program = self.FIT + (
            "config.set_autotune(True); fit(); before = calls()\n"
            f"import os; os.makedirs({str(folder)!r}); os.rename({str(there)!r}, {str(folder / there.name)!r})\n"
            "where(); config.set_matmul_backend('auto'); fit(); say([before, calls()])"
        )
        before, after = run(program, tmp_path, XDG_CACHE_HOME=str(tmp_path))
        assert before is None
        assert after > 0

    def test_what_overflows_on_the_way_is_repaired(self, tmp_path):
        build(tmp_path / "nvidia" / "cublas" / "lib", 130000)
        program = (
            "where(); config.set_matmul_precision('medium')\n"
            "x, w = np.full((3, 1), 3.4e38, np.float32), np.full((1, 2), 0.5, np.float32)\n"
            "y = np.zeros((3, 2), np.float32)\n"
            "_core.dense_forward(y, None, x, w, None, 'linear', 0.0, training=True).run()\n"
            "say((y == x[:1] * 0.5).all().item())"
        )
        assert run(program, tmp_path)
