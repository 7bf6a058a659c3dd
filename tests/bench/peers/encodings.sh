#!/bin/bash
# encodings.sh PREPARED.h5 [ROUNDS [RANKS]]: LapAtlas's positional encodings of a prepared graph on RANKS ranks (default: the
# cores) beside scipy's eigsh (ARPACK) for the same eigenvectors at the same residual, in turns, ROUNDS times (default 3).
set -euo pipefail
prepared="${1:?PREPARED.h5 is wanted}" rounds="${2:-3}" ranks="${3:-$(nproc)}"
. "$(dirname "${BASH_SOURCE[0]}")/start.sh"
for _ in $(seq "$rounds"); do
    mpirun --oversubscribe -n "$ranks" "$build/lapatlas-bench" encodings "$prepared" | tee -a "$work/ours"
    "$peer_python" "$here/eigsh_encodings.py" "$prepared" | tee -a "$work/peer"
done
python3 - "$work" <<'PYTHON'
import json, pathlib, statistics, sys

def runs(name):
    return [json.loads(line) for line in (pathlib.Path(sys.argv[1]) / name).read_text().splitlines()]

ours, peer = runs("ours"), runs("peer")
for key in ("first", "last"):
    if abs(ours[0][key] - peer[0][key]) > 1e-5:
        sys.exit(f"eigenvalues differ: {ours[0][key]}, {peer[0][key]}")
print("ratio of medians %.1f" % (statistics.median(r["seconds"] for r in peer) / statistics.median(r["seconds"] for r in ours)))
PYTHON
