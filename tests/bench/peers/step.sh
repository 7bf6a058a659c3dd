#!/bin/bash
# step.sh FILE.h5ad [ROUNDS [RANKS]]: one full-graph training step (hidden 256, 4 Chebyshev terms) of LapAtlas on RANKS
# ranks (default 1) beside the same step with PyTorch Geometric's ChebConv on one core, and on as many threads as ranks, in
# turns, ROUNDS times (default 5). FILE: raw counts, e.g. PBMC3K. Prints each run, then medians, their ratio and peak memory. Ours also masks, perturbs the edges and trains
# the ScoreNet in that step; the peer does not.
set -euo pipefail
file="${1:?FILE.h5ad is wanted}" rounds="${2:-5}" ranks="${3:-1}"
. "$(dirname "${BASH_SOURCE[0]}")/start.sh"
prepare_for_steps "$file"
for _ in $(seq "$rounds"); do
    OMP_NUM_THREADS=1 mpirun --oversubscribe -n "$ranks" "$build/lapatlas-bench" step "$work/run/prepared.h5" --train.use_validation=true --runtime.threads=1 --steps=5 |
        tee -a "$work/ours"
    "$peer_python" "$here/chebconv_step.py" "$file" --steps 2 --threads 1 | tee -a "$work/peer"
    [ "$ranks" -eq 1 ] || "$peer_python" "$here/chebconv_step.py" "$file" --steps 2 --threads "$ranks" |
        tee -a "$work/threads"
done
python3 - "$work" <<'PYTHON'
import json, pathlib, statistics, sys

def runs(name):
    return [json.loads(line) for line in (pathlib.Path(sys.argv[1]) / name).read_text().splitlines()]

ours, peer = runs("ours"), runs("peer")
sides = [("ChebConv, one thread", peer)]
if (pathlib.Path(sys.argv[1]) / "threads").exists():
    sides.append(("ChebConv, as many threads as ranks", runs("threads")))
for name, side in [("LapAtlas", ours), *sides]:
    seconds = [run["seconds_median"] for run in side]
    print(f"{name}: {min(seconds):.2f} / {statistics.median(seconds):.2f} / {max(seconds):.2f} s a step "
          f"(minimum / median / maximum of {len(side)} runs), peak memory {max(r['peak_memory_mib'] for r in side):.0f} MiB")
for name, side in sides:
    ratio = statistics.median(r["seconds_median"] for r in side) / statistics.median(r["seconds_median"] for r in ours)
    print(f"ratio of medians {ratio:.1f} ({name})")
PYTHON
