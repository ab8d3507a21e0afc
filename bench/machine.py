"""What the numbers were measured on."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path


def load_average() -> float:
    """Runnable processes, averaged over the last minute."""
    return os.getloadavg()[0]


def busy() -> bool:
    """Whether others use so much of the machine that a measurement would mean little."""
    return load_average() > 0.3 * (os.cpu_count() or 1)


def describe() -> dict[str, object]:
    """Processor, system, versions and commit; no host name, no paths."""
    cpu = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        cpu.setdefault(key.strip(), value.strip())
    flags = cpu.get("flags", "").split()
    wanted = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")
    return {
        "processor": cpu.get("model name", platform.processor()),
        "cores": os.cpu_count(),
        "features": [flag for flag in wanted if flag in flags],
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version()}
        | versions(
            "densor", "numpy", "torch", "jax", "keras", "tensorflow-cpu", "onnxruntime", "scikit-learn"
        ),
        "commit": commit(),
    }


def versions(*packages: str) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"
