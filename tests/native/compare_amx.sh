#!/usr/bin/env bash
# compare_amx.sh BUILD: builds the CPU kernels in the folder BUILD with the instructions of AMX carried out by a signal
# handler (csrc/cpu/amx/trapped.cpp), runs them, which takes AVX-512, and compares what they compute with what
# the model of those instructions does, in all of it, and with AVX-512, in all but products of bfloat16 terms.
set -euo pipefail
build=$1
hashes=build/hashes/$(uname -m)-trapped/kernel_hashes
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DDENSOR_PYTHON=OFF -DDENSOR_KERNEL_HASHES=ON \
  -DDENSOR_AMX_TRAPPED=ON -DDENSOR_WERROR=ON >"$found/cmake.log" || { cat "$found/cmake.log"; exit 1; }
cmake --build "$build" >"$found/build.log" || { tail -n 40 "$found/build.log"; exit 1; }

for target in amx amx_model avx512; do "$hashes" $target >"$found/$target"; done
diff "$found/amx_model" "$found/amx" || { echo "amx differs from its model (above)" >&2; exit 1; }
products=$(diff "$found/avx512" "$found/amx" | grep -c '^> gemm .* \(medium\|high\|x6\|highest\) ' || true)
others=$(diff "$found/avx512" "$found/amx" | grep -c '^>' || true)
[ "$products" = 16 ] && [ "$others" = 16 ] || { echo "amx does not differ from avx512 where it must" >&2; exit 1; }
echo "amx = amx_model: $(wc -l <"$found/amx") lines, all alike, $products of them products of bfloat16 terms"
