#!/bin/bash
# slurm/pipeline.sh CONFIG.toml RUN [--section.key=value ...]: submits prepare, train, generate and evaluate as jobs that wait for
# one another, each with the size that its script names or SBATCH_... variables set. Prints the four numbers.
#     PREPARE, TRAIN, GENERATE, EVALUATE   more options of sbatch for one of them, e.g. TRAIN="--nodes=8 --time=12:00:00"
set -euo pipefail
here="$(dirname "$(realpath "${BASH_SOURCE[0]}")")"
if [ $# -lt 2 ] || [[ "$1" = -* ]]; then
    sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"
    [ "${1:-}" = -h ] || [ "${1:-}" = --help ] || exit 2
    exit 0
fi
config="$(realpath "$1")" run="$2"
shift 2
# Beside this script in the source; of an installation, on PATH or in its bin/.
for job in "$(command -v lapatlas-job || true)" "$here/../../../bin/lapatlas-job" "$here/../launch/job"; do
    if [ -z "${LAPATLAS_JOB:-}" ] && [ -x "$job" ]; then LAPATLAS_JOB="$(realpath "$job")" && export LAPATLAS_JOB; fi
done

before=()
submit() { # STAGE OPTIONS ARGUMENTS...
    local stage="$1" options=()
    read -ra options <<< "$2"
    shift 2
    # A job that cannot start any more, since the one before it failed, does not wait for ever.
    sbatch --parsable --kill-on-invalid-dep=yes "${before[@]}" "${options[@]}" "$here/$stage.sbatch" "$@"
}
for stage in prepare train generate evaluate; do
    more="${stage^^}"
    job="$(submit "$stage" "${!more:-}" "$config" "--output.dir=$run" "$@")"
    echo "$stage: job ${job%%;*}"
    before=("--dependency=afterok:${job%%;*}")
done
