#!/bin/bash
# pbmc3k.sh FILE.h5ad OUTPUT_FOLDER [SEEDS]: the README's table of quality: trains configs/pbmc3k.toml with each seed
# (default "0 1 2": split, model and cells differ) on 2 ranks, makes the gene-wise baseline of the same training cells,
# evaluates both, and prints means over seeds. What is there already in OUTPUT_FOLDER is not made again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../launch/environment.sh"
file="${1:?FILE.h5ad is wanted}" folder="${2:?OUTPUT_FOLDER is wanted}" seeds="${3:-0 1 2}"
. "$LAPATLAS_ROOT/launch/mpirun-env"
build="$LAPATLAS_ROOT/build/release"
mkdir -p "$folder"
for seed in $seeds; do
    run="$folder/$seed"
    mpirun -n 2 "$build/lapatlas" run "$LAPATLAS_ROOT/configs/pbmc3k.toml" --input.path="$file" --output.dir="$run" \
        --runtime.seed="$seed" > /dev/null
    [ -e "$run/marginal.json" ] && continue
    "$build/lapatlas-bench" marginal "$run" "$folder/marginal$seed.h5ad"
    mpirun -n 2 "$build/lapatlas" evaluate "$run" --generated "$folder/marginal$seed.h5ad" \
        --output "$run/marginal.json" > /dev/null
done
python3 - "$folder" $seeds <<'PYTHON'
import json, pathlib, statistics, sys

folder, seeds = pathlib.Path(sys.argv[1]), sys.argv[2:]

def figures(name, side):
    runs = [json.loads((folder / seed / name).read_text())["figures"] for seed in seeds]
    return {key: [run[key][side]["mean"] for run in runs] for key in runs[0]}

def text(values):
    spread = statistics.stdev(values) if len(values) > 1 else 0
    return f"{statistics.mean(values):.3f} ± {spread:.3f}"

rows = {
    "pooled_rf_auc": "random forest tells it from real cells, pooled (AUC)",
    "conditional_rf_auc": "the same within types",
    "joint_rf_auc": "the same, pooled, in components of both samples",
    "pooled_knn_auc": "nearest neighbours tell it, pooled (AUC)",
    "pooled_w2": "Wasserstein-2, pooled",
    "conditional_w2": "Wasserstein-2 within types",
    "label_accuracy": "label agreement",
    "nearest_training_ratio": "distance to the nearest training cell, ratio",
    "library_ks": "library sizes, KS",
}
ours, floor = figures("evaluation.json", "generated"), figures("evaluation.json", "floor")
marginal = figures("marginal.json", "generated")
print(f"| PBMC3K, {len(seeds)} seeds | LapAtlas | gene-wise draws per type | floor: real cells |\n|---|---|---|---|")
for key, name in rows.items():
    print(f"| {name} | {text(ours[key])} | {text(marginal[key])} | {text(floor[key])} |")
PYTHON
