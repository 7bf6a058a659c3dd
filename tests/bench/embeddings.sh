#!/bin/bash
# tests/bench/embeddings.sh FILE.h5ad FOLDER [OPTIONS...]: the tables of Rackl, Fuchs & Hotho ("On the Role of Embeddings") on the cells of FILE, whose
# types are in cell_type (docs/embeddings.md): six embeddings, each with scDiffusion's diffusion; the figures of their latents, of cells made
# without labels, and of cells steered by two classifiers, with and without the filter. What is there already is not made again.
# OPTIONS go to every training; the variable EMBEDDINGS names some of the embeddings, CLASSIFIERS
# some of the classifiers.
set -euo pipefail
# shellcheck source=launch/environment.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/launch/environment.sh"
file="${1:?FILE.h5ad is wanted}" folder="$(realpath -m "${2:?FOLDER is wanted}")"
shift 2
. "$LAPATLAS_ROOT/launch/mpirun-env"
lapatlas="${LAPATLAS:-$LAPATLAS_ROOT/build/release/lapatlas}"
mkdir -p "$folder"
call() { mpirun -n "${RANKS:-2}" "$lapatlas" "$@" --quiet > /dev/null; }
likelihood_of() { # EMBEDDING
    case "$1" in
        scanvi | sctag) echo zinb ;;
        *) echo negative_binomial ;;
    esac
}
for embedding in ${EMBEDDINGS:-autoencoder hvg scanvi sctag pca laplacian}; do
    for classifier in ${CLASSIFIERS:-mlp scanvi}; do
        run="$folder/$embedding-$classifier"
        model=(--model.embedding="$embedding" --model.likelihood="$(likelihood_of "$embedding")" --model.classifier="$classifier" "$@")
        start=$SECONDS
        if [ ! -e "$run/done" ]; then
            mkdir -p "$run"
            call prepare "$LAPATLAS_ROOT/configs/embeddings.toml" --input.path="$file" --output.dir="$run" "${model[@]}"
            call train "$run"
            echo $((SECONDS - start)) > "$run/done"
        fi
        make() { # NAME OPTIONS...
            local name="$1"
            shift
            [ -e "$run/$name.json" ] && return
            mpirun -n "${RANKS:-2}" "$lapatlas" generate "$run" --output "$run/$name.h5ad" "$@" 2> "$run/$name.log"
            call evaluate "$run" --generated "$run/$name.h5ad" --output "$run/$name.json" "$@"
            rm "$run/$name.h5ad"
        }
        if [ "$classifier" = mlp ]; then
            [ -e "$run/latents.figures.json" ] || call embed "$run" --embed.path="$file" --output "$run/latents.h5ad"
            rm -f "$run/latents.h5ad"
            make free --generate.classifier_guidance=0 --generate.keep_predicted=false
        fi
        make guided --generate.keep_predicted=false
        make filtered
    done
done
"$tests_python" - "$folder" <<'PYTHON'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
names = [name for name in ("autoencoder", "hvg", "scanvi", "sctag", "pca", "laplacian") if (folder / f"{name}-mlp" / "filtered.json").exists()]
def table(title, columns, rows):
    print(f"\n{title}\n\n| | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for name, cells in rows:
        print(f"| {name} | " + " | ".join(cells) + " |")
def number(value, sd=None):
    return "" if value is None else f"{value:.3f}" + ("" if sd is None else f" ± {sd:.3f}")
keys = ("leiden_ari", "leiden_nmi", "leiden_homogeneity", "ari", "nmi", "homogeneity", "silhouette")
rows = []
for name in names:
    latents = json.loads((folder / f"{name}-mlp" / "latents.figures.json").read_text())["latents"]
    rows.append((name, [number(latents[key]) for key in keys]))
table("Latents of all cells", keys, rows)
def figures(run, name, side="generated"):
    return {key: value[side] for key, value in json.loads((folder / run / f"{name}.json").read_text())["figures"].items() if side in value}
def cell(all_figures, key):
    value = all_figures.get(key)
    return "" if not value or value["mean"] is None else number(value["mean"], value.get("sd"))
keys = ("gene_mean_pcc", "gene_mean_scc", "pooled_mmd2_median", "pooled_lisi", "pooled_rf_auc", "class_kl", "pooled_knn_auc")
rows = [("real cells", [cell(figures(f"{names[0]}-mlp", "free", "floor"), key) for key in keys])]
rows += [(name, [cell(figures(f"{name}-mlp", "free"), key) for key in keys]) for name in names]
table("Cells made without labels", keys, rows)
keys = ("conditional_knn_auc", "conditional_rf_auc", "conditional_w2", "label_accuracy", "centroid_distance")
rows = [("real cells", [cell(figures(f"{names[0]}-mlp", "guided", "floor"), key) for key in keys])]
for name in names:
    for classifier in ("mlp", "scanvi"):
        for made in ("guided", "filtered"):
            if not (folder / f"{name}-{classifier}" / f"{made}.json").exists():
                continue
            rows.append((f"{name}, {classifier}, {made}", [cell(figures(f"{name}-{classifier}", made), key) for key in keys]))
table("Cells of types that a classifier steers", keys, rows)
print("\nSeconds of preparation and training:", ", ".join(f"{name} {(folder / f'{name}-mlp' / 'done').read_text().strip()}" for name in names))
PYTHON
