# Sourced by the scripts beside it once they have their arguments: MPI, the peers' Python and, until the script ends, $work.
# shellcheck disable=SC2034 # used by those who source this
here="$(dirname "${BASH_SOURCE[0]}")"
. "$here/../../../launch/environment.sh"
. "$LAPATLAS_ROOT/launch/mpirun-env"
"$here/setup_peers.sh"
build="$LAPATLAS_ROOT/build/release" peer_python="$LAPATLAS_CACHE/peers/bin/python"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# prepare_for_steps FILE: into $work/run. Validation cells train too and the gene filter is counted in them: the 2,110
# cells and 8,573 genes that the peers take, nearly.
prepare_for_steps() {
    "$build/lapatlas" prepare "$LAPATLAS_ROOT/configs/pbmc3k.toml" --input.path="$1" --output.dir="$work/run" \
        --train.use_validation=true --prepare.min_cells=24 --quiet
}
