"""Which epilogues cuBLASLt has for which types, and whether they pay: section 2 of the ceilings.

Through ctypes, on the library that PyTorch has loaded. Enumeration values: cublasLt.h, with which
tests/cuda/test_cublaslt.py compares them.
"""

import ctypes
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from timing import microseconds

EPILOGUES = {
    "DEFAULT": 1, "RELU": 2, "RELU_AUX": 130, "BIAS": 4, "RELU_BIAS": 6, "RELU_AUX_BIAS": 134, "DRELU": 136,
    "DRELU_BGRAD": 152, "GELU": 32, "GELU_AUX": 160, "GELU_BIAS": 36, "GELU_AUX_BIAS": 164, "DGELU": 192,
    "DGELU_BGRAD": 208, "BGRADA": 256, "BGRADB": 512,
}  # fmt: skip
F32 = 0  # CUDA_R_32F
BF16 = 14  # CUDA_R_16BF
FLOAT32 = 68  # CUBLAS_COMPUTE_32F
FAST_TF32 = 77  # CUBLAS_COMPUTE_32F_FAST_TF32
EMULATED = 78  # CUBLAS_COMPUTE_32F_EMULATED_16BFX9
TYPES = {  # name: compute type, type of a and b, type of c
    "fp32": (FLOAT32, F32, F32), "tf32": (FAST_TF32, F32, F32), "bf16x9": (EMULATED, F32, F32),
    "bf16 to fp32": (FLOAT32, BF16, F32), "bf16": (FLOAT32, BF16, BF16),
}  # fmt: skip
SHAPES = ((1024, 1024, 1024), (1024, 8192, 1024), (4096, 8192, 4096))  # columns of D, rows, terms
TRANSA = 3  # CUBLASLT_MATMUL_DESC_TRANSA
EPILOGUE = 7  # CUBLASLT_MATMUL_DESC_EPILOGUE
BIAS_POINTER = 8  # CUBLASLT_MATMUL_DESC_BIAS_POINTER
AUX_POINTER = 11  # CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER
AUX_LD = 12  # CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD
EMULATION_DESCRIPTOR = 38  # CUBLASLT_MATMUL_DESC_EMULATION_DESCRIPTOR
MAX_WORKSPACE = 1  # CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES
STRATEGY = 0  # CUBLASLT_EMULATION_DESC_STRATEGY
EAGER = 2  # CUBLAS_EMULATION_STRATEGY_EAGER
WORKSPACE = 32 << 20


class Heuristic(ctypes.Structure):
    _fields_ = (
        ("algorithm", ctypes.c_uint64 * 8), ("workspace", ctypes.c_size_t), ("state", ctypes.c_int),
        ("waves", ctypes.c_float), ("reserved", ctypes.c_int * 4),
    )  # fmt: skip


def library() -> ctypes.CDLL:
    """The one that PyTorch has loaded."""
    torch.mm(*(torch.ones(16, 16, device="cuda") for _ in range(2)))
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "libcublasLt" in line:
            return ctypes.CDLL(line.split()[-1])
    raise RuntimeError("PyTorch has not loaded libcublasLt")


class Product:
    """D (m, n) = A^T B, column by column, with an epilogue; `count` algorithms, the first of which runs."""

    def __init__(
        self, lt: ctypes.CDLL, kind: str, epilogue: str, shape: tuple[int, int, int], eager: bool = False
    ) -> None:
        """eager: what emulates float32 does so wherever it can, not only where the library expects a gain."""
        m, n, k = shape
        compute, of_inputs, of_output = TYPES[kind]
        self.lt, self.keep = lt, []
        dtypes = {F32: torch.float32, BF16: torch.bfloat16}
        self.a, self.b = (torch.randn(s, k, device="cuda").to(dtypes[of_inputs]) for s in (m, n))
        self.d = torch.empty(n, m, device="cuda", dtype=dtypes[of_output])
        self.room = torch.empty(WORKSPACE, dtype=torch.uint8, device="cuda")
        self.handle = self.made("cublasLtCreate")
        self.desc = self.made("cublasLtMatmulDescCreate", compute, F32)
        self.set(TRANSA, ctypes.c_int32(1))
        self.set(EPILOGUE, ctypes.c_int32(EPILOGUES[epilogue]))
        if "BIAS" in epilogue or "BGRAD" in epilogue:
            size = n if epilogue == "BGRADB" else m
            self.set(BIAS_POINTER, ctypes.c_uint64(self.tensor(size, of_output).data_ptr()))
        if "AUX" in epilogue or (epilogue.startswith("D") and epilogue != "DEFAULT"):
            self.set(AUX_POINTER, ctypes.c_uint64(self.tensor(m * n, of_output).data_ptr()))
            self.set(AUX_LD, ctypes.c_int64(m))
        if eager:
            emulation = self.made("cublasLtEmulationDescCreate")
            strategy = ctypes.c_int32(EAGER)
            status = self.lt.cublasLtEmulationDescSetAttribute(
                emulation, STRATEGY, ctypes.byref(strategy), ctypes.c_size_t(4)
            )
            if status:
                raise RuntimeError(f"cublasLtEmulationDescSetAttribute: status {status}")
            self.set(EMULATION_DESCRIPTOR, emulation)
        layouts = ((of_inputs, k, m, k), (of_inputs, k, n, k), (of_output, m, n, m))
        self.layouts = [
            self.made(
                "cublasLtMatrixLayoutCreate",
                kind_,
                ctypes.c_uint64(r),
                ctypes.c_uint64(c),
                ctypes.c_int64(ld),
            )
            for kind_, r, c, ld in layouts
        ]
        self.found, self.count = (Heuristic * 8)(), 0
        self.search()

    def tensor(self, size: int, kind: int) -> torch.Tensor:
        self.keep.append(
            torch.zeros(size, device="cuda", dtype=torch.bfloat16 if kind == BF16 else torch.float32)
        )
        return self.keep[-1]

    def made(self, name: str, *arguments: Any) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        status = getattr(self.lt, name)(ctypes.byref(handle), *arguments)
        if status:
            raise RuntimeError(f"{name}: status {status}")
        return handle

    def set(self, attribute: int, value: Any) -> None:
        size = ctypes.c_size_t(ctypes.sizeof(value))
        status = self.lt.cublasLtMatmulDescSetAttribute(self.desc, attribute, ctypes.byref(value), size)
        if status:
            raise RuntimeError(f"cublasLtMatmulDescSetAttribute: status {status} of attribute {attribute}")

    def search(self) -> None:
        preference, count = self.made("cublasLtMatmulPreferenceCreate"), ctypes.c_int(0)
        most = ctypes.c_uint64(WORKSPACE)
        self.lt.cublasLtMatmulPreferenceSetAttribute(
            preference, MAX_WORKSPACE, ctypes.byref(most), ctypes.c_size_t(8)
        )
        a, b, d = self.layouts
        status = self.lt.cublasLtMatmulAlgoGetHeuristic(
            self.handle, self.desc, a, b, d, d, preference, 8, self.found, ctypes.byref(count)
        )
        self.count = 0 if status else count.value

    def run(self) -> None:
        one, zero = ctypes.c_float(1.0), ctypes.c_float(0.0)
        a, b, d = self.layouts
        pointers = [ctypes.c_void_p(t.data_ptr()) for t in (self.a, self.b, self.d)]
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        status = self.lt.cublasLtMatmul(
            self.handle, self.desc, ctypes.byref(one), pointers[0], a, pointers[1], b, ctypes.byref(zero),
            pointers[2], d, pointers[2], d, ctypes.byref(self.found[0].algorithm),
            ctypes.c_void_p(self.room.data_ptr()), ctypes.c_size_t(WORKSPACE), stream,
        )  # fmt: skip
        if status:
            raise RuntimeError(f"cublasLtMatmul: status {status}")


def gelu(x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.gelu(x, approximate="tanh")


def relu_gradient(x: torch.Tensor) -> torch.Tensor:
    return torch.ops.aten.threshold_backward(x, x, 0)


def gelu_gradient(x: torch.Tensor) -> torch.Tensor:
    return torch.ops.aten.gelu_backward(x, x, approximate="tanh")


# What passes behind the plain product would do; what an auxiliary output keeps of gelu is there already.
UNFUSED: dict[str, Callable[[Product, torch.Tensor], torch.Tensor]] = {
    "RELU": lambda p, bias: p.d.relu_(),
    "RELU_AUX": lambda p, bias: p.d.relu_() > 0,
    "BIAS": lambda p, bias: p.d.add_(bias),
    "RELU_BIAS": lambda p, bias: p.d.add_(bias).relu_(),
    "RELU_AUX_BIAS": lambda p, bias: p.d.add_(bias).relu_() > 0,
    "DRELU": lambda p, bias: relu_gradient(p.d),
    "DRELU_BGRAD": lambda p, bias: relu_gradient(p.d).sum(0),
    "GELU": lambda p, bias: gelu(p.d),
    "GELU_AUX": lambda p, bias: gelu(p.d),
    "GELU_BIAS": lambda p, bias: gelu(p.d.add_(bias)),
    "GELU_AUX_BIAS": lambda p, bias: gelu(p.d.add_(bias)),
    "DGELU": lambda p, bias: gelu_gradient(p.d),
    "DGELU_BGRAD": lambda p, bias: gelu_gradient(p.d).sum(0),
    "BGRADA": lambda p, bias: p.a.sum(1),
    "BGRADB": lambda p, bias: p.b.sum(1),
}


def unfused(lt: ctypes.CDLL, kind: str, epilogue: str, shape: tuple[int, int, int]) -> float:
    """Microseconds of the plain product and of PyTorch's passes behind it."""
    product = Product(lt, kind, "DEFAULT", shape)
    bias = torch.zeros(shape[0], device="cuda", dtype=product.d.dtype)

    def run() -> None:
        product.run()
        UNFUSED[epilogue](product, bias)

    spent = microseconds(run, runs=5, repeats=3)
    lt.cublasLtDestroy(product.handle)
    return spent


def epilogues(note: Callable[[str, float], None]) -> None:
    """For every epilogue, type and shape: how many algorithms, and its time over that of the plain product; the same
    of the plain product with passes behind it."""
    lt = library()
    for kind, shape in itertools.product(TYPES, SHAPES):
        plain = 0.0
        for epilogue in EPILOGUES:
            where = f"cublasLt {kind} {shape} {epilogue}"
            product = Product(lt, kind, epilogue, shape)
            note(f"{where}: algorithms", product.count)
            if product.count:
                spent = microseconds(product.run, runs=5, repeats=3)
                plain = spent if epilogue == "DEFAULT" else plain
                note(f"{where}: us", spent)
                note(f"{where}: over plain", spent / plain if plain else float("nan"))
            if plain and epilogue in UNFUSED:
                note(f"{where}: unfused over plain", unfused(lt, kind, epilogue, shape) / plain)
            product.lt.cublasLtDestroy(product.handle)
