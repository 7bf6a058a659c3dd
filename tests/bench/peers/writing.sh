#!/bin/bash
# writing.sh ATLAS.h5ad [ROUNDS [RANKS]]: an atlas's counts written by LapAtlas on RANKS ranks (default: the cores) and by anndata,
# both with gzip 1, in turns, ROUNDS times (default 3). LapAtlas's time includes reading the file back and forcing it to disk.
set -euo pipefail
atlas="${1:?ATLAS.h5ad is wanted}" rounds="${2:-3}" ranks="${3:-$(nproc)}"
. "$(dirname "${BASH_SOURCE[0]}")/start.sh"
for _ in $(seq "$rounds"); do
    mpirun --oversubscribe -n "$ranks" "$build/lapatlas-bench" writing "$atlas" "$work/ours.h5ad" | tee -a "$work/ours"
    "$peer_python" "$here/anndata_writing.py" "$atlas" "$work/peer.h5ad" | tee -a "$work/peer"
done
python3 - "$work" << 'PYTHON'
import json, pathlib, statistics, sys

def seconds(name):
    lines = (pathlib.Path(sys.argv[1]) / name).read_text().splitlines()
    return statistics.median(json.loads(line)["seconds"] for line in lines)

print("ratio of medians %.1f" % (seconds("peer") / seconds("ours")))
PYTHON
