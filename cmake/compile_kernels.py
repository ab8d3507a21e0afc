"""Compiles every CUDA kernel for every architecture, on a machine that needs no GPU: `make cuda-compile`.

Warnings are errors, and so are a register that spills to memory and a product on the matrix units that the assembler
says it had to serialize. Prints registers and shared memory of each kernel.
"""

import concurrent.futures
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURES = ("75", "80", "90a")  # machine code; newer GPUs compile the intermediate code of the last line
FLAGS = ["-std=c++20", "-O3", "--fmad=false", "-ftz=true", "--expt-relaxed-constexpr", "-Werror=all-warnings"]
CODE = [f"-gencode=arch=compute_{a},code=sm_{a}" for a in ARCHITECTURES]
CODE.append("-gencode=arch=compute_90,code=compute_90")


@dataclasses.dataclass
class Kernel:
    """What the assembler says of one kernel on one architecture."""

    file: str
    name: str
    architecture: str
    registers: int = 0
    spilled: int = 0  # bytes


def find_nvcc() -> str:
    """nvcc of the search path, else of the NVIDIA packages beside this Python."""
    beside = sorted(Path(path) / "nvidia" for path in sys.path if (Path(path) / "nvidia").is_dir())
    packaged = [str(nvcc) for folder in beside for nvcc in sorted(folder.glob("cu*/bin/nvcc"))]
    found = packaged[:1] or [shutil.which("nvcc")]
    if not found[0]:
        sys.exit("no nvcc: pip install -r requirements-cuda.txt, or put a CUDA toolkit into the search path")
    return found[0]


def compile_file(nvcc: str, source: Path, folder: str) -> tuple[Path, str, bool]:
    """The source, what the compiler said, and whether it compiled."""
    include = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'csrc/cuda/nvidia'}"]
    target = Path(folder) / (source.stem + ".o")
    command = [nvcc, *FLAGS, *CODE, "-Xptxas=-v", *include, "-c", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    return source, done.stdout + done.stderr, done.returncode == 0


def read_kernels(file: str, text: str) -> list[Kernel]:
    """The kernels that the assembler's report names."""
    kernels: list[Kernel] = []
    for line in text.splitlines():
        if entry := re.search(r"Compiling entry function '(\w+)' for 'sm_(\w+)'", line):
            kernels.append(Kernel(file, entry[1], entry[2]))
        elif spill := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            if kernels and not kernels[-1].registers:
                kernels[-1].spilled = int(spill[1]) + int(spill[2])
        elif (used := re.search(r"Used (\d+) registers", line)) and kernels:
            kernels[-1].registers = int(used[1])
    return kernels


def readable(names: list[str]) -> list[str]:
    """Demangled names, without the arguments."""
    done = subprocess.run(["c++filt", "-p"], input="\n".join(names), capture_output=True, text=True)
    plain = done.stdout.split("\n") if done.returncode == 0 else names
    return [re.sub(r"^(void )?densor::cuda::\(anonymous namespace\)::|densor::\w+::", "", n) for n in plain]


def main() -> int:
    """Compiles, prints the table, returns the exit status."""
    nvcc = find_nvcc()
    sources = [*sorted((ROOT / "csrc/cuda").rglob("*.cu")), ROOT / "bench/gpu/barriers.cu"]
    failed, slowed, kernels = 0, 0, []
    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for source, text, ok in pool.map(lambda s: compile_file(nvcc, s, folder), sources):
            if not ok:
                failed += 1
                print(f"{source.relative_to(ROOT)} does not compile:\n{text}", file=sys.stderr)
            for advice in re.findall(r".*(?:Potential Performance Loss|setmaxnreg ignored).*", text):
                slowed += 1
                print(f"{source.relative_to(ROOT)}: {advice}", file=sys.stderr)
            kernels += read_kernels(source.stem, text)
    for kernel, name in zip(kernels, readable([k.name for k in kernels]), strict=False):
        spill = f"  SPILLS {kernel.spilled} bytes" if kernel.spilled else ""
        print(f"sm_{kernel.architecture:4} {kernel.registers:4} registers  {kernel.file}: {name}{spill}")
    spilling = sum(k.spilled > 0 for k in kernels)
    print(
        f"{len(sources)} files, {len(kernels)} kernels: {failed} fail, {spilling} spill registers, {slowed} slowed down"
    )
    return 1 if failed or spilling or slowed or not kernels else 0


if __name__ == "__main__":
    sys.exit(main())
