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
    mpirun -n 2 "$lapatlas" generate "$folder/run" --output "$folder/$name.h5ad" "$@" 2> "$folder/$name.log"
    mpirun -n 2 "$lapatlas" evaluate "$folder/run" --generated "$folder/$name.h5ad" --output "$folder/$name.json" --quiet > /dev/null
    rm "$folder/$name.h5ad"
}
# One attempt, whatever the classifier says of it: cells whose labels nothing has steered.
make free-0 --generate.guidance=-1 --generate.keep_predicted=true --generate.most_attempts=1
for scale in 0.5 1 2 4; do make "free-$scale" --generate.guidance=-1 --generate.classifier_guidance="$scale"; done
for scale in 0 1 2 4; do make "label-$scale" --generate.classifier_guidance="$scale"; done
make filtered --generate.guidance=-1 --generate.keep_predicted=true
grep 'attempts were kept' "$folder/filtered.log"
# Of these types there are too few test cells to be compared with.
for scale in 0 1 2; do
    [ -e "$folder/rare-$scale.h5ad" ] || mpirun -n 2 "$lapatlas" generate "$folder/run" --output "$folder/rare-$scale.h5ad" --quiet \
        --counts "Dendritic cells=500,FCGR3A+ Monocytes=500" --generate.classifier_guidance="$scale"
done
"$tests_python" - "$folder" "$file" <<'PYTHON'
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

# Rare types: in 30 principal components of the training cells, the vote of the 15 nearest of them; the spread around the type's mean over that of
# its training cells; the distance to the nearest training cell over that between training cells of the type.
import anndata, csv, numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
rows = list(csv.DictReader(open(folder / "run" / "split.csv")))
cell_column, part_column = list(rows[0])[:2]
training = {r[cell_column] for r in rows if r[part_column] == "train"}
real = anndata.read_h5ad(sys.argv[2])
real = real[real.obs_names.isin(training)]
def log_normalised(cells):
    x = cells.X.toarray()
    return np.log1p(x / np.maximum(x.sum(1, keepdims=True), 1) * 1e4)
print("| scale | type | training cells | label agreement | spread | nearest training cell, ratio |\n|---|---|---|---|---|---|")
for scale in ("0", "1", "2"):
    made = anndata.read_h5ad(folder / f"rare-{scale}.h5ad")
    reference = log_normalised(real[:, made.var_names])
    pca = PCA(30, random_state=0).fit(reference)
    a, b = pca.transform(reference), pca.transform(log_normalised(made))
    types = real.obs["cell_type"].astype(str).to_numpy()
    near = NearestNeighbors(n_neighbors=15).fit(a).kneighbors(b, return_distance=False)
    for kind in ("Dendritic cells", "FCGR3A+ Monocytes"):
        own, of_kind = (made.obs["cell_type"] == kind).to_numpy(), types == kind
        votes = [max(set(v), key=list(v).count) for v in types[near[own]]]
        spread = lambda x: np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean())
        to_training = NearestNeighbors(n_neighbors=1).fit(a[of_kind]).kneighbors(b[own])[0].mean()
        between = NearestNeighbors(n_neighbors=2).fit(a[of_kind]).kneighbors(a[of_kind])[0][:, 1].mean()
        print(f"| {scale} | {kind} | {of_kind.sum()} | {np.mean(np.array(votes) == kind):.3f} | {spread(b[own]) / spread(a[of_kind]):.3f} | {to_training / between:.3f} |")
PYTHON
