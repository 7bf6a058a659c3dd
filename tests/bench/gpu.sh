#!/bin/bash
# tests/bench/gpu.sh PACK RESULTS [PART...]: what only a machine with a GPU can show, each part's output into RESULTS/PART.log.
# PACK: a folder of launch/pack. Parts, in this order where none is named:
#     tests    every GPU test, at each of its numbers of ranks
#     flow     a simulated atlas through prepare, train and generate on the GPU, and again on the CPU beside it
#     bench    kernels and stages beside LibTorch's own, training and generation of the flow's run
#     million  configs/million.toml: simulated on all cores, prepared, learned and made again on the GPU, evaluated on all cores
#     real     PBMC3K ($PBMC3K, an .h5ad with the column cell_type) through the same on the GPU, its atlas into RESULTS
# Figures of docs/performance.md are from here. Exit code 1 if a part fails; the others are still run.
set -uo pipefail
pack="$(realpath "$1")" && mkdir -p "$2" && results="$(realpath "$2")" && shift 2 || exit 2
configs="$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../configs")"
[ $# -gt 0 ] || set -- tests flow bench million real
. "$pack/environment"
work="${LAPATLAS_GPU_WORK:-$(mktemp -d)}" && mkdir -p "$work"
cells="${LAPATLAS_GPU_CELLS:-20000}" device="${LAPATLAS_GPU_DEVICE:-cuda}" failed=0

timed() { # NAME COMMAND...: its output, and how long it took
    local name="$1" start
    start="$(date +%s.%N)" && shift
    "$@" || { echo "FAILED ($?): $name" && failed=1; }
    echo "== $name: $(echo "$start $(date +%s.%N)" | awk '{printf "%.1f", $2 - $1}') s"
}
flow() { # DEVICE: the same atlas, settings and seed on either
    local short=(--train.joint_epochs=4 --train.score_steps=200) run="$work/run_$1"
    timed "prepare on $1" lapatlas prepare --device "$1" --input.path="$work/sim.h5ad" --input.label_key=cell_type --output.dir="$run"
    timed "train on $1" lapatlas train "$run" --device "$1" "${short[@]}"
    timed "generate on $1" lapatlas generate "$run" --device "$1" "${short[@]}" --cells "$cells" --output "$work/$1.h5ad"
}
compare='
import sys, h5py, numpy as np
def means(path):
    x = h5py.File(path)["X"]
    genes = int(x.attrs["shape"][1])
    return np.bincount(x["indices"][:], weights=x["data"][:], minlength=genes) / x.attrs["shape"][0]
gpu, cpu = (means(path) for path in sys.argv[1:])
print("counts a cell: GPU %.1f, CPU %.1f" % (gpu.sum(), cpu.sum()))
apart = np.abs(np.log1p(gpu) - np.log1p(cpu)).max()
print("log mean of a gene: at most %.4f apart" % apart)
sys.exit(int(apart > 0.05))
'
part() {
    case "$1" in
        tests) LAPATLAS_TEST_SECONDS="${LAPATLAS_TEST_SECONDS:-90}" timed "GPU tests" "$pack/gpu-tests" ;;
        flow)
            timed simulate lapatlas simulate --simulate.cells="$cells" --output "$work/sim.h5ad"
            flow "$device"
            flow cpu
            head -3 "$work"/run_{"$device",cpu}/metrics.csv
            timed "the same genes" python3 - "$work/$device.h5ad" "$work/cpu.h5ad" <<< "$compare"
            ;;
        bench)
            timed simulate mpirun -n 8 lapatlas simulate --simulate.cells=100000 --simulate.genes=6000 --output "$work/large.h5ad"
            timed prepare lapatlas prepare --device "$device" --input.path="$work/large.h5ad" --input.label_key=cell_type --output.dir="$work/large"
            timed bench lapatlas-bench gpu "$work/run_$device" "$work/large"
            ;;
        million)
            million=("$configs/million.toml" --input.path="$work/million.h5ad" --output.dir="$work/million")
            timed simulate mpirun -n "$(nproc)" lapatlas simulate "$configs/million.toml" --output "$work/million.h5ad" --quiet
            for stage in prepare train generate; do
                timed "$stage" lapatlas "$stage" "${million[@]}" --device "$device" --log-json "$results/$stage.jsonl"
            done
            timed evaluate mpirun -n "$(nproc)" lapatlas evaluate "${million[@]}"
            cat "$work/million/metrics.csv" "$work/million/evaluation.csv"
            ;;
        real)
            timed prepare lapatlas prepare "$configs/pbmc3k.toml" --device "$device" --input.path="$PBMC3K" --output.dir="$work/pbmc3k"
            timed train lapatlas train "$work/pbmc3k" --device "$device"
            timed generate lapatlas generate "$work/pbmc3k" --device "$device" --output "$results/pbmc3k.h5ad"
            ;;
        *) echo "gpu.sh: no part '$1'" && exit 2 ;;
    esac
    return $failed
}
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null
for name in "$@"; do
    (part "$name") 2>&1 | tee "$results/$name.log" || failed=1
done
exit $failed
