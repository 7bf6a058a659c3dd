#!/usr/bin/env python3
"""A rank that dies, stops answering, or stands still in the middle of training: the job ends within its time-out, a line says
which rank, where and at what, no process is left, and the same command goes on.

    dead_rank.py --mpiexec M --binary B --ranks N
"""

import json
import os
import pathlib
import re
import signal
import socket
import sys
import tempfile
import time

from call import Check, call, common_options, disturbed, ranks_of
from results import rows
from wrong_inputs import CONFIG, small_atlas, write

check = Check()
HOST = re.escape(socket.gethostname())


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def main():
    options = common_options(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="lapatlas-dead-") as name:
        folder = pathlib.Path(name)
        atlas = write(folder, "sound", small_atlas())
        config = folder / "config.toml"
        config.write_text(CONFIG)
        run = folder / "run"

        def words(stage, *more):
            return [stage, config, f"--input.path={atlas}", f"--output.dir={run}", "--train.joint_epochs=20000",
                    "--train.validate_every=0", "--train.checkpoint_minutes=0.01", "--runtime.heartbeat_timeout=3", *more]

        def has_more_rows():
            metrics = run / "metrics.csv"
            before, begun = len(rows(run)) if metrics.exists() else 0, []

            def ready():
                # So long in training that the ranks have told one another of it.
                if not begun and metrics.exists() and len(rows(run)) > before + 20:
                    begun.append(time.monotonic())
                return begun and time.monotonic() > begun[0] + 3
            return ready

        def hurt(number, which):
            """What one of the ranks gets; the time and all of their processes are kept."""
            def act(pid):
                act.ranks, act.time = ranks_of(pid), time.monotonic()
                os.kill(act.ranks[which], number)
            return act

        answer = call(options.mpiexec, options.ranks, options.binary, words("prepare"), folder)
        check(answer.code == 0, "prepare", answer.errors)
        last = options.ranks - 1
        for what, number, which, sentence in (
            ("dies", signal.SIGKILL, last, "has died"),
            ("stops answering", signal.SIGSTOP, last, "has given no sign of life for \\d+ s"),
            ("(the first) stops answering", signal.SIGSTOP, 0, "has given no sign of life for \\d+ s"),
        ):
            act = hurt(number, which)
            code, said = disturbed([options.mpiexec, "-n", options.ranks, options.binary, *words("train")], folder,
                                   has_more_rows(), act)
            took = time.monotonic() - act.time
            line = rf"error: rank {which} on {HOST} \(after \d+ joint steps, (in [\w -]+|at work outside of MPI)\) {sentence}"
            check(code not in (0, None) and re.search(line, said), f"a rank that {what} is named", f"{code}\n{said}")
            check(took < 30, "and the job ends", took)
            print(f"        | after {took:.1f} s, exit code {code}")
            time.sleep(1)
            check(not any(map(is_alive, act.ranks)), "no process is left", act.ranks)
            if which != 0 and number == signal.SIGSTOP:
                status = json.loads((run / "status.json").read_text())
                check(status["state"] == "failed" and f"rank {which}" in status["why"], "the status says so", status)

        done = len(rows(run))
        code, said = disturbed([options.mpiexec, "-n", options.ranks, options.binary, *words("train")], folder,
                               has_more_rows(), lambda pid: os.kill(ranks_of(pid)[-1], signal.SIGTERM))
        check(code == 75 and "goes on from" in said and len(rows(run)) > done // 2, "the same command goes on",
              f"{code}\n{said}")
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
