"""Settings of a GPU: whose matrix products and whose memory it uses, what is measured there, how it runs batches."""

import os
import sys

from densor import _check, _core
from densor.config import cupy_pool


def matmul_backend() -> str:
    """Returns whose matrix products a GPU computes: "auto" (at the start), "own" or "cublaslt"."""
    return _core.matmul_backend()


def set_matmul_backend(value: str) -> None:
    """Sets whose matrix products a GPU computes, in models compiled from now on. CPUs always use densor's own.

    - "auto" (default): in training those that are faster, as measured at the first use of a shape (`set_autotune`),
      densor's or cuBLASLt's, where that is installed. Densor's own where nothing is measured, and in predictions,
      where a row's bits may not depend on how many others there are.
    - "own": densor's kernels, whatever is installed.
    - "cublaslt": that library's.

    cuBLASLt is never needed. It computes products in float32, or of bfloat16 numbers, at the precision "medium" and of
    layers stored in bfloat16; those at "high", which are sums of several products, and "tf32" stay densor's own. The
    first one found is loaded, when a shape has to be measured or its record says so: one that the process has loaded
    already (PyTorch's or CuPy's), that of the package nvidia-cublas, that of a conda environment (`CONDA_PREFIX`), or
    what the system's loader finds.

    Args:
        value: "auto", "own" or "cublaslt".

    Raises:
        DeviceError: "cublaslt", and it, or a GPU, is not there; nothing has changed.
        TypeError: not a string. ValueError: another name.

    Example:
        >>> set_matmul_backend("own")
        >>> matmul_backend()
        'own'
        >>> set_matmul_backend("auto")
    """
    _core.set_matmul_backend(_check.choice("set_matmul_backend", "value", value, ["auto", "own", "cublaslt"]))


def autotune() -> bool:
    """Returns whether plans of matrix products on a GPU are measured; see `set_autotune`."""
    return _core.autotune()


def set_autotune(value: bool) -> None:
    """Sets whether a GPU's matrix products are planned by measurement (True at the start) or by a table of estimates.

    The first time that a model compiled from now on needs a product of some shape and precision, the kernels that
    can compute it as exactly are timed on memory of their own, for some milliseconds, and the fastest is taken, for
    good: it is kept in `$XDG_CACHE_HOME/densor` (by default `~/.cache/densor`), one file for each model of GPU and
    version of densor. **Kernels differ in their last bits, so it is this file that makes a run on one machine the
    same bits as the next**, as long as cuBLASLt, where that was faster, stays the same; to have them on several
    machines, copy it, or switch measuring off here or by `DENSOR_AUTOTUNE=0`: the table always chooses the same. A
    file that cannot be read or written is a RuntimeWarning. CPUs plan by formula, whatever is set here. Raises
    TypeError for anything but a bool.

    >>> set_autotune(autotune())
    """
    _core.set_autotune(_check.boolean("set_autotune", "value", value))


def device_steps() -> str:
    """Returns how a GPU runs the batches of an epoch: "auto" (at the start), "graph" or "persistent"."""
    return _core.device_steps()


def set_device_steps(value: str) -> None:
    """Sets how a GPU runs the batches of an epoch, in all that runs from now on. On a CPU it means nothing.

    - "auto" (default): as graphs, or in one kernel where that is faster. Before the first epoch of at least 32 batches
      the first ones are run both ways, and what they change is put back; the answer is kept in `~/.cache/densor`, for
      the bits of the next run, and `show_config()` gives it. Graphs where nothing is measured (`set_autotune`), and
      for nets of at most 128 inputs and units in every dense layer: a kernel takes rows through all of those.
    - "graph": several batches are launched as one graph; narrow layers beside wide ones are one kernel, too.
    - "persistent": one kernel runs many batches; its blocks wait for one another between the operations. That is for
      nets whose steps take as long as the launches of their kernels: a few dense layers and a batch of some dozen
      rows. It knows dense layers, activations, dropout, batch normalization of up to 2048 rows, sums and concatenations
      of layers, standardized features, the losses and accuracies of classes, of squared and of absolute errors, l1 and
      l2 penalties, max_norm and non_neg, and optimizers but Adafactor and Muon, with all their clipping; a net with
      anything else runs as graphs. Products are float32 multiply-adds at every precision. Sums have an order of their
      own, so the last bits differ from those of graphs.

    Args:
        value: "auto", "graph" or "persistent".

    Raises:
        TypeError: not a string. ValueError: another name.

    Example:
        >>> set_device_steps("graph")
        >>> device_steps()
        'graph'
        >>> set_device_steps("auto")
    """
    _core.set_device_steps(_check.choice("set_device_steps", "value", value, ["auto", "graph", "persistent"]))


def device_allocator() -> str:
    """Returns where device memory comes from: "auto" (at the start), "cuda" or "cupy"."""
    return _core.device_allocator()


def set_device_allocator(value: str) -> None:
    """Sets where a GPU's memory comes from, in all that is allocated from now on. On a CPU it means nothing.

    - "auto" (default): CuPy's allocator while CuPy is imported and finds a GPU, else CUDA's.
    - "cupy": `cupy.cuda.alloc`, so that densor and CuPy share one pool, and what is set there holds here: its limit
      (`cupy.get_default_memory_pool().set_limit`), or an allocator of another library (`cupy.cuda.set_allocator`), if
      that works on any stream.
    - "cuda": a pool of the CUDA run time that is densor's alone.

    Results do not depend on it. `nvidia-smi` counts what a pool keeps for later as used.

    Args:
        value: "auto", "cuda" or "cupy".

    Raises:
        DeviceError: "cupy", and CuPy 14 or later is not installed or finds no GPU; nothing has changed.
        TypeError: not a string. ValueError: another name.

    Example:
        >>> set_device_allocator("cuda")
        >>> device_allocator()
        'cuda'
        >>> set_device_allocator("auto")
    """
    name = _check.choice("set_device_allocator", "value", value, ["auto", "cuda", "cupy"])
    if name == "cupy":
        cupy_pool.require()
    _core.set_device_allocator(name)


def _cublaslt_files() -> list[str]:
    """Where packages and conda put it, in the order in which it is tried."""
    packages = [
        os.path.join(entry, "nvidia", name)
        for entry in sys.path
        if isinstance(entry, str)
        for name in ("cublas", "cu13")
    ]
    conda = [root for root in (os.environ.get("CONDA_PREFIX"), sys.prefix) if root]
    names = [f"libcublasLt.so.{version}" for version in (13, 12)]
    files = [os.path.join(folder, "lib", name) for folder in [*packages, *conda] for name in names]
    return [file for file in files if os.path.exists(file)]


_core.set_cupy_pool(cupy_pool.is_usable, cupy_pool.allocate, cupy_pool.release)
_core.set_cublaslt_finder(_cublaslt_files)
