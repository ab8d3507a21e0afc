#!/usr/bin/env bash
# make gpu-check OUT=dir [STAGES="ceilings build tests bench steps models sanitizer peers"] [GOALS="--row Adam"]: the CUDA side
# on a real GPU, within nine minutes. Uses the toolkit and the Python packages that the machine has; downloads nothing. Each stage prints its
# result as it ends and leaves its log in OUT, so that a run that is stopped still tells something; one that fails, or takes
# too long, does not stop the others. OUT/goals.json is what belongs into bench/results/gpu.json.
set -uo pipefail
cd "$(dirname "$0")/../.."
OUT=${OUT:?say where the results go: make gpu-check OUT=dir}
STAGES=${STAGES:-ceilings build tests bench steps models sanitizer peers}
PYTHON=${PYTHON:-python3}
LIMIT=${LIMIT:-540} # seconds of all stages together
BUILD=build/gpu
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
export PYTHONPATH=$PWD/python:$PWD/bench/gpu:$PWD:$PWD/bench
export PYTHON OUT
export XDG_CACHE_HOME=$OUT/cache # measured plans are those of this build, and lie beside its results
failed=0

missing() { # what a stage needs and the machine lacks, in words
  local module
  for module in "$@"; do
    "$PYTHON" -c "import $module" 2>/dev/null || echo "Python package $module"
  done
}

stage() { # stage NAME SECONDS COMMAND...: the command's log, its last lines, its time
  local name=$1 most=$2 start=$SECONDS status left=$((LIMIT - SECONDS))
  shift 2
  [[ " $STAGES " == *" $name "* ]] || return 0
  ((left < most)) && most=$left
  if ((most < 5)); then
    printf '== %s: no time left\n' "$name"
    failed=1
    return 0
  fi
  STAGE_SECONDS=$most timeout --kill-after=5 "$most" "$@" >"$OUT/$name.log" 2>&1
  status=$?
  case $status in
    0) status="passed" ;;
    124 | 137) status="STOPPED: more than $most s" failed=1 ;;
    *) status="FAILED ($status)" failed=1 ;;
  esac
  printf '== %s: %s after %d s\n' "$name" "$status" $((SECONDS - start))
  tail -n 15 "$OUT/$name.log"
}

build() {
  local lacking
  command -v cmake >/dev/null || echo "missing: cmake"
  command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ] || echo "missing: nvcc"
  lacking=$(missing pybind11 numpy)
  [ -z "$lacking" ] || { echo "missing: $lacking" && return 1; }
  export PATH=$PATH:/usr/local/cuda/bin
  local generator=()
  command -v ninja >/dev/null && generator=(-G Ninja)
  cmake -S . -B $BUILD "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DDENSOR_CUDA=ON -DDENSOR_DEV=ON \
    -DCMAKE_CUDA_ARCHITECTURES="$ARCHITECTURE-real" -DPython_EXECUTABLE="$(command -v "$PYTHON")" \
    -Dpybind11_DIR="$("$PYTHON" -m pybind11 --cmakedir)" && cmake --build $BUILD --parallel && "$PYTHON" -m densor info
}

pytest_() { # pytest_ FILE.xml PATH...: on several processes where pytest-xdist is installed
  local report=$1 many=()
  shift
  [ -z "$(missing pytest hypothesis numpy)" ] || { echo "missing: $(missing pytest hypothesis numpy)" && return 1; }
  [ -z "$(missing xdist)" ] && many=(-n 8 --dist=worksteal)
  "$PYTHON" -m pytest -q -p no:cacheprovider "${many[@]}" --junitxml="$OUT/$report" "$@"
}

sanitizer() { # memory errors, then races in shared memory, then divergent barriers, of every kernel, as far as the time goes
  command -v compute-sanitizer || { echo "compute-sanitizer is not installed: nothing was checked" && return 0; }
  local tools=(memcheck racecheck synccheck) done=0 left status
  while ((done < ${#tools[@]})); do
    left=$((STAGE_SECONDS - 5 - SECONDS))
    ((left >= 5)) || break
    echo "-- ${tools[done]}"
    timeout --kill-after=5 "$left" compute-sanitizer --tool "${tools[done]}" --error-exitcode 9 "$PYTHON" -m pytest -q -x \
      -p no:cacheprovider tests/ops/test_dense.py tests/ops/test_gemm_wgmma.py tests/ops/test_softmax.py tests/ops/test_optimizer.py
    status=$?
    ((status == 124 || status == 137)) && echo "-- ${tools[done]} was stopped after $left s" && break
    ((status == 0)) || return 1
    done=$((done + 1))
  done
  ((done == ${#tools[@]})) || echo "left out, there was no time: ${tools[*]:done}"
  ((done > 0))
}

with_torch() { # with_torch SCRIPT ARGUMENT...
  [ -z "$(missing torch)" ] || { echo "missing: Python package torch: nothing was measured" && return 1; }
  "$PYTHON" "$@"
}

export -f build missing pytest_ sanitizer with_torch
export BUILD
if command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,power.limit --format=csv >"$OUT/machine.csv"
  ARCHITECTURE=${ARCHITECTURE:-$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)}
fi
ARCHITECTURE=${ARCHITECTURE:-90}
[ "$ARCHITECTURE" = 90 ] && ARCHITECTURE=90a
export ARCHITECTURE
stage ceilings 75 bash -c 'with_torch bench/gpu/ceilings.py "$OUT/ceilings.json"'
stage build 150 bash -c build
# Tests run the plans of the table: the same everywhere, and no time goes into measuring.
stage tests 100 env DENSOR_AUTOTUNE=0 DENSOR_TEST_CUDA=gpu bash -c 'pytest_ tests.xml tests/ops tests/cuda'
stage bench 130 bash -c 'with_torch bench/gpu/goals.py "$OUT/goals.json" --tests "$OUT/tests.xml" ${GOALS:-}'
stage steps 40 bash -c 'with_torch bench/gpu/steps.py "$OUT/steps.json"'
stage models 60 env DENSOR_AUTOTUNE=0 DENSOR_TEST_DEVICE=cuda bash -c 'pytest_ models.xml tests/models tests/layers tests/losses \
  tests/metrics tests/regularizers tests/constraints tests/callbacks tests/optimizers tests/test_training.py'
stage sanitizer 90 env DENSOR_AUTOTUNE=0 DENSOR_TEST_CUDA=gpu bash -c sanitizer
stage peers 60 bash -c 'with_torch bench/gpu/goals.py "$OUT/peers.json" --peers'
[ -f "$OUT/goals.json" ] && "$PYTHON" bench/gpu/table.py "$OUT/goals.json"
exit $failed
