#!/usr/bin/env bash
# make gpu-check OUT=dir [STAGES="ceilings peers build golden tests bench steps models sanitizer"] [GOALS="--row Adam"]: the CUDA side
# on a real GPU, within nine minutes. Uses the toolkit and the Python packages that the machine has; downloads nothing.
# Each stage prints its result as it ends and leaves its log in OUT, so that a run that is stopped still tells something;
# one that fails, or takes too long, does not stop the others. One that needs a build and finds none makes it. "peers"
# measures PyTorch alone, which needs none. One more stage runs where it is asked for only: "oracles", training on the
# device beside Keras, whose steps take most of its minutes. OUT/goals.json is what belongs into bench/results/gpu.json.
set -uo pipefail
cd "$(dirname "$0")/../.."
OUT=${OUT:?say where the results go: make gpu-check OUT=dir}
STAGES=${STAGES:-ceilings peers build golden tests bench steps models sanitizer}
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

built() { # whether there is an extension for a GPU; a dry run has kernels for the processor
  [ "${DENSOR_GPU_DRY:-}" = 1 ] || "$PYTHON" -c 'from densor import _core; assert _core.build_info()["cuda"] == "nvidia"' 2>/dev/null
}

stage() { # stage NAME SECONDS COMMAND...: the command's log, its last lines, its time
  local name=$1 most=$2 start=$SECONDS status left=$((LIMIT - SECONDS))
  shift 2
  [[ " $STAGES " == *" $name "* ]] || return 0
  if [[ " $NEED_BUILD " == *" $name "* ]]; then
    [ -n "$build_status" ] || built || STAGES="$STAGES build" build_stage
    left=$((LIMIT - SECONDS)) start=$SECONDS
    # What an earlier build left behind would give figures of other sources.
    if [ "${build_status:-passed}" != passed ] && [ "${DENSOR_GPU_DRY:-}" != 1 ]; then
      printf '== %s: NOT RUN, there is no build\n' "$name"
      failed=1
      return 0
    fi
  fi
  ((left < most)) && most=$left
  if ((most < 5)); then
    printf '== %s: NOT RUN, no time left\n' "$name"
    failed=1
    return 0
  fi
  # SIGINT: pytest then ends as it does by itself, and writes what has run.
  STAGE_SECONDS=$most timeout --signal=INT --kill-after=15 "$most" "$@" >"$OUT/$name.log" 2>&1
  status=$?
  case $status in
    0) status="passed" ;;
    124 | 137) status="STOPPED: more than $most s" failed=1 ;;
    *) status="FAILED ($status)" failed=1 ;;
  esac
  [ "$name" = build ] && build_status=$status
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
  rm -f "$OUT/$report" "$OUT/${report%.xml}.json" # a stop may leave none: what an earlier run has shown is not of this one
  [ -z "$(missing pytest hypothesis numpy)" ] || { echo "missing: $(missing pytest hypothesis numpy)" && return 1; }
  [ -z "$(missing xdist)" ] && many=(-n 8 --dist=worksteal)
  "$PYTHON" -m pytest -q -p no:cacheprovider -p evidence "${many[@]}" --junitxml="$OUT/$report" "$@"
}

# Memory errors, races in shared memory, divergent barriers, reads of what nobody has written: a tool after the other, each
# with half of the time that is left, a line of each, its log in OUT. Tests take turns, so that every kernel has some.
sanitizer() {
  command -v compute-sanitizer || { echo "compute-sanitizer is not installed: nothing was checked" && return 0; }
  local tools=(memcheck racecheck synccheck initcheck) i share status bad=0 log
  for i in "${!tools[@]}"; do
    share=$((STAGE_SECONDS - SECONDS - 5))
    ((i + 1 < ${#tools[@]})) && share=$((share / 2))
    ((share >= 8)) || { echo "-- ${tools[i]}: NOT RUN, no time left" && bad=1 && continue; }
    log="$OUT/sanitizer.${tools[i]}.log"
    DENSOR_TEST_TURN=1 DENSOR_TEST_SECONDS=$((share * 3 / 4)) timeout --signal=INT --kill-after=2 "$share" compute-sanitizer --tool "${tools[i]}" \
      --error-exitcode 9 "$PYTHON" -m pytest -q -p no:cacheprovider -p evidence ${SANITIZED:-tests/ops} >"$log" 2>&1
    status=$?
    # pytest ends with 2 where it was told to stop in time.
    grep -qE '[0-9]+ (failed|errors?).* in ' "$log" && ((status != 9)) && status=1
    case $status in
      0 | 2) status="passed" ;;
      9) status="ERRORS FOUND" bad=1 ;;
      124 | 137) status="STOPPED before it could report" bad=1 ;;
      *) status="FAILED ($status)" bad=1 ;;
    esac
    echo "-- ${tools[i]}: $status; $(grep -E '[0-9]+ (passed|failed|skipped|errors?).* in ' "$log" | tail -n 1); $(grep -E '(ERROR|RACECHECK) SUMMARY' "$log" | tail -n 1)"
  done
  return $bad
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
NEED_BUILD="golden tests bench steps models sanitizer oracles"
build_status=
build_stage() { stage build 140 bash -c build; }
stage ceilings 50 bash -c 'with_torch bench/gpu/ceilings.py "$OUT/ceilings.json"'
stage peers 40 bash -c 'with_torch bench/gpu/goals.py "$OUT/peers.json" --peers'
build_stage
# Tests run the plans of the table: the same everywhere, and no time goes into measuring. First that training follows the
# CPU and repeats its bits; then all kernels, parts of all files in turns.
stage golden 30 env DENSOR_AUTOTUNE=0 DENSOR_TEST_CUDA="${DENSOR_TEST_CUDA:-gpu}" bash -c \
  'pytest_ golden.xml tests/cuda/test_training.py tests/cuda/test_gpu.py'
stage tests 90 env DENSOR_AUTOTUNE=0 DENSOR_TEST_CUDA=gpu DENSOR_TEST_TURN=8 bash -c 'pytest_ tests.xml tests/ops tests/cuda'
stage bench 110 bash -c 'with_torch bench/gpu/goals.py "$OUT/goals.json" --tests "$OUT/tests.xml" ${GOALS:-}'
stage steps 30 bash -c 'with_torch bench/gpu/steps.py "$OUT/steps.json"'
# The suite, but for what tests/on_device.py leaves out. The limits before leave 50 s at least, of which it may take half;
# parts of all files run first, in turns.
stage models $(((LIMIT - SECONDS) / 2)) env DENSOR_AUTOTUNE=0 DENSOR_TEST_DEVICE=cuda DENSOR_TEST_TURN=8 bash -c \
  'pytest_ models.xml tests --ignore tests/oracles'
stage oracles "$LIMIT" env DENSOR_AUTOTUNE=0 DENSOR_TEST_DEVICE=cuda bash -c 'pytest_ oracles.xml tests/oracles'
# All that is left is for this one.
stage sanitizer "$LIMIT" env DENSOR_AUTOTUNE=0 DENSOR_TEST_CUDA="${DENSOR_TEST_CUDA:-gpu}" bash -c sanitizer
[ -f "$OUT/goals.json" ] && "$PYTHON" bench/gpu/table.py "$OUT/goals.json"
exit $failed
