#!/bin/bash
# study.sh FOLDER [CELLS_A_RANK [LARGEST_RANKS]]: a weak-scaling study of whole-graph training on this machine, from
# nothing to FOLDER/study.html. Atlases are simulated and prepared (CELLS_A_RANK a rank, default 125,000, all training
# cells); steps are measured on 1, 2, 4, ... ranks up to the cores; the messages of 4, 16, ... ranks up to
# LARGEST_RANKS (default 16) run under SimGrid on partitions of drawn graphs, those of 4 and 16 times as many on
# extrapolated ones. Needs about 5 GB a measured rank, and 1.5 KiB a cell of the largest drawn graph. What is there
# already is not made again.
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
. "$here/../../../launch/environment.sh"
read_choices
use_chosen_mpi

[ $# -ge 1 ] || fail "study.sh FOLDER [CELLS_A_RANK [LARGEST_RANKS]]"
folder="$1" cells="${2:-125000}" largest="${3:-16}"
build="${LAPATLAS_BUILD:-$LAPATLAS_ROOT/build/release}"
mkdir -p "$folder/figures" "$folder/points"
on_ranks() { mpirun --oversubscribe -n "$@"; }
sizes=(--model.hidden=256 --model.latent=32 --runtime.threads=1)

points=()
for ((ranks = 1; ranks <= $(nproc); ranks *= 2)); do
    atlas="$folder/weak-$ranks"
    if [ ! -e "$atlas/prepared.h5" ]; then
        on_ranks "$(nproc)" "$build/lapatlas" simulate --simulate.cells=$((ranks * cells)) --output "$atlas.h5ad" --quiet
        on_ranks "$(nproc)" "$build/lapatlas" prepare --input.path="$atlas.h5ad" --output.dir="$atlas" --quiet \
            --input.test_fraction=0 --input.validation_fraction=0 --prepare.k=20
    fi
    if [ ! -e "$folder/figures/weak-$ranks.json" ]; then
        on_ranks "$ranks" "$build/lapatlas-bench" scaling "$atlas/prepared.h5" "$folder/figures/weak-$ranks.json" \
            "${sizes[@]}" --train.loss_cells=$((ranks * cells / 16))
        mv "$folder/figures/weak-$ranks.point.json" "$folder/points/measured-$ranks.point.json"
    fi
    # The same point as the skeleton predicts it, from what one rank was seen to do.
    if [ "$ranks" -gt 1 ]; then
        on_ranks 1 "$build/lapatlas-bench" points "$folder/points/measured-1.point.json" "$folder/points" \
            --prepared="$atlas/prepared.h5" --ranks="$ranks"
        "$here/simulate_ranks.sh" "$folder/points/weak-$ranks.point.json" "$folder/figures/predicted-$ranks.json" \
            --build "$build" --kind predicted --ranks-a-node "$(nproc)"
    fi
done

for ((ranks = 4; ranks <= largest; ranks *= 4)); do
    point="$folder/points/weak-$ranks.point.json"
    if [ ! -e "$point" ]; then
        on_ranks 1 "$build/lapatlas-bench" points "$folder/points/measured-1.point.json" "$folder/points" \
            --cells=$((ranks * cells)) --k=20 --ranks="$ranks"
    fi
    points+=("$point")
    "$here/simulate_ranks.sh" "$point" "$folder/figures/simulated-$ranks.json" --build "$build"
done
further=$((4 * largest)),$((16 * largest))
on_ranks 1 "$build/lapatlas-bench" points "$folder/points/measured-1.point.json" "$folder/points" --ranks="$further" \
    --like="$(IFS=,; echo "${points[*]}")" --cells-a-rank="$cells"
for ranks in ${further//,/ }; do
    "$here/simulate_ranks.sh" "$folder/points/weak-$ranks.point.json" "$folder/figures/extrapolated-$ranks.json" --build "$build"
done
on_ranks 1 "$build/lapatlas-bench" collate "$folder/figures" "$folder/study.html"
