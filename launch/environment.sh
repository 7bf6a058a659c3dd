# Sourced by the scripts beside it: where things are, and what `launch/setup` chose.
# Nothing here installs or changes anything.

# shellcheck disable=SC2034 # used by those who source this
LAPATLAS_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
LAPATLAS_CACHE="${LAPATLAS_CACHE:-${HOME:-/root}/.cache/lapatlas}"
export LAPATLAS_ROOT LAPATLAS_CACHE

torch_version=2.11.0
cuda_libtorch="$LAPATLAS_CACHE/libtorch-$torch_version-cuda"
assorthead_version=0.2.2
assorthead="$LAPATLAS_CACHE/assorthead-$assorthead_version/include"
networkit_version=11.3
networkit="$LAPATLAS_CACHE/networkit-$networkit_version"
demo_data="$LAPATLAS_CACHE/data/10x_pbmc68k_reduced.h5ad"
demo_data_sha256=e71d41e737c941559b7c57c9243bdb3d2c889c2adfdf00e3422ac6b46783676f
tests_python="$LAPATLAS_CACHE/python/bin/python"

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }
fail() {
    printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# A choice made by an earlier `launch/setup --libtorch DIR --mpi DIR` holds; the environment goes before it.
read_choices() {
    local from_libtorch="${LAPATLAS_LIBTORCH:-}" from_mpi="${LAPATLAS_MPI:-}"
    if [ -f "$LAPATLAS_CACHE/choices.sh" ]; then
        # shellcheck disable=SC1091
        . "$LAPATLAS_CACHE/choices.sh"
    fi
    LAPATLAS_LIBTORCH="${from_libtorch:-${LAPATLAS_LIBTORCH:-$LAPATLAS_CACHE/libtorch-$torch_version}}"
    LAPATLAS_MPI="${from_mpi:-${LAPATLAS_MPI:-auto}}"
}

# The folder with include/ and lib/: DIR itself, or DIR/torch as a wheel unpacks. Empty where there is none.
libtorch_folder() {
    local dir
    for dir in "$1" "$1/torch"; do
        if [ -e "$dir/lib/libtorch_cpu.so" ] && [ -e "$dir/include/torch/csrc/api/include/torch/torch.h" ]; then
            echo "$dir"
            return
        fi
    done
}

# The same, of a LibTorch that computes on GPUs: the chosen one if it does, else what `launch/setup --cuda` installed.
cuda_libtorch_folder() {
    local dir folder
    for dir in "$LAPATLAS_LIBTORCH" "$cuda_libtorch"; do
        folder="$(libtorch_folder "$dir")"
        if [ -n "$folder" ] && [ -e "$folder/lib/libtorch_cuda.so" ]; then
            echo "$folder"
            return
        fi
    done
}

# The mpicxx that compiles: of the chosen folder, or the first on PATH. Empty where there is none.
mpi_compiler() {
    case "$LAPATLAS_MPI" in
        auto) command -v mpicxx || true ;;
        system) [ ! -x /usr/bin/mpicxx ] || echo /usr/bin/mpicxx ;;
        *) [ ! -x "$LAPATLAS_MPI/bin/mpicxx" ] || echo "$LAPATLAS_MPI/bin/mpicxx" ;;
    esac
}

# Puts the chosen MPI first on PATH, for CMake and mpirun alike.
use_chosen_mpi() {
    local compiler
    compiler="$(mpi_compiler)"
    [ -n "$compiler" ] || fail "no mpicxx found (LAPATLAS_MPI=$LAPATLAS_MPI): run launch/setup"
    PATH="$(dirname "$compiler"):$PATH"
    export PATH
    # shellcheck source=launch/mpirun-env
    . "$LAPATLAS_ROOT/launch/mpirun-env"
}
