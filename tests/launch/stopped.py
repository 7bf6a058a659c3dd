#!/usr/bin/env python3
"""What a batch system does to a job: signals and the end of its time in the middle of training, kills in the middle of
generation. Each time the same command goes on, and what comes of it is what an undisturbed run makes.

    stopped.py --mpiexec M --binary B --ranks N
"""

import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

from call import Check, call, common_options, disturbed, ranks_of
from results import matrix, rows, same, weights
from wrong_inputs import CONFIG, small_atlas, write

check = Check()


def main():
    options = common_options(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="lapatlas-stopped-") as name:
        folder = pathlib.Path(name)
        atlas = write(folder, "sound", small_atlas())
        config = folder / "config.toml"
        config.write_text(CONFIG)
        calm, stopped = folder / "calm", folder / "stopped"

        def words(stage, run, *more):
            return [stage, config, f"--input.path={atlas}", f"--output.dir={run}", "--train.joint_epochs=150",
                    "--train.score_steps=600", "--train.checkpoint_minutes=1000", "--generate.cells=30000", *more]

        def lapatlas(*arguments):
            return call(options.mpiexec, options.ranks, options.binary, arguments, folder)

        def started(*arguments):
            return [options.mpiexec, "-n", options.ranks, options.binary, *arguments]

        check(lapatlas(*words("prepare", calm)).code == 0, "prepare")
        shutil.copytree(calm, stopped)
        check(lapatlas(*words("train", calm)).code == 0, "training that nobody disturbs")

        def one_rank(number):
            return lambda pid: os.kill(ranks_of(pid)[-1], number)

        def has_rows(more):
            metrics = stopped / "metrics.csv"
            before = metrics.read_text().count("\n") if metrics.exists() else 0
            return lambda: metrics.exists() and metrics.read_text().count("\n") >= before + more

        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
            code, said = disturbed(started(*words("train", stopped)), folder, has_rows(15), one_rank(number))
            check(code == 75 and f"training stopped by {number.name} after joint step" in said,
                  f"{number.name} to one rank: all stop, with exit code 75", f"{code}\n{said}")
        code, said = disturbed(started(*words("train", stopped, "--runtime.stop_before=60")), folder, lambda: False,
                               None, {"SLURM_JOB_END_TIME": str(int(time.time()))})
        check(code == 75 and "stopped by the end of the job's time" in said, "the end of a SLURM job's time is seen coming",
              f"{code}\n{said}")
        answer = lapatlas(*words("train", stopped))
        check(answer.code == 0 and "goes on from" in answer.errors, "the same command goes on to the end", answer.errors)
        check(rows(calm) == rows(stopped), "metrics.csv is that of the undisturbed run, to the last digit")
        check(same(weights(calm), weights(stopped)), "so are the weights, to the last bit")

        # Damage to the last checkpoint costs what was done since the one before.
        last = stopped / "checkpoints" / "last.h5"
        whole = last.read_bytes()
        last.write_bytes(whole[: len(whole) // 2])
        answer = lapatlas(*words("generate", stopped))
        check(answer.code == 2 and "cut short" in answer.errors, "a damaged checkpoint is not used", answer.errors)
        answer = lapatlas(*words("train", stopped))
        check(answer.code == 0 and "skipped: " in answer.errors and "previous-1.h5" in answer.errors,
              "training goes on from the one before it and says why", answer.errors)
        check(same(weights(calm), weights(stopped)), "and ends with the same weights")

        check(lapatlas(*words("generate", calm)).code == 0, "generation that nobody disturbs")
        parts = stopped / "atlas.h5ad.parts"

        def has_parts(more):
            before = len(list(parts.glob("part-*.h5")))
            return lambda: len(list(parts.glob("part-*.h5"))) >= before + more

        code, said = disturbed(started(*words("generate", stopped)), folder, has_parts(1), one_rank(signal.SIGKILL))
        check(code not in (0, None) and not (stopped / "atlas.h5ad").exists() and parts.exists(),
              "a killed rank ends a generation, its parts are kept", f"{code}\n{said}")
        code, said = disturbed(started(*words("generate", stopped)), folder, has_parts(1), one_rank(signal.SIGTERM))
        check(code == 75 and "stopped by SIGTERM" in said, "SIGTERM: all stop, with exit code 75", f"{code}\n{said}")
        answer = lapatlas(*words("generate", stopped))
        check(answer.code == 0 and "goes on: " in answer.errors, "the same command makes the others",
              answer.errors)
        check(same(matrix(calm / "atlas.h5ad"), matrix(stopped / "atlas.h5ad")), "counts are those of the undisturbed run")
        check(not parts.exists(), "no part is left")
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
