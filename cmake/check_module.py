"""Builds the extension for a GPU and looks at it on a machine that needs none: `make cuda-module`.

It must link, need no CUDA library, load fast, and say what is missing where there is no driver. Beside what the
build folder has, only kernels of one architecture are compiled: `make cuda-compile` compiles the others.
"""

import ctypes
import os
import re
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

from compile_kernels import ROOT, find_nvcc

MOST = 50  # milliseconds of `import densor` beyond that of NumPy
LOAD = """
import importlib.util, sys, time
import numpy
start = time.perf_counter()
spec = importlib.util.spec_from_file_location("densor._core", sys.argv[1])
sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import densor
"""
TIME = "print(1000 * (time.perf_counter() - start))"
USE = """
try:
    densor.config.set_device("cuda")
except densor.errors.DeviceError as error:
    print(error)
print(densor.config.show_config().cuda)
densor.config.set_device("auto")
print(densor.config.device())
"""


def build(nvcc: str) -> Path:
    """The extension, built in the folder of this environment's."""
    defines, environment = ["DENSOR_CUDA_MODULE=ON"], os.environ | {"CUDACXX": nvcc}
    library = Path(nvcc).resolve().parent.parent / "lib"
    if (library / "libcudart_static.a").exists():
        # NVIDIA's packages for pip are laid out in another way than the toolkit that CMake knows.
        environment["LIBRARY_PATH"] = str(library)
        defines += [f"CUDA_CUDART={path}" for path in sorted(library.glob("libcudart.so*"))[:1]]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "-e", str(ROOT)]
    # By the environment: not every pip has the option for it.
    environment["SKBUILD_CMAKE_DEFINE"] = ";".join(
        filter(None, [os.environ.get("SKBUILD_CMAKE_DEFINE"), *defines])
    )
    subprocess.run(command, env=environment, check=True)
    return ROOT / "build/cuda_module" / f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"


def run(module: Path, program: str) -> str:
    """What a fresh process says that has this extension."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        [sys.executable, "-c", LOAD + program, str(module)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def has_driver() -> bool:
    """Whether this machine has one after all."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def faults(module: Path) -> list[str]:
    """What is wrong with it; prints its facts."""
    found = []
    dynamic = subprocess.run(["readelf", "-d", str(module)], capture_output=True, text=True, check=True)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic.stdout)
    print(f"{module.name}: {module.stat().st_size} bytes, needs {' '.join(needed)}")
    if foreign := [name for name in needed if re.search("cuda|cublas|nv", name)]:
        found.append(f"it needs {' '.join(foreign)}")
    times = [float(run(module, TIME)) for _ in range(9)]  # the best: a busy machine is not its fault
    typical = statistics.median(times)
    print(
        f"import densor: {min(times):.1f} ms beyond NumPy, best of 9 (median {typical:.1f}; at most {MOST})"
    )
    if min(times) > MOST:
        found.append(f"it takes {min(times):.0f} ms to load")
    if has_driver():
        print("this machine has a driver: nothing is missing that could be named")
        return found
    said = run(module, USE)
    print(said)
    if not re.fullmatch(r"require_device\(\): .*no NVIDIA driver.*\n.*no NVIDIA driver.*\ncpu", said):
        found.append('set_device("cuda") does not say that there is no driver')
    return found


def main() -> int:
    """Builds, prints the facts, returns the exit status."""
    wrong = faults(build(find_nvcc()))
    for fault in wrong:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
