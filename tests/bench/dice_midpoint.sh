#!/bin/bash
# tests/bench/dice_midpoint.sh FOLDER [denoise options...]: figure 2 of DICE in numbers. In its synthetic setup 1, 500 runs from the centre of cluster 2
# and 500 from the midpoint between the two centres, rho 0.1: how many end in which cluster (neighbours' label), and how far apart.
set -euo pipefail
# shellcheck source=launch/environment.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/launch/environment.sh"
[ $# -ge 1 ] || { sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}" && exit 2; }
folder="$(realpath -m "$1")" lapatlas="$LAPATLAS_ROOT/build/release/lapatlas"
shift
mkdir -p "$folder"
"$lapatlas" simulate --quiet --simulate.dice_setup=1 --output "$folder/setup1.h5ad"
"$tests_python" - "$folder" <<'PYTHON'
import sys, anndata, numpy as np, pandas as pd
folder = sys.argv[1]
reference = anndata.read_h5ad(f"{folder}/setup1.h5ad")
labels = reference.obs["cell_type"].astype(str).to_numpy()
values = reference.X.toarray() if hasattr(reference.X, "toarray") else np.asarray(reference.X)
centres = [values[labels == label].mean(0) for label in sorted(set(labels))]
points = np.repeat([centres[1], (centres[0] + centres[1]) / 2], 500, axis=0).astype(np.float32)
names = [f"{what}-{i}" for what in ("centre", "midpoint") for i in range(500)]
anndata.AnnData(points, obs=pd.DataFrame(index=names), var=reference.var).write_h5ad(f"{folder}/points.h5ad")
PYTHON
"$lapatlas" denoise "$LAPATLAS_ROOT/configs/dice_synthetic.toml" --quiet --input.path="$folder/setup1.h5ad" --query "$folder/points.h5ad" \
    --output.dir="$folder/run" --denoise.repeats=1 --denoise.rho=0.1 --denoise.iterations=200 "$@" > /dev/null
"$tests_python" - "$folder" <<'PYTHON'
import sys, anndata, numpy as np
cells = anndata.read_h5ad(f"{sys.argv[1]}/run/denoised.h5ad")
kinds = cells.obs_names.str.split("-").str[0]
for kind in ("centre", "midpoint"):
    own = cells[kinds == kind]
    spread = np.sqrt(own.obsm["X_dice"].var(0).sum())
    shares = own.obs["predicted_label"].value_counts(normalize=True)
    print(f"{kind:10}" + "  ".join(f"{label} {share:.3f}" for label, share in shares.items()) +
          f"  spread {spread:.2f}  mean entropy {own.obs['label_entropy'].mean():.3f}")
PYTHON
