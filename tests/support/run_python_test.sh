#!/bin/sh
# run_python_test.sh PYTHON MODULES SCRIPT ARGUMENT...: runs the script if that Python has the (space-separated) modules.
python=$1 modules=$2
shift 2
for module in $modules; do
    if ! "$python" -c "import $module" >/dev/null 2>&1; then
        echo "LAPATLAS_SKIPPED: $python cannot import $module"
        exit 0
    fi
done
exec "$python" "$@"
