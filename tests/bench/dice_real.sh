#!/bin/bash
# tests/bench/dice_real.sh FOLDER DATA [denoise options...]: DICE on real cells beside other methods on the same ones (docs/dice.md): PBMC3K by
# the other cells of a pool as reference, and a tenth of PBMC3K and of worm L2 by the rest. DATA holds pbmc_pool.h5ad (obs `batch`, of
# which `pbmc3k` is one), pbmc3k_labelled_2638.h5ad and worm_l2.h5ad. What is there already is not made again.
set -euo pipefail
# shellcheck source=launch/environment.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/launch/environment.sh"
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" && exit 2; }
folder="$(realpath -m "$1")" data="$(realpath "$2")" lapatlas="${LAPATLAS:-$LAPATLAS_ROOT/build/release/lapatlas}"
shift 2
here="$LAPATLAS_ROOT/tests/bench/peers" python="$LAPATLAS_CACHE/peers/bin/python"
"$here/setup_peers.sh" > /dev/null
names=(pbmc3k_labelled_2638 worm_l2 pbmc_pool)
[ -e "$folder/pbmc_pool.query.h5ad" ] ||
    "$python" "$here/denoise_pairs.py" "$folder" "$data/pbmc_pool.h5ad" pbmc3k "$data/pbmc3k_labelled_2638.h5ad" "$data/worm_l2.h5ad" > /dev/null
for name in "${names[@]}"; do
    # Only the pool is of several sources: cells of one are its query.
    denoised=() variants=(gaussian negative_binomial)
    [ "$name" != pbmc_pool ] || variants+=(aligned)
    for variant in "${variants[@]}"; do
        run="$folder/$name-$variant" options=(--denoise.likelihood="$variant")
        [ "$variant" != aligned ] || options=(--denoise.align_batches=true --input.batch_key=batch --denoise.rho=1 --denoise.last_rho=0.1)
        mkdir -p "$run/denoise"
        # The prior does not depend on the likelihood.
        [ "$variant" != negative_binomial ] || [ -e "$run/denoise/prior.h5" ] || cp "$folder/$name-gaussian/denoise/prior.h5" "$run/denoise/"
        if [ ! -e "$run/denoised.figures.json" ]; then
            "$lapatlas" denoise "$LAPATLAS_ROOT/configs/dice.toml" --quiet --input.path="$folder/$name.reference.h5ad" --query "$folder/$name.query.h5ad" \
                "${options[@]}" --output.dir="$run" "$@" > "$run/table"
        fi
        denoised+=("DICE, $variant=$run/denoised.h5ad")
    done
    echo "== $name"
    [ -e "$folder/$name.csv" ] ||
        "$python" "$here/denoise_peers.py" "$folder/$name.reference.h5ad" "$folder/$name.query.h5ad" "$folder/$name.csv" "${denoised[@]}" > "$folder/$name.log"
    cat "$folder/$name.csv"
    sed -n '/label sets/p' "$folder/$name-gaussian/table"
done
