#!/usr/bin/env python3
"""SIGKILL of a random rank at random moments of training and of generation, again and again: the same command goes on each
time, and what comes of it is what an undisturbed run makes.

    killed.py --mpiexec M --binary B --ranks N [--training-kills 100] [--generation-kills 50] [--seed 0]

One kill in four waits for a file in the making: those hit its writing, the closing of HDF5 and the renaming.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import h5py

from call import Check, call, common_options, ranks_of
from results import matrix, rows, same, weights
from wrong_inputs import CONFIG, small_atlas, write

check = Check()


def wait_for_half_file(process, folder):
    while process.poll() is None and not any(folder.rglob("*.partial")):
        time.sleep(0.0005)


def killed_at(command, folder, delay, draw, in_writing):
    """Starts a call and kills one of its ranks after `delay` seconds, and `in_writing` of a file; whether it was at work."""
    process = subprocess.Popen(list(map(str, command)), cwd=folder, env=dict(os.environ, OMP_NUM_THREADS="1"),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(delay)
    ranks = ranks_of(process.pid)
    if in_writing:
        wait_for_half_file(process, folder)
        time.sleep(draw.uniform(0, 0.01))
    was_at_work = process.poll() is None and bool(ranks)
    if was_at_work:
        try:
            os.kill(draw.choice(ranks), signal.SIGKILL)
        except ProcessLookupError:
            was_at_work = False
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        check(False, "a killed rank ends the job")
    return was_at_work


def opens(path):
    try:
        with h5py.File(path):
            return True
    except OSError:
        return False


def main():
    parser = common_options(__doc__)
    parser.add_argument("--training-kills", type=int, default=100)
    parser.add_argument("--generation-kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="lapatlas-killed-") as name:
        folder = pathlib.Path(name)
        atlas = write(folder, "sound", small_atlas())
        config = folder / "config.toml"
        config.write_text(CONFIG)
        calm, killed = folder / "calm", folder / "killed"

        def words(stage, run):
            # A checkpoint after nearly every step.
            return [stage, config, f"--input.path={atlas}", f"--output.dir={run}", "--train.joint_epochs=600",
                    "--train.score_steps=600", "--train.validate_every=0", "--train.checkpoint_minutes=0.00005",
                    "--generate.cells=60000"]

        def lapatlas(*arguments):
            return call(options.mpiexec, options.ranks, options.binary, arguments, folder)

        def started(*arguments):
            return [options.mpiexec, "-n", options.ranks, options.binary, *arguments]

        def timed(stage):
            start = time.monotonic()
            check(lapatlas(*words(stage, calm)).code == 0, f"{stage} that nobody disturbs")
            return time.monotonic() - start

        check(lapatlas(*words("prepare", calm)).code == 0, "prepare")
        shutil.copytree(calm, killed)
        for stage, kills in (("train", options.training_kills), ("generate", options.generation_kills)):
            seconds = timed(stage)
            done, in_writing, finished = 0, 0, 0
            last, output = killed / "checkpoints" / "last.h5", killed / "atlas.h5ad"
            while done < kills:
                delay = draw.uniform(0.3, 0.3 + 0.7 * seconds)
                if not killed_at(started(*words(stage, killed)), killed, delay, draw, done % 4 == 0):
                    # It came to its end first: once more from the beginning.
                    finished += 1
                    if stage == "train":
                        check(same(weights(calm), weights(killed)), "weights of an undisturbed run, to the last bit")
                        shutil.rmtree(killed / "checkpoints")
                        (killed / "metrics.csv").unlink()
                    else:
                        check(same(matrix(calm / "atlas.h5ad"), matrix(output)), "counts of an undisturbed run")
                        output.unlink()
                    continue
                done += 1
                in_writing += any(killed.rglob("*.partial"))
                for path in (last, output, *killed.glob("atlas.h5ad.parts/part-*.h5")):
                    if path.exists() and not opens(path):
                        check(False, f"{path.name} is whole where it is there")
            check(in_writing >= kills // 10, f"{in_writing} of {kills} kills fell into the writing of a file")
            answer = lapatlas(*words(stage, killed))
            check(answer.code == 0, f"{stage} ends after {done} kills, {in_writing} of them in the writing of a file "
                                    f"({finished} times before one)", answer.errors)
            if stage == "train":
                check(rows(calm) == rows(killed), "losses are those of the undisturbed run, to the last digit")
                check(same(weights(calm), weights(killed)), "so are the weights, to the last bit")
            else:
                check(same(matrix(calm / "atlas.h5ad"), matrix(output)), "counts are those of the undisturbed run")
                check(not list(killed.rglob("*.partial")), "no half-file is left")
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
