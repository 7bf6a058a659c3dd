#!/bin/bash
# tests/bench/guidance.sh FILE.h5ad FOLDER: classifier guidance on PBMC3K (docs/results.md). Trains configs/pbmc3k.toml with a classifier of noisy latents,
# its validation cells left to it; evaluates cells made without labels (guidance -1) that the classifier steers with scales 0 to 4, the filter
# in place of it, and 500 cells each of two rare types. Label agreement is that of evaluate: the vote of the nearest training cells' labels, of which the classifier
# knows nothing. What is there already is not made again.
set -euo pipefail
# shellcheck source=launch/environment.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/launch/environment.sh"
file="${1:?FILE.h5ad is wanted}" folder="$(realpath -m "${2:?FOLDER is wanted}")"
. "$LAPATLAS_ROOT/launch/mpirun-env"
lapatlas="$LAPATLAS_ROOT/build/release/lapatlas"
mkdir -p "$folder"
model=(--model.classifier=mlp --train.use_validation=false)
mpirun -n 2 "$lapatlas" run "$LAPATLAS_ROOT/configs/pbmc3k.toml" --input.path="$file" --output.dir="$folder/run" "${model[@]}" > /dev/null
make() { # NAME options...
    local name="$1"
    shift
    [ -e "$folder/$name.json" ] && return
    mpirun -n 2 "$lapatlas" generate "$folder/run" --output "$folder/$name.h5ad" --quiet "$@" 2> "$folder/$name.log"
    mpirun -n 2 "$lapatlas" evaluate "$folder/run" --generated "$folder/$name.h5ad" --output "$folder/$name.json" --quiet > /dev/null
    rm "$folder/$name.h5ad"
}
# One attempt, whatever the classifier says of it: cells whose labels nothing has steered.
make free-0 --generate.guidance=-1 --generate.keep_predicted=true --generate.most_attempts=1
for scale in 0.5 1 2 4; do make "free-$scale" --generate.guidance=-1 --generate.classifier_guidance="$scale"; done
for scale in 0 1 2 4; do make "label-$scale" --generate.classifier_guidance="$scale"; done
make filtered --generate.guidance=-1 --generate.keep_predicted=true
make rare --counts "Dendritic cells=500,FCGR3A+ Monocytes=500" --generate.classifier_guidance=1 --generate.keep_predicted=true
"$tests_python" - "$folder" <<'PYTHON'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
columns = ("label_accuracy", "pooled_rf_auc", "conditional_w2", "nearest_training_ratio", "membership_auc")
print("| cells | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
def row(name, side, what):
    figures = json.loads((folder / f"{name}.json").read_text())["figures"]
    def text(key):
        figure = figures[key][side]
        return "" if figure["mean"] is None else f"{figure['mean']:.3f} ± {figure.get('sd') or figure.get('std') or 0:.3f}"
    print(f"| {what} | " + " | ".join(text(key) for key in columns) + " |")
row("label-0", "floor", "real")
for scale in ("0", "0.5", "1", "2", "4"):
    row(f"free-{scale}", "generated", f"no label, classifier {scale}")
for scale in ("0", "1", "2", "4"):
    row(f"label-{scale}", "generated", f"label, classifier {scale}")
row("filtered", "generated", "no label, filter")
row("rare", "generated", "500 + 500 rare, label, classifier 1, filter")
PYTHON
