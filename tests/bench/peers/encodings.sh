#!/bin/bash
# encodings.sh PREPARED.h5 [ROUNDS [RANKS]]: LapAtlas's positional encodings of a prepared graph on RANKS ranks (default: the
# cores) beside scipy's eigsh (ARPACK) for the same eigenvectors at the same residual, in turns, ROUNDS times (default 3).
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
. "$here/../../../launch/environment.sh"
prepared="${1:?PREPARED.h5 is wanted}" rounds="${2:-3}" ranks="${3:-$(nproc)}"
. "$LAPATLAS_ROOT/launch/mpirun-env"
"$here/setup_peers.sh"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for _ in $(seq "$rounds"); do
    mpirun --oversubscribe -n "$ranks" "$LAPATLAS_ROOT/build/release/lapatlas-bench" encodings "$prepared" | tee -a "$work/ours"
    "$LAPATLAS_CACHE/peers/bin/python" "$here/eigsh_encodings.py" "$prepared" | tee -a "$work/peer"
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
