"""The extension whose CUDA kernels run on the processor, in the place of the real one, where
`DENSOR_TEST_CUDA=host` asks for it: `make test-cuda`."""

import importlib.util
import os
import sys
from pathlib import Path

BUILT = Path(__file__).parent.parent / "build" / "cuda_host"


def asked() -> str | None:
    """The CUDA side that the tests are to run on: None, "host" (the processor) or "gpu" (with CuPy's arrays)."""
    return os.environ.get("DENSOR_TEST_CUDA")


def use_cuda_host() -> None:
    """Loads it before anything imports densor."""
    if asked() != "host":
        return
    assert "densor" not in sys.modules, "densor was imported before its extension could be chosen"
    found = sorted(BUILT.glob("_core*.so"))
    assert found, f"no extension in {BUILT}: build it with -DDENSOR_CUDA_HOST=ON (make test-cuda does)"
    spec = importlib.util.spec_from_file_location("densor._core", found[0])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["densor._core"] = module
    spec.loader.exec_module(module)
