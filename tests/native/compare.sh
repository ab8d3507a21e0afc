#!/usr/bin/env bash
# compare.sh HASHES BUILD: cross-compiles the CPU kernels for aarch64 in the folder BUILD, runs them under qemu, and
# compares what they compute with what kernel_hashes (HASHES) of this machine says: all targets with fused
# multiply-adds have the same bits, and so has the scalar target on both machines.
set -euo pipefail
hashes=$1 build=$2
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DDENSOR_PYTHON=OFF -DDENSOR_KERNEL_HASHES=ON \
  -DDENSOR_WERROR=ON -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ >"$found/cmake.log" || { cat "$found/cmake.log"; exit 1; }
cmake --build "$build" >"$found/build.log" || { tail -n 40 "$found/build.log"; exit 1; }

crossed() { qemu-aarch64 -L /usr/aarch64-linux-gnu build/hashes/aarch64/kernel_hashes "$1"; }
crossed neon >"$found/neon"
crossed scalar >"$found/scalar on aarch64"
for target in avx2 avx512 scalar; do # avx512 only where this machine runs it
  "$hashes" "$target" >"$found/$target" || { [ $target = avx512 ] && rm "$found/$target"; }
done

compare() { # compare A B: the same lines, and not none
  [ -e "$found/$2" ] || { echo "$2: does not run here"; return; }
  diff "$found/$1" "$found/$2" || { echo "$2 differs from $1 (above)" >&2; return 1; }
  echo "$2 = $1: $(wc -l <"$found/$1") lines, all alike"
}
[ "$(wc -l <"$found/neon")" -ge 100 ]
compare avx2 neon
compare avx2 avx512
compare scalar "scalar on aarch64"
