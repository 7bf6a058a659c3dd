#!/bin/bash
# tests/fuzz/guided.sh PARSER [SECONDS [FOLDER]]: libFuzzer (clang, libclang-rt-14-dev, libomp-dev) on one parser of the program, from the
# seeds of tests/fuzz/fuzz.py; the corpus and what fails stay in FOLDER. Crashes inside libhdf5 do not end it.
#     PARSER: h5ad, tenx_h5, mtx, config, checkpoint, part, prepared, evaluation, metrics, status, history
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# shellcheck source=launch/environment.sh
. "$root/launch/environment.sh"
[ $# -ge 1 ] || { sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" && exit 2; }
parser="$1" seconds="${2:-300}" folder="$(realpath -m "${3:-runs/fuzz}")"
"$root/launch/build" release lapatlas fuzz_inputs
"$root/launch/build" fuzz fuzz_guided fuzz_inputs
read_choices
use_chosen_mpi
mkdir -p "$folder/found"
if [ ! -d "$folder/seeds/$parser" ]; then
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$tests_python" "$root/tests/fuzz/fuzz.py" \
        --mpiexec "$(command -v mpirun)" --binary "$root/build/release/lapatlas" --ranks 1 \
        --fuzzer "$root/build/release/tests/fuzz_inputs" --seeds "$folder/seeds"
fi
corpus="$folder/corpus/$parser"
mkdir -p "$corpus"
if [ "$parser" = mtx ]; then cp "$folder"/seeds/mtx/plain/matrix.mtx "$corpus"; else cp "$folder/seeds/$parser"/* "$corpus"; fi
longest="$(find "$corpus" -type f -printf '%s\n' | sort -n | tail -n 1)"
# One child after another, so that a crash inside libhdf5 costs one input.
export ASAN_OPTIONS=detect_leaks=0 OMP_NUM_THREADS=1
"$root/build/fuzz/tests/fuzz_guided" "--parser=$parser" -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 \
    -timeout=20 -rss_limit_mb=4096 -print_funcs=0 -max_len="$((longest * 5 / 4 + 4096))" -max_total_time="$seconds" \
    -artifact_prefix="$folder/found/$parser-" "$corpus"

say "$parser: $(find "$corpus" -type f | wc -l) inputs kept"
# What ended a child, once more: crashes by the build with sanitizers, memory by the one without.
found=("$folder/found/$parser"-*)
[ -e "${found[0]}" ] || exit 0
"$root/build/fuzz/tests/fuzz_inputs" --check "$parser" "${found[@]}"
"$root/build/release/tests/fuzz_inputs" --check "$parser" "${found[@]}"
