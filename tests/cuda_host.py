"""The extension whose CUDA kernels run on the processor, in the place of the real one, where
`DENSOR_TEST_CUDA=host` asks for it: `make test-cuda`."""

import importlib.util
import os
import sys
from pathlib import Path

BUILD = Path(__file__).parent.parent / "build"


def asked() -> str | None:
    """The CUDA side that the tests are to run on: None, "host" (the processor), "apart" or "gpu".

    "apart": on the processor, but in memory that is not that of NumPy's arrays, as on a GPU.
    """
    return os.environ.get("DENSOR_TEST_CUDA")


def sanitized() -> bool:
    """Whether the kernels run under AddressSanitizer: `make test-cuda-asan`."""
    return _sanitizer() == "address"


def watched() -> bool:
    """Whether every access of the kernels is watched for races: `make test-cuda-tsan`."""
    return _sanitizer() == "thread"


def _sanitizer() -> str:
    return os.environ.get("DENSOR_TEST_SANITIZER", "")


def use_cuda_host() -> None:
    """Loads it before anything imports densor."""
    if asked() not in ("host", "apart"):
        return
    assert "densor" not in sys.modules, "densor was imported before its extension could be chosen"
    built = BUILD / {"address": "cuda_asan", "thread": "cuda_tsan"}.get(_sanitizer(), "cuda_host")
    found = sorted(built.glob("_core*.so"))
    assert found, (
        f"no extension in {built}: `make test-cuda`, `make test-cuda-asan` and `make test-cuda-tsan` build them"
    )
    spec = importlib.util.spec_from_file_location("densor._core", found[0])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["densor._core"] = module
    spec.loader.exec_module(module)
