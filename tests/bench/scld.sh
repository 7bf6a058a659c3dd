#!/bin/bash
# tests/bench/scld.sh FILE.h5ad FOLDER [OPTIONS...]: SCLD's ablation on the cells of FILE (docs/scld.md): no guidance, communities' means as
# conditions (pre), and the Scorer too (pre + post); three ways to fuse a condition; the weight w of guidance from -1; the forest's AUC community by
# community. What is there already is not made again. OPTIONS go to every training.
set -euo pipefail
# shellcheck source=launch/environment.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/launch/environment.sh"
file="${1:?FILE.h5ad is wanted}" folder="$(realpath -m "${2:?FOLDER is wanted}")"
shift 2
. "$LAPATLAS_ROOT/launch/mpirun-env"
lapatlas="${LAPATLAS:-$LAPATLAS_ROOT/build/release/lapatlas}"
mkdir -p "$folder"
call() { mpirun -n "${RANKS:-2}" "$lapatlas" "$@" --quiet > /dev/null; }
train() { # RUN OPTIONS...
    local run="$folder/$1" start=$SECONDS
    shift
    [ -e "$run/done" ] && return
    mkdir -p "$run"
    call prepare "$LAPATLAS_ROOT/configs/scld.toml" --input.path="$file" --output.dir="$run" "$@"
    call train "$run"
    echo $((SECONDS - start)) > "$run/done"
}
make() { # RUN NAME OPTIONS...
    local run="$folder/$1" name="$2"
    shift 2
    [ -e "$run/$name.json" ] && return
    call generate "$run" --output "$run/$name.h5ad" "$@"
    call evaluate "$run" --generated "$run/$name.h5ad" --output "$run/$name.json" "$@"
    rm "$run/$name.h5ad"
}
wide=(--model.latent=128)
for fusion in concat add attention; do
    train "$fusion" "${wide[@]}" --model.fusion="$fusion" "$@"
    make "$fusion" pre --generate.keep_best=1
    make "$fusion" post
done
# Without guidance: all but one cell in a thousand are trained under the null label.
train none "${wide[@]}" --train.label_dropout=0.999 --model.condition=label "$@"
make none free --generate.keep_best=1 --generate.guidance=-1
make none post --generate.guidance=-1
train shift "${wide[@]}" --model.condition_shift=true "$@"
make shift pre --generate.keep_best=1
# The same guidance in other latents.
train narrow --model.latent=32 "$@"
make narrow post
train laplacian --model.embedding=laplacian --model.latent=32 "$@"
make laplacian pre --generate.keep_best=1
make laplacian post
for w in -1 -0.5 0.5 1; do make concat "w$w" --generate.keep_best=1 --generate.guidance="$w"; done
"$tests_python" - "$folder" <<'PYTHON'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
keys = ("pooled_rf_auc", "pooled_mmd2_median", "pooled_w2", "conditional_rf_auc", "conditional_w2", "label_accuracy", "coverage", "nearest_training_ratio")
print("| | " + " | ".join(keys) + " |\n|---|" + "---|" * len(keys))
def row(title, run, name, side="generated"):
    figures = json.loads((folder / run / f"{name}.json").read_text())["figures"]
    def text(key):
        value = figures.get(key, {}).get(side) or {"mean": None}
        return "" if value["mean"] is None else f"{value['mean']:.3f} ± {value.get('sd') or value.get('std') or 0:.3f}"
    print(f"| {title} | " + " | ".join(text(key) for key in keys) + " |")
row("real cells", "concat", "pre", "floor")
for title, run, name in (("no guidance", "none", "free"), ("post", "none", "post"), ("pre", "concat", "pre"), ("pre + post", "concat", "post"), ("pre, added", "add", "pre"),
                         ("pre + post, added", "add", "post"), ("pre, attention", "attention", "pre"), ("pre + post, attention", "attention", "post"),
                         ("pre, eq. 9's shift", "shift", "pre"),
                         ("pre + post, latents of 32", "narrow", "post"), ("pre, LapDDPM's embedding", "laplacian", "pre"),
                         ("pre + post, LapDDPM's embedding", "laplacian", "post"), ("w = -1", "concat", "w-1"), ("w = -0.5", "concat", "w-0.5"), ("w = 0", "concat", "pre"),
                         ("w = 0.5", "concat", "w0.5"), ("w = 1", "concat", "w1")):
    row(title, run, name)
post = json.loads((folder / "concat" / "post.json").read_text())
print("\nForest's AUC by community, pre + post:", json.dumps(post.get("types"))[:2000])
print("\nSeconds of preparation and training:", (folder / "concat" / "done").read_text().strip())
PYTHON
