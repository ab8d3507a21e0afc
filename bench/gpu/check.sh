#!/usr/bin/env bash
# make gpu-check OUT=dir [STAGES="build ceilings tests models sanitizer bench"]: the CUDA side on a real GPU.
# Uses the toolkit and the Python packages that the machine has; downloads nothing. Each stage prints its result as it
# ends and leaves its log in OUT, so that a run that is stopped still tells something.
set -uo pipefail
cd "$(dirname "$0")/../.."
OUT=${OUT:?say where the results go: make gpu-check OUT=dir}
STAGES=${STAGES:-build ceilings tests models sanitizer bench}
PYTHON=${PYTHON:-python3}
BUILD=build/gpu
ARCHITECTURE=${ARCHITECTURE:-$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)}
[ "$ARCHITECTURE" = 90 ] && ARCHITECTURE=90a
mkdir -p "$OUT"
export PYTHONPATH=python:bench/gpu
failed=0

stage() { # stage NAME COMMAND...: the command's log, its last lines, its time
  local name=$1 start=$SECONDS status
  shift
  [[ " $STAGES " == *" $name "* ]] || return 0
  "$@" >"$OUT/$name.log" 2>&1
  status=$?
  printf '== %s: %s after %d s\n' "$name" "$([ $status -eq 0 ] && echo passed || echo "FAILED ($status)")" $((SECONDS - start))
  tail -n 12 "$OUT/$name.log"
  [ $status -eq 0 ] || failed=1
}

build() {
  cmake -S . -B $BUILD -G Ninja -DCMAKE_BUILD_TYPE=Release -DDENSOR_CUDA=ON -DDENSOR_DEV=ON \
    -DCMAKE_CUDA_ARCHITECTURES="$ARCHITECTURE-real" -DPython_EXECUTABLE="$(command -v "$PYTHON")" \
    -Dpybind11_DIR="$("$PYTHON" -m pybind11 --cmakedir)" && cmake --build $BUILD && "$PYTHON" -m densor info
}

sanitizer() { # memory errors, races in shared memory and divergent barriers of every kernel
  command -v compute-sanitizer || { echo "compute-sanitizer is not installed: nothing was checked" && return 0; }
  local tool
  for tool in memcheck racecheck synccheck; do
    echo "-- $tool"
    timeout 100 compute-sanitizer --tool $tool --error-exitcode 9 "$PYTHON" -m pytest -q -x -p no:cacheprovider \
      tests/ops/test_dense.py tests/ops/test_softmax.py tests/ops/test_optimizer.py || return 1
  done
}

nvidia-smi --query-gpu=name,driver_version,clocks.sm,power.limit --format=csv >"$OUT/machine.csv"
stage build build
stage ceilings "$PYTHON" bench/gpu/ceilings.py "$OUT/ceilings.json"
stage tests env DENSOR_TEST_CUDA=gpu "$PYTHON" -m pytest -q -p no:cacheprovider tests/ops tests/cuda
stage models env DENSOR_TEST_DEVICE=cuda "$PYTHON" -m pytest -q -p no:cacheprovider tests/models tests/layers tests/losses \
  tests/metrics tests/regularizers tests/constraints tests/callbacks tests/optimizers tests/test_training.py
stage sanitizer env DENSOR_TEST_CUDA=gpu bash -c "$(declare -f sanitizer); PYTHON=$PYTHON sanitizer"
stage bench bash -c "$PYTHON bench/gpu/steps.py $OUT/steps.json; $PYTHON bench/gpu/kernels.py $OUT/kernels.json"
exit $failed
