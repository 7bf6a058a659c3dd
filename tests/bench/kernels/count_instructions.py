"""Instructions of each kernel under callgrind beside those on record; and the same results without it, where the machine's
widest vectors are used (valgrind has AVX2 at most). Usage:
count_instructions.py lapatlas-kernels instructions.csv [--record]

Counts depend on the code and the compiler, not on the machine or its load. More than 10 % above or below the record
is a failure: above, the kernel got slower; below, the record is out of date (--record writes it anew).
"""

import csv
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BAND = 0.10


def count(program, kernel):
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=lapatlas_counted_call", "--collect-atstart=no",
             f"--callgrind-out-file={folder}/out", program, kernel],
            capture_output=True, text=True, env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        )
    if run.returncode != 0:
        sys.exit(f"{kernel}: failed under valgrind\n{run.stderr[-3000:]}")
    return int(re.search(r"Collected\s*:\s*(\d+)", run.stderr).group(1)), run.stdout


def main():
    program, record = sys.argv[1], pathlib.Path(sys.argv[2])
    if shutil.which("valgrind") is None:
        print("LAPATLAS_SKIPPED: no valgrind")
        return
    kernels = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    counted = {kernel: count(program, kernel) for kernel in kernels}
    counts = {kernel: instructions for kernel, (instructions, _) in counted.items()}
    if "--record" in sys.argv:
        with record.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["kernel", "instructions"])
            writer.writerows(counts.items())
    on_record = {row["kernel"]: int(row["instructions"]) for row in csv.DictReader(record.open())}
    failures = 0
    for kernel, (_, digest) in counted.items():
        native = subprocess.run([program, kernel], capture_output=True, text=True, check=True).stdout
        if native != digest:
            print(f"{kernel}: another result without valgrind, on this machine's own vectors")
            failures += 1
    for kernel, seen in counts.items():
        wanted = on_record.get(kernel)
        if wanted is None:
            print(f"{kernel}: {seen:,} instructions, not on record")
            failures += 1
            continue
        off = seen / wanted - 1
        failures += abs(off) > BAND
        print(f"{kernel}: {seen:,} instructions, {wanted:,} on record ({off:+.1%}){'  <-' if abs(off) > BAND else ''}")
    sys.exit(1 if failures else 0)


main()
