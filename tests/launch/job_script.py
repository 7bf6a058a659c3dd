#!/usr/bin/env python3
"""launch/job beside a SLURM that only seems to be one: ranks that crash as they start are started again, a starter that goes on
after its ranks have ended one another is ended, and a job that stopped before its end is put back.

    job_script.py --job launch/job
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from call import Check

check = Check()

# Each call of the starter does the next line of `script`; what SLURM is asked is kept.
SRUN = """#!/bin/bash
echo "srun $*" >> "$FAKE/calls"
count=$(grep -c '^srun' "$FAKE/calls")
eval "$(sed -n "${count}p" "$FAKE/script")"
"""
SCONTROL = """#!/bin/bash
echo "scontrol $*" >> "$FAKE/calls"
[ "$1" != requeue ] || kill -KILL "$PPID"
"""
SQUEUE = """#!/bin/bash
case "$*" in *%T*) echo RUNNING ;; *) echo N/A ;; esac
"""


class Job:
    """What launch/job makes of a starter that does the lines of `script`, one a call."""

    def __init__(self, job, script, seconds=60):
        with tempfile.TemporaryDirectory(prefix="lapatlas-job-test-") as name:
            folder = pathlib.Path(name)
            (folder / "script").write_text("".join(line + "\n" for line in script))
            (folder / "bin").mkdir()
            (folder / "tmp").mkdir()
            for program, text in (("srun", SRUN), ("scontrol", SCONTROL), ("squeue", SQUEUE)):
                (folder / "bin" / program).write_text(text)
                (folder / "bin" / program).chmod(0o755)
            environment = dict(os.environ, PATH=f"{folder}/bin:{os.environ['PATH']}", FAKE=name, TMPDIR=f"{folder}/tmp",
                               SLURM_JOB_ID="7", LAPATLAS="/bin/true", LAPATLAS_GRACE="2")
            begun = time.monotonic()
            answer = subprocess.run(["bash", job, "train", "RUN"], env=environment, capture_output=True, text=True,
                                    timeout=seconds, stdin=subprocess.DEVNULL)
            self.seconds, self.code, self.errors = time.monotonic() - begun, answer.returncode, answer.stderr
            self.calls = (folder / "calls").read_text().splitlines()
            self.left = [path.name for path in (folder / "tmp").iterdir()]

    def starts(self):
        return sum(call.startswith("srun") for call in self.calls)

    def is_put_back(self):
        return "scontrol requeue 7" in self.calls


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", required=True)
    job = parser.parse_args().job

    done = Job(job, ["exit 0"])
    check(done.code == 0 and done.starts() == 1 and not done.is_put_back(), "a job that ends well ends", done.errors)
    check("srun --mpi=pmix --kill-on-bad-exit=1 /bin/true train RUN" in done.calls, "by one call of srun", done.calls)

    for code, of in ((139, "the rank that crashed"), (143, "those that srun ended with it")):
        crashed = Job(job, [f"exit {code}", "exit 0"])
        check(crashed.code == 0 and crashed.starts() == 2, f"a crash at the start is tried again, with the code of {of}",
              crashed.errors)
    marked = Job(job, ['echo 1 > "$LAPATLAS_END_MARK"; exit 139', "sleep 5; exit 0"])
    check(marked.code == 0 and marked.starts() == 2, "what the crashed ranks left behind does not end the next try", marked.errors)
    always = Job(job, ["exit 139"] * 5)
    check(always.code == 139 and always.starts() == 3, "but no more than three times", (always.code, always.calls))
    refused = Job(job, ["exit 2", "exit 0"])
    check(refused.code == 2 and refused.starts() == 1, "an error of the user's is none", (refused.code, refused.calls))
    asked = Job(job, ["trap '' USR1; kill -TERM $PPID; sleep 1; exit 143", "exit 0"])
    check(asked.code == 143 and asked.starts() == 1, "nor is what the job was asked for", (asked.code, asked.calls))

    stopped = Job(job, ["exit 75"])
    check(stopped.is_put_back(), "a job that stopped before its end is put back", stopped.errors)

    for code, put_back in ((75, True), (1, False)):
        # exec: the sleep is what is killed.
        lost = Job(job, [f'echo {code} > "$LAPATLAS_END_MARK"; exec sleep 50'])
        check(lost.seconds < 40 and "it is ended" in lost.errors, f"a starter that outlives its ranks (code {code}) is ended",
              (lost.seconds, lost.errors))
        check(lost.is_put_back() == put_back, f"and the job is {'' if put_back else 'not '}put back", lost.calls)
        check(not lost.left, "nothing is left in the folder for temporary files", lost.left)
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
