#!/bin/bash
# tests/bench/dice_table.sh FOLDER [SEEDS [OPTIONS...]]: table 1 of DICE, mean and standard deviation over seeds 0 .. SEEDS - 1 (default 10) of
# its synthetic setups 1 to 4: silhouette and cLISI of PCA and DICE. OPTIONS go to lapatlas denoise. What is there already is not made again.
set -euo pipefail
# shellcheck source=launch/environment.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/launch/environment.sh"
[ $# -ge 1 ] || { sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}" && exit 2; }
folder="$(realpath -m "$1")" seeds="${2:-10}" lapatlas="${LAPATLAS:-$LAPATLAS_ROOT/build/release/lapatlas}"
shift $(($# < 2 ? $# : 2))
mkdir -p "$folder"
for ((seed = 0; seed < seeds; ++seed)); do
    for setup in 1 2 3 4; do
        run="$folder/seed$seed-setup$setup"
        [ -e "$run/denoised.figures.json" ] && continue
        mkdir -p "$run/denoise"
        "$lapatlas" simulate --quiet --runtime.seed="$seed" --simulate.dice_setup="$setup" --output "$run.h5ad"
        # The reference is that of every setup, and so is its prior.
        if [ "$setup" != 1 ]; then cp "$folder/seed$seed-setup1/denoise/prior.h5" "$run/denoise/"; fi
        "$lapatlas" denoise "$LAPATLAS_ROOT/configs/dice_synthetic.toml" --quiet --runtime.seed="$seed" --input.path="$run.h5ad" \
            --query "$run-query.h5ad" --output.dir="$run" "$@" > /dev/null
        rm "$run.h5ad" "$run-query.h5ad" "$run/denoised.h5ad"
    done
done
"$tests_python" - "$folder" "$seeds" <<'PYTHON'
import json, statistics, sys
folder, seeds = sys.argv[1], int(sys.argv[2])
published = {1: (.25, .37, 1.27, 1.17), 2: (.24, .36, 1.27, 1.17), 3: (.22, .34, 1.32, 1.18), 4: (.22, .28, 1.35, 1.27)}
print(f"{'setup':6}{'figure':14}{'PCA':>16}{'DICE':>16}{'gain':>16}   published: PCA, DICE, gain")
for setup, paper in published.items():
    runs = [json.load(open(f"{folder}/seed{seed}-setup{setup}/denoised.figures.json")) for seed in range(seeds)]
    for key, (pca, dice) in (("silhouette", paper[:2]), ("cosine_clisi", paper[2:]), ("clisi", (None, None))):
        columns = [[r["pca"][key] for r in runs], [r["dice"][key] for r in runs], [r["dice"][key] - r["pca"][key] for r in runs]]
        text = "".join(f"{statistics.mean(c):9.3f} ± {statistics.stdev(c) if seeds > 1 else 0:.3f}" for c in columns)
        print(f"{setup:<6}{key:14}{text}   {f'{pca}, {dice}, {dice - pca:+.2f}' if pca else ''}")
PYTHON
