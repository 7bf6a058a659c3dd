#!/bin/bash
# tests/bench/conditions.sh FOLDER [OPTIONS...]: covariates as conditions (docs/results.md). Simulated cells with a time course and treatments; the middle fifth
# of the course and one type under one treatment are kept from training, a tenth of all others too. Cells made for what was kept are held against it, beside the
# real cells that come nearest to it among those that trained. OPTIONS go to training. What is there already is not made again.
set -euo pipefail
# shellcheck source=launch/environment.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/launch/environment.sh"
folder="$(realpath -m "${1:?FOLDER is wanted}")"
shift
. "$LAPATLAS_ROOT/launch/mpirun-env"
lapatlas="${LAPATLAS:-$LAPATLAS_ROOT/build/release/lapatlas}"
mkdir -p "$folder"
call() { mpirun -n "${RANKS:-2}" "$lapatlas" "$@" --quiet > /dev/null; }
[ -e "$folder/all.h5ad" ] || call simulate --output "$folder/all.h5ad" --simulate.cells=12000 --simulate.genes=2000 --simulate.types=4 --simulate.programs=4 \
    --simulate.time_course=true --simulate.treatments=3
# The parts, and as many cells a type as each has.
[ -e "$folder/training.h5ad" ] || "$tests_python" - "$folder" <<'PYTHON'
import pathlib, sys
import anndata, numpy as np
folder = pathlib.Path(sys.argv[1])
cells = anndata.read_h5ad(folder / "all.h5ad")
time, kind, treatment = (cells.obs[key].to_numpy() for key in ("pseudotime", "cell_type", "treatment"))
combination = (kind == "type_0") & (treatment == "treatment_2")
middle = (time >= 0.4) & (time <= 0.6)
tenth = np.random.default_rng(0).random(len(time)) < 0.1
seen = ~middle & ~combination
training = seen & ~tenth
around = ((time >= 0.3) & (time < 0.4)) | ((time > 0.6) & (time <= 0.7))
parts = {
    "training": training, "seen": seen & tenth, "middle": middle & ~combination, "middle-nearest": training & around,
    "combination": combination & ~middle, "combination-nearest": training & (kind == "type_0") & (treatment == "treatment_0"),
}
for name, chosen in parts.items():
    part = cells[chosen]
    part.write_h5ad(folder / f"{name}.h5ad")
    (folder / f"{name}.counts").write_text("".join(f"{t}\t{n}\n" for t, n in part.obs["cell_type"].value_counts().items()))
PYTHON
if [ ! -e "$folder/run/done" ]; then
    call prepare --input.path="$folder/training.h5ad" --input.label_key=cell_type --input.covariate_keys="pseudotime, treatment" --output.dir="$folder/run" "$@"
    call train "$folder/run"
    touch "$folder/run/done"
fi
judge() { # NAME CELLS REFERENCE
    [ -e "$folder/$1.json" ] || call evaluate "$folder/$2.h5ad" --reference "$folder/$3.h5ad" --input.label_key=cell_type --output "$folder/$1.json"
}
make() { # NAME REFERENCE OPTIONS...
    local name="$1" reference="$2"
    shift 2
    [ -e "$folder/$name.h5ad" ] || mpirun -n "${RANKS:-2}" "$lapatlas" generate "$folder/run" --output "$folder/$name.h5ad" --generate.counts="$folder/$reference.counts" "$@" 2> "$folder/$name.log"
    judge "$name" "$name" "$reference"
}
make seen-made seen
make middle-made middle --generate.set=pseudotime=0.4..0.6
make middle-untold middle
make middle-early middle --generate.set=pseudotime=0..0.2
judge middle-real middle-nearest middle
make combination-made combination --generate.set=treatment=treatment_2
make combination-untold combination
judge combination-real combination-nearest combination
grep -h extrapolations "$folder"/*.log || true
"$tests_python" - "$folder" <<'PYTHON'
import json, pathlib, sys
import anndata, numpy as np
folder = pathlib.Path(sys.argv[1])
genes = anndata.read_h5ad(folder / "seen-made.h5ad").var_names
def log_normalised(name):
    x = anndata.read_h5ad(folder / f"{name}.h5ad")[:, genes].X.toarray()
    return np.log1p(x / np.maximum(x.sum(1, keepdims=True), 1) * 1e4)
# title, figures, cells, reference
rows = [("as some that trained", "seen-made", "seen-made", "seen"),
        ("the middle of the course", "middle-made", "middle-made", "middle"), ("the same, not told the time", "middle-untold", "middle-untold", "middle"),
        ("the same, told the first fifth instead", "middle-early", "middle-early", "middle"),
        ("real cells of the times around", "middle-real", "middle-nearest", "middle"),
        ("a type under a treatment it was never seen under", "combination-made", "combination-made", "combination"),
        ("the same, not told the treatment", "combination-untold", "combination-untold", "combination"),
        ("real cells of the type, untreated", "combination-real", "combination-nearest", "combination")]
columns = ("pooled_rf_auc", "pooled_knn_auc", "pooled_w2")
print("| cells | " + " | ".join(f"{c} | floor" for c in columns) + " | distance of means | floor |\n|---|" + "---|" * (2 * len(columns) + 2))
for title, name, cells, reference in rows:
    figures = json.loads((folder / f"{name}.json").read_text())["figures"]
    def text(key, side):
        value = figures.get(key, {}).get(side)
        return "" if not value or value["mean"] is None else f"{value['mean']:.3f} ± {value.get('sd') or 0:.3f}"
    # Of as many cells as half the reference's, as the floor: the distance of means of samples falls with their size.
    real, made, rng = log_normalised(reference), log_normalised(cells), np.random.default_rng(0)
    half, apart, floor = len(real) // 2, [], []
    for _ in range(20):
        order = rng.permutation(len(real))
        chosen = rng.permutation(len(made))[:half]
        apart.append(np.linalg.norm(real[order[:half]].mean(0) - made[chosen].mean(0)))
        floor.append(np.linalg.norm(real[order[:half]].mean(0) - real[order[half:2 * half]].mean(0)))
    print(f"| {title} | " + " | ".join(f"{text(c, 'generated')} | {text(c, 'floor')}" for c in columns) + f" | {np.mean(apart):.3f} | {np.mean(floor):.3f} |")
PYTHON
