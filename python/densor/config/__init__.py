"""Global settings: device, threads, precision, number format; and a description of this machine and build."""

import os
import platform
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from densor import _check, _core, dtype_policies
from densor._version import __version__
from densor.config.gpu import autotune as autotune
from densor.config.gpu import device_allocator as device_allocator
from densor.config.gpu import device_steps as device_steps
from densor.config.gpu import matmul_backend as matmul_backend
from densor.config.gpu import set_autotune as set_autotune
from densor.config.gpu import set_device_allocator as set_device_allocator
from densor.config.gpu import set_device_steps as set_device_steps
from densor.config.gpu import set_matmul_backend as set_matmul_backend
from densor.dtype_policies import DTypePolicy

_epsilon = 1e-7
_device = "cpu"
_bfloat16_emulation: bool | None = None


def floatx() -> str:
    """Returns the number format of weights and results: "float32"."""
    return "float32"


def set_floatx(value: str) -> None:
    """Accepts "float32", the only number format there is; raises ValueError for another."""
    _check.choice("set_floatx", "value", value, ["float32"])


def dtype_policy() -> DTypePolicy:
    """Returns the policy of layers that are given none: "float32" at the start."""
    return DTypePolicy()


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Sets the policy of layers made from now on that are given none.

    "mixed_bfloat16" stores activations, and the gradients of these, in 2 bytes, and multiplies matrices as bfloat16
    numbers, added in float32; see `DTypePolicy`. Half the memory, and one product of the matrix units where
    "highest" computes six. Give the last layer `dtype="float32"`: its outputs, which the loss reads, then keep all
    their bits. No loss scaling is needed: bfloat16 has the range of float32.

    It is native on CPUs with matrix units (`show_config` tells) and on GPUs. Elsewhere each step would convert its
    operands and multiply them as float32: slower than float32 itself. So that is refused, unless
    `set_bfloat16_emulation(True)` or the environment variable DENSOR_BFLOAT16=emulate asks for it.

    Args:
        policy: "float32", "mixed_bfloat16", or a `DTypePolicy`.

    Raises:
        TypeError: neither a string nor a policy.
        ValueError: another name, or bfloat16 would have to be emulated. Nothing has changed.

    Example:
        >>> set_dtype_policy("float32")
        >>> dtype_policy()
        <DTypePolicy "float32">
    """
    dtype_policies.set_default(usable_dtype_policy("set_dtype_policy", "policy", policy))


def usable_dtype_policy(function: str, argument: str, policy: Any) -> DTypePolicy:
    """Returns the policy, None for the global one; raises as `set_dtype_policy`, for `argument` of `function`."""
    try:
        found = dtype_policies.get(policy)
    except (TypeError, ValueError) as error:
        raise _check.renamed(error, function, argument) from None
    if found.compute_dtype == "bfloat16" and not uses_bfloat16():
        raise _check.bad_value(
            function, argument, f"'{found.name}' would be slower than float32 here: the CPU target "
            f"{_core.cpu_target()} has no matrix units, so that each step would convert its operands to float32 and "
            "its results back; set_bfloat16_emulation(True), or DENSOR_BFLOAT16=emulate in the environment, allows "
            "that; where there is a GPU, call set_device('cuda') before the layers are made"
        )  # fmt: skip
    return found


def uses_bfloat16() -> bool:
    """Returns whether layers may compute in bfloat16: on a GPU, on a CPU with matrix units, or where it is emulated."""
    return _device != "cpu" or _core.cpu_target().startswith("amx") or bfloat16_emulation()


def bfloat16_emulation() -> bool:
    """Returns whether "mixed_bfloat16" may be emulated where it is slow. Default: DENSOR_BFLOAT16 is "emulate".

    Raises ValueError where that variable has another value.
    """
    if _bfloat16_emulation is not None:
        return _bfloat16_emulation
    value = os.environ.get("DENSOR_BFLOAT16", "")
    return (
        bool(_check.choice("bfloat16_emulation", "DENSOR_BFLOAT16", value, ["emulate"])) if value else False
    )


def set_bfloat16_emulation(allowed: bool | None) -> None:
    """Sets whether "mixed_bfloat16" may be emulated where it is slow: to try it, or to load such a model.

    None: as the environment variable DENSOR_BFLOAT16 says.

    Example:
        >>> from densor import DTypePolicy, layers
        >>> set_bfloat16_emulation(True)
        >>> layer = layers.Dense(3, dtype=DTypePolicy("mixed_bfloat16"))
        >>> layer.compute_dtype, layer.variable_dtype
        ('bfloat16', 'float32')
        >>> set_bfloat16_emulation(None)
    """
    global _bfloat16_emulation
    if allowed is not None:
        allowed = _check.boolean("set_bfloat16_emulation", "allowed", allowed)
    _bfloat16_emulation = allowed


def epsilon() -> float:
    """Returns the small number that keeps the losses on probabilities away from log(0): 1e-7."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Sets `epsilon()`, in (0, 0.5)."""
    global _epsilon
    _epsilon = _check.number("set_epsilon", "value", value, 0, 0.5, include_low=False, include_high=False)


def backend() -> str:
    """Returns "densor", where Keras names its back end."""
    return "densor"


def device() -> str:
    """Returns the device that models train on: "cpu" or "cuda"."""
    return _device


def set_device(device: str) -> None:
    """Makes models compiled from now on use `device`: "cpu", "cuda", or "auto", which is cuda where it can be used.

    `compile(device=...)` chooses for one model, `with densor.device(...)` for a while. A model that was not compiled
    predicts on the device of the moment.

    Raises DeviceError where this machine or build cannot run it, ValueError for an unknown name.
    """
    global _device
    _device = usable_device("set_device", device)


def usable_device(function: str, device: str) -> str:
    """Returns "cpu" or "cuda" for the name of a device that can be used; raises as `set_device`, for `function`."""
    _core.require_device(_check.text(function, "device", device))
    if device == "auto":
        return "cuda" if _cuda_state() == "ready" else "cpu"
    return "cuda" if device.startswith("cuda") else "cpu"


def num_threads() -> int:
    """Returns how many threads a run may use. Default: the cores this process may use, or DENSOR_NUM_THREADS."""
    return _core.num_threads()


def set_num_threads(count: int) -> None:
    """Sets how many threads a run may use, at least 1. Results do not depend on it."""
    _core.set_num_threads(_check.positive_int("set_num_threads", "count", count))


def matmul_precision() -> str:
    """Returns how exactly matrix products are computed; "highest" at the start. See `set_matmul_precision`."""
    return _core.matmul_precision()


def set_matmul_precision(value: str) -> None:
    """Sets how exactly matrix products are computed, in all that runs from now on, models already compiled included.

    Matrix units multiply bfloat16 numbers, of 8 significant bits. A float32 is a sum of three of them, so a product
    of float32 matrices is a sum of products of such terms, and the setting says how many are computed:

    - "highest" (default): as exact as float32 multiply-adds, by those or by six products, whichever is faster
      for the shape.
    - "high": three products, a relative error of about 4e-6, that of 17 bits. On a CPU predictions and `evaluate` are
      as at "highest": few rows do not pay for splitting weights, and a row's bits must not depend on those beside it.
    - "medium": one product, a relative error of about 2e-3, that of 8 bits, in predictions of wide layers, too.
    - "ieee": float32 multiply-adds only: the same bits on AVX2, AVX-512, AMX and NEON machines.
    - "tf32": operands rounded to TF32, a relative error of about 3e-4, that of 11 bits; only where there is a GPU
      (before sm_80 it is "ieee" there, in what still runs on the CPU it is "highest"). PyTorch's "high" is this;
      densor's is a hundred times as exact and hardly slower.

    Infinities, NaN, and what would overflow or vanish on the way mean what they mean in float32. On a CPU target
    without matrix units (`show_config` tells) all are "ieee".

    Args:
        value: "highest", "high", "medium", "ieee" or "tf32".

    Raises:
        TypeError: not a string. ValueError: another name. DeviceError: "tf32", and there is no GPU that can be used;
        nothing has changed.

    Source: Henry, Tang, Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision
    Computations", 2019; the names are those of `torch.set_float32_matmul_precision`.

    Example:
        >>> set_matmul_precision("ieee")
        >>> matmul_precision()
        'ieee'
        >>> set_matmul_precision("highest")
    """
    names = ["highest", "high", "medium", "ieee", "tf32"]
    name = _check.choice("set_matmul_precision", "value", value, names)
    if name == "tf32" and (missing := _cuda_state()) != "ready":
        raise _core.DeviceError(
            "set_matmul_precision(): argument 'value': 'tf32' is a format of GPUs, and none can be used here "
            f"({missing}); use 'high', which is as fast where there are matrix units, and more exact"
        )
    _core.set_matmul_precision(name)


@dataclass(frozen=True)
class Configuration:
    """What decides how fast, and with which bits, densor runs here; `str()` is a table for a bug report."""

    version: str
    cpu_target: str
    cpu_targets: tuple[str, ...]
    matrix_units: str
    matmul_precision: str
    threads: int
    affinity: tuple[int, ...]
    device: str
    cuda: str
    device_allocator: str
    device_steps: str
    build: dict[str, str]
    python: str
    numpy: str
    platform: str

    def __str__(self) -> str:
        rows = {
            "densor": self.version,
            "CPU target": f"{self.cpu_target} (runnable here: {', '.join(self.cpu_targets)})",
            "matrix units": self.matrix_units,
            "products": self.matmul_precision + self._what_it_means(),
            "threads": str(self.threads),
            "CPUs allowed": _ranges(self.affinity),
            "device": self.device,
            "CUDA": self.cuda,
            "memory there": self.device_allocator,
            "steps there": "\n".ljust(14).join(self.device_steps.splitlines()),
            "build": ", ".join(f"{key} {value}" for key, value in self.build.items()),
            "Python": self.python,
            "NumPy": self.numpy,
            "platform": self.platform,
        }
        return "\n".join(f"{name:<13}{value}" for name, value in rows.items())

    __repr__ = __str__

    def _what_it_means(self) -> str:
        if self.matmul_precision == "ieee" or self.cpu_target.startswith("amx"):
            return ""
        return f" (on {self.cpu_target} all are ieee: float32 multiply-adds)"


def show_config() -> Configuration:
    """Returns the configuration of this process; in a notebook or with `print` it is a readable table.

    >>> show_config().device
    'cpu'
    """
    build = {key: value for key, value in _core.build_info().items() if key != "version"}
    return Configuration(
        version=__version__,
        cpu_target=_core.cpu_target(),
        cpu_targets=tuple(_core.cpu_targets()),
        matrix_units=_core.matrix_units(),
        matmul_precision=_core.matmul_precision(),
        threads=_core.num_threads(),
        affinity=_allowed_cpus(),
        device=_device,
        cuda=_cuda_state(),
        device_allocator=_core.device_allocator(),
        device_steps="\n".join([_core.device_steps(), *_core.chosen_steps().splitlines()]),
        build=build,
        python=f"{platform.python_version()} ({sys.executable})",
        numpy=np.__version__,
        platform=platform.platform(),
    )


def _allowed_cpus() -> tuple[int, ...]:
    every = range(os.cpu_count() or 1)
    return tuple(sorted(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else every))


def _cuda_state() -> str:
    try:
        _core.require_device("cuda")
    except _core.DeviceError as error:
        return str(error).rpartition("): argument 'device': ")[2]
    return "ready"


def _ranges(numbers: tuple[int, ...]) -> str:
    """Returns (0, 1, 2, 5) as "0-2, 5"."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1][-1] = n
        else:
            runs.append([n, n])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
