#!/bin/bash
# training.sh FILE.h5ad [ROUNDS]: training cells a second of LapAtlas (whole graph, all cells in the loss, masks, perturbed
# edges and ScoreNet included), as wide as scVI (hidden 128) and twice as wide, beside scVI with its own defaults, on one
# core each, in turns, ROUNDS times (default 3). FILE: raw counts, e.g. PBMC3K.
set -euo pipefail
file="${1:?FILE.h5ad is wanted}" rounds="${2:-3}"
. "$(dirname "${BASH_SOURCE[0]}")/start.sh"
prepare_for_steps "$file"
for _ in $(seq "$rounds"); do
    for hidden in 128 256; do
        OMP_NUM_THREADS=1 "$build/lapatlas-bench" step "$work/run/prepared.h5" --train.use_validation=true \
            --runtime.threads=1 --steps=5 --model.hidden="$hidden" | tee -a "$work/$hidden"
    done
    OMP_NUM_THREADS=1 "$peer_python" "$here/scvi_rate.py" "$file" --min-cells 30 | tee -a "$work/peer"
done
python3 - "$work" <<'PYTHON'
import json, pathlib, statistics, sys

def runs(name):
    return [json.loads(line) for line in (pathlib.Path(sys.argv[1]) / name).read_text().splitlines()]

peer = [run["cells_a_second"] for run in runs("peer")]
ours = {hidden: [run["cells"] / run["seconds_median"] for run in runs(str(hidden))] for hidden in (128, 256)}
for name, side in (("scVI, hidden 128", peer), *((f"LapAtlas, hidden {hidden}", rates) for hidden, rates in ours.items())):
    print(f"{name}: {min(side):.0f} / {statistics.median(side):.0f} / {max(side):.0f} cells/s (minimum / median / maximum), "
          f"ratio of medians to scVI {statistics.median(side) / statistics.median(peer):.1f}")
PYTHON
