#!/bin/bash
# tests/bench/robustness.sh FILE.h5ad FOLDER [OPTIONS...]: attacks on the graph against defences in training, on the cells of FILE with configs/pbmc3k.toml
# (docs/results.md). What is there already is not made again. OPTIONS go to every training.
set -euo pipefail
# shellcheck source=launch/environment.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/launch/environment.sh"
file="${1:?FILE.h5ad is wanted}" folder="$(realpath -m "${2:?FOLDER is wanted}")"
shift 2
. "$LAPATLAS_ROOT/launch/mpirun-env"
lapatlas="${LAPATLAS:-$LAPATLAS_ROOT/build/release/lapatlas}"
mkdir -p "$folder"
study() { # NAME OPTIONS...
    local run="$folder/$1"
    shift
    [ -e "$run/robustness.csv" ] && return
    mpirun -n "${RANKS:-2}" "$lapatlas" prepare "$LAPATLAS_ROOT/configs/pbmc3k.toml" --input.path="$file" --output.dir="$run" --train.score_steps=50 --quiet "$@"
    mpirun -n "${RANKS:-2}" "$lapatlas" train "$run" --quiet
    mpirun -n "${RANKS:-2}" "$lapatlas" robustness "$run" --quiet > /dev/null
}
study none --train.perturb=false "$@"
study lapddpm "$@"
study modes --train.perturb_modes=4 "$@"
study local --train.local_edits=0.1 "$@"
study both --train.perturb_modes=4 --train.local_edits=0.1 "$@"
"$tests_python" - "$folder" <<'PYTHON'
import csv, pathlib, sys
folder = pathlib.Path(sys.argv[1])
names = ("none", "lapddpm", "modes", "local", "both")
tables = {name: {(row["attack"], row["budget"]): row for row in csv.DictReader((folder / name / "robustness.csv").open())} for name in names}
for figure in ("training_nats", "heldout_nats", "latents_moved", "label_accuracy"):
    print(f"\n{figure}\n\n| attack, budget | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for key in tables["none"]:
        print(f"| {key[0]}, {key[1]} | " + " | ".join(f"{float(tables[name][key][figure]):.{1 if figure.endswith('nats') else 3}f}" for name in names) + " |")
PYTHON
