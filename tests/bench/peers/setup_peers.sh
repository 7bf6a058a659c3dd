#!/bin/bash
# setup_peers.sh: a Python environment for the programs we measure against, apart from the product's and the tests'.
# In LAPATLAS_CACHE/peers (default ~/.cache/lapatlas/peers), about 5 GB, of which most are the GPU libraries that the
# torch wheel cannot be imported without. Idempotent.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../../launch/environment.sh"

peers="$LAPATLAS_CACHE/peers"
wanted=(torch=="$torch_version" torch_geometric==2.8.1 anndata==0.12.19 scvi-tools==1.4.2
        harmonypy==2.1.0 igraph==1.0.0 leidenalg==0.12.0)
if [ -x "$peers/bin/python" ] && "$peers/bin/python" -c 'import importlib.metadata, sys
for wanted in sys.argv[1:]:
    name, version = wanted.split("==")
    if importlib.metadata.version(name) != version:
        sys.exit(1)' "${wanted[@]}" 2> /dev/null; then
    say "peers: $peers"
    exit 0
fi
say "peers: installing ${wanted[*]} (about 5 GB, kept in $peers)"
python=/usr/bin/python3
[ -x "$python" ] || python=python3
"$python" -m venv "$peers"
"$peers/bin/python" -m pip install --quiet --no-cache-dir "${wanted[@]}"
say "peers: $peers/bin/python"
