#!/bin/bash
# pbmc3k.sh FILE.h5ad OUTPUT_FOLDER [SEEDS]: the README's table of quality: trains configs/pbmc3k.toml with each seed
# (default "0 1 2": split, model and cells differ) on 2 ranks, makes the gene-wise baseline of the same training cells
# and, where tests/bench/peers/setup_peers.sh has been run, scVI's posterior samples of them; evaluates all by the same
# code, and prints means over seeds. What is there already in OUTPUT_FOLDER is not made again.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/../../launch/environment.sh"
file="${1:?FILE.h5ad is wanted}" folder="${2:?OUTPUT_FOLDER is wanted}" seeds="${3:-0 1 2}"
. "$LAPATLAS_ROOT/launch/mpirun-env"
build="$LAPATLAS_ROOT/build/release" peers="$LAPATLAS_CACHE/peers/bin/python"
evaluate() { # RUN ATLAS NAME
    [ -e "$1/$3.json" ] || mpirun -n 2 "$build/lapatlas" evaluate "$1" --generated "$2" --output "$1/$3.json" > /dev/null
}
mkdir -p "$folder"
for seed in $seeds; do
    run="$folder/$seed"
    mpirun -n 2 "$build/lapatlas" run "$LAPATLAS_ROOT/configs/pbmc3k.toml" --input.path="$file" --output.dir="$run" \
        --runtime.seed="$seed" > /dev/null
    [ -e "$folder/marginal$seed.h5ad" ] || "$build/lapatlas-bench" marginal "$run" "$folder/marginal$seed.h5ad"
    evaluate "$run" "$folder/marginal$seed.h5ad" marginal
    if "$peers" -c 'import scvi' 2> /dev/null; then
        [ -e "$folder/scvi$seed.h5ad" ] || "$peers" "$here/peers/scvi_atlas.py" "$run" "$file" "$folder/scvi$seed.h5ad"
        evaluate "$run" "$folder/scvi$seed.h5ad" scvi
    fi
done
python3 - "$folder" $seeds <<'PYTHON'
import json, pathlib, statistics, sys

folder, seeds = pathlib.Path(sys.argv[1]), sys.argv[2:]

def figures(name, side):
    files = [folder / seed / name for seed in seeds]
    if not all(file.exists() for file in files):
        return None
    runs = [json.loads(file.read_text())["figures"] for file in files]
    return {key: [run[key][side]["mean"] for run in runs] for key in runs[0]}

def text(values):
    if None in values:
        return "n/a"
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
    "coverage": "coverage of real cells",
    "density": "density around real cells",
    "trained_on_accuracy": "a classifier trained on it, balanced accuracy on real cells",
    "rare_type_recall": "recall of rare types, it added to real cells (floor: real cells alone)",
    "nearest_training_ratio": "distance to the nearest training cell, ratio",
    "membership_auc": "membership inference (AUC)",
    "library_ks": "library sizes, KS",
    "published_pooled_w2": "published protocol: Wasserstein-2, pooled",
    "published_conditional_w2": "published protocol: Wasserstein-2 within types",
}
columns = {
    "LapAtlas": figures("evaluation.json", "generated"),
    "scVI, posterior samples of training cells": figures("scvi.json", "generated"),
    "gene-wise draws per type": figures("marginal.json", "generated"),
    "floor: real cells": figures("evaluation.json", "floor"),
}
columns = {name: of for name, of in columns.items() if of}
print(f"| PBMC3K, {len(seeds)} seeds | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
for key, name in rows.items():
    print(f"| {name} | " + " | ".join(text(of[key]) for of in columns.values()) + " |")
PYTHON
