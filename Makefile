# make demo | test | test-all | test-cuda | test-cuda-apart | test-cuda-asan | test-cuda-tsan | test-device |
# test-neon | test-amx | cuda-compile | cuda-module | bench | lint | wheel. All lives in .venv; the system is not touched.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check
# A process per CPU: most tests run on one thread. ARGS='-n 0' brings them back into one, for a debugger.
PYTEST  := $(PY) -m pytest -n auto --maxprocesses=4 --dist=worksteal
SOURCES := pyproject.toml CMakeLists.txt $(shell find csrc cmake -type f -not -path '*/__pycache__/*' 2>/dev/null)
CPP     := $(shell find csrc tests/native -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh')

.DEFAULT_GOAL := demo
.PHONY: demo test test-all test-cuda test-cuda-apart test-cuda-asan test-cuda-tsan test-device test-neon test-amx cuda-compile cuda-module notebook bench lint wheel gpu-check clean

$(PY):
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing: apt install python3-venv"; exit 1; }

# Python sources are used in place; only the native side makes a rebuild.
$(VENV)/.built: $(PY) $(SOURCES)
	@echo "building densor into $(VENV) ..."
	@$(PIP) install -q -e '.[test]'
	@touch $@

# The build folder remembers the option: what .built makes from then on includes it. It goes there by the environment:
# pip before 23.1, which Debian 12 has, knows no option for it.
BUILD_WITH = SKBUILD_CMAKE_DEFINE="$${SKBUILD_CMAKE_DEFINE:+$$SKBUILD_CMAKE_DEFINE;}$(1)=ON" $(PIP) install -q -e .

$(VENV)/.cuda-host: $(VENV)/.built
	@grep -qs DENSOR_CUDA_HOST:BOOL=ON build/*/CMakeCache.txt || $(call BUILD_WITH,DENSOR_CUDA_HOST)
	@touch $@

$(VENV)/.cuda-asan: $(VENV)/.built
	@grep -qs DENSOR_CUDA_ASAN:BOOL=ON build/*/CMakeCache.txt || $(call BUILD_WITH,DENSOR_CUDA_ASAN)
	@touch $@

$(VENV)/.cuda-tsan: $(VENV)/.built
	@grep -qs DENSOR_CUDA_TSAN:BOOL=ON build/*/CMakeCache.txt || $(call BUILD_WITH,DENSOR_CUDA_TSAN)
	@touch $@

# What compares CPU targets, built beside the extension.
HASHES := build/hashes/$(shell uname -m)/kernel_hashes
$(VENV)/.kernel-hashes: $(VENV)/.built $(wildcard tests/native/*)
	@test -x $(HASHES) && test -z "$$(find tests/native -newer $(HASHES))" || $(call BUILD_WITH,DENSOR_KERNEL_HASHES)
	@touch $@

$(VENV)/.neon: $(PY) requirements-neon.txt
	$(PIP) install -q -r requirements-neon.txt
	@touch $@

$(VENV)/.cuda: $(PY) requirements-cuda.txt
	$(PIP) install -q -r requirements-cuda.txt
	@touch $@

$(VENV)/.notebook: $(VENV)/.built requirements-notebook.txt
	$(PIP) install -q -r requirements-notebook.txt
	@touch $@

$(VENV)/.oracles: $(VENV)/.built $(VENV)/.notebook requirements-oracles.txt
	$(PIP) install -q -r requirements-oracles.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.oracles requirements-bench.txt
	$(PIP) install -q -r requirements-bench.txt
	@touch $@

$(VENV)/.lint: $(PY) requirements-lint.txt
	$(PIP) install -q -r requirements-lint.txt
	@touch $@

demo: $(VENV)/.built
	$(PY) -m densor demo $(ARGS)

test: $(VENV)/.built
	$(PYTEST) $(ARGS)

# With Keras, PyTorch and JAX as oracles; a test that skips for want of one fails.
test-all: $(VENV)/.oracles
	DENSOR_REQUIRE_ORACLES=1 $(PYTEST) $(ARGS)

# The ops on their CUDA kernels, which run on the processor here: no GPU is needed. TESTS=... for some of them.
test-cuda: $(VENV)/.cuda-host
	DENSOR_TEST_CUDA=host $(PYTEST) $(or $(TESTS),tests/ops tests/cuda) $(ARGS)

# The ops in memory that is not that of NumPy's arrays, as `make gpu-check` runs them on a GPU.
test-cuda-apart: $(VENV)/.cuda-host
	DENSOR_TEST_CUDA=apart $(PYTEST) tests/ops $(ARGS)

# The rest of the suite: models train with those kernels unless a test says where. tests/on_device.py says what is left
# out and why. TESTS=... for some of them.
test-device: $(VENV)/.cuda-host
	DENSOR_TEST_CUDA=host DENSOR_TEST_DEVICE=cuda $(PYTEST) $(TESTS) $(ARGS)

# The NEON kernels, cross-compiled and run by qemu: what they compute has the bits of the AVX2 kernels.
# Needs aarch64-linux-gnu-g++ and qemu-aarch64 (Debian: g++-aarch64-linux-gnu, qemu-user).
test-neon: $(VENV)/.kernel-hashes $(VENV)/.neon
	PATH="$(abspath $(VENV))/bin:$$PATH" tests/native/compare.sh $(HASHES) $(VENV)/neon

# The instructions of AMX on a CPU with AVX-512 that lacks them: a signal handler carries them out, and the kernels must
# have the bits of their model.
test-amx: $(VENV)/.neon
	PATH="$(abspath $(VENV))/bin:$$PATH" tests/native/compare_amx.sh $(VENV)/amx

# The ops under AddressSanitizer, which names the line of a kernel that touches what it may not. It looks for C++'s
# exceptions when it starts, before Python has loaded them.
test-cuda-asan: $(VENV)/.cuda-asan
	DENSOR_TEST_CUDA=host DENSOR_TEST_SANITIZER=address ASAN_OPTIONS=detect_leaks=0 \
	  LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	  $(PYTEST) $(or $(TESTS),tests/ops tests/cuda) $(ARGS)

# The ops with every access of a kernel watched: two that no barrier orders are an error that names both lines, whatever
# order the threads ran in, and so is what a GPU does otherwise than this processor (csrc/cuda/host/watch.h).
test-cuda-tsan: $(VENV)/.cuda-tsan
	DENSOR_TEST_CUDA=host DENSOR_TEST_SANITIZER=thread $(PYTEST) $(or $(TESTS),tests/ops tests/cuda) $(ARGS)

# Every CUDA kernel for every architecture; no GPU is needed for that either.
cuda-compile: $(VENV)/.cuda
	$(PY) cmake/compile_kernels.py

# The extension for a GPU links, needs no CUDA library, loads fast and says what is missing.
cuda-module: $(VENV)/.cuda $(VENV)/.built
	$(PY) cmake/check_module.py

# Executes the tutorial and writes it back with its outputs; `make test-all` runs it too.
notebook: $(VENV)/.notebook
	$(PY) examples/execute.py

bench: $(VENV)/.bench
	$(PY) bench/harness.py --all $(ARGS)
	$(PY) bench/picture.py

lint: $(VENV)/.lint
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/clang-format --dry-run -Werror $(CPP)

wheel: $(PY)
	$(PIP) wheel -q --no-deps -w dist .
	@ls -l dist

# On a machine with a GPU: make gpu-check OUT=dir STAGES="ceilings peers build golden tests bench steps models
# sanitizer"; oracles is a stage, too.
gpu-check:
	OUT='$(OUT)' bench/gpu/check.sh

clean:
	rm -rf $(VENV) build dist
