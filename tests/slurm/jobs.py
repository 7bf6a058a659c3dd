#!/usr/bin/env python3
"""What becomes of jobs on a cluster: their time runs out, a node loses power, four of them wait for one another.

    jobs.py CASE --binary B --source FOLDER
"""

import argparse
import html
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "launch"))
sys.path.insert(0, str(HERE))

from call import Check  # noqa: E402
from cluster import Cluster  # noqa: E402
from results import matrix, rows, same, weights  # noqa: E402
from wrong_inputs import CONFIG, small_atlas, write  # noqa: E402

check = Check()


class Runs:
    """A small atlas, runs of it, and jobs for them."""

    def __init__(self, options, cluster, folder):
        self.cluster, self.folder, self.options = cluster, folder, options
        self.atlas = write(folder, "sound", small_atlas())
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG)
        self.extra = {"LAPATLAS": options.binary, "LAPATLAS_JOB": f"{options.source}/launch/job", "OMP_NUM_THREADS": "1"}

    def words(self, run, *more):
        return [self.config, f"--input.path={self.atlas}", f"--output.dir={self.folder / run}", *more]

    def here(self, stage, run, *more):
        """A stage of a run on as many ranks without a cluster."""
        command = ["mpirun", "--oversubscribe", "-n", str(self.options.ranks), self.options.binary, stage, *map(str, self.words(run, *more))]
        answer = subprocess.run(command, cwd=self.folder, capture_output=True, text=True,
                                env=dict(os.environ, OMP_NUM_THREADS="1"))
        check(answer.returncode == 0, f"{stage} of '{run}' on one machine", answer.stderr)

    def submit(self, stage, run, *more, options=()):
        sizes = [f"--nodes={self.options.ranks}", "--ntasks-per-node=1", "--cpus-per-task=1", f"--output={self.folder}/%x.log"]
        return self.cluster.submit(f"{self.options.source}/slurm/{stage}.sbatch", [*sizes, *options],
                                   self.words(run, *more), self.folder, self.extra)

    def log(self, stage):
        path = self.folder / f"lapatlas-{stage}.log"
        return path.read_text() if path.exists() else ""

    def until(self, holds, seconds=100):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not holds():
            time.sleep(0.05)
        return holds()

    def has_rows(self, run, count):
        metrics = self.folder / run / "metrics.csv"
        return metrics.exists() and metrics.read_text().count("\n") > count


def time_limit(runs):
    """Stopped by a signal to the batch shell, as SLURM sends it before the end of a job's time, the job puts itself back and ends the same."""
    long = ["--train.joint_epochs=3000", "--train.validate_every=0", "--train.checkpoint_minutes=1000"]
    runs.here("prepare", "job", *long)
    subprocess.run(["cp", "-r", runs.folder / "job", runs.folder / "calm"], check=True)
    job = runs.submit("train", "job", *long, options=["--time=5", "--signal=B:USR1@20"])
    check(runs.until(lambda: runs.has_rows("job", 100)), "training goes on in the job", runs.log("train"))
    runs.cluster.call("run", "scancel", "--batch", "--signal=USR1", job)
    check(runs.until(lambda: "put back into the queue" in runs.log("train"), 30),
          "SIGUSR1 to the batch shell reaches the ranks, and the job is put back", runs.log("train"))
    state, code, restarts = runs.cluster.wait(job)
    check(state == "COMPLETED" and restarts >= 1, "it goes on and ends", (state, code, restarts, runs.log("train")))
    runs.here("train", "calm", *long)
    check(rows(runs.folder / "calm") == rows(runs.folder / "job"), "its losses are those of an undisturbed run")
    check(same(weights(runs.folder / "calm"), weights(runs.folder / "job")), "so are its weights, to the last bit")


def last_minute(runs):
    """Of a job of one minute the last tenth is kept for putting away; a job that is cancelled stays so."""
    longer = ["--train.joint_epochs=100000", "--train.validate_every=0", "--train.checkpoint_minutes=1000"]
    runs.here("prepare", "late", *longer)
    # SIGURG does nothing: the end is seen by the ranks themselves.
    job = runs.submit("train", "late", *longer, options=["--time=1", "--signal=B:URG@1"])
    check(runs.until(lambda: "the end of the job's time" in runs.log("train"), 90), "the end of the job's time is seen coming",
          runs.log("train"))
    check(runs.until(lambda: "put back into the queue" in runs.log("train"), 30), "and the job is put back",
          runs.log("train"))
    runs.cluster.call("run", "scancel", job)
    state, _, _ = runs.cluster.wait(job, 60)
    check(state == "CANCELLED", "a job that is cancelled stays so", state)


OFTEN_SAVED = ("--train.joint_epochs=3000", "--train.validate_every=0", "--train.checkpoint_minutes=0.02")


def in_training(runs, options):
    """A job in the middle of training, with a checkpoint behind it; what it began from is kept as 'calm'."""
    runs.here("prepare", "job", *options)
    subprocess.run(["cp", "-r", runs.folder / "job", runs.folder / "calm"], check=True)
    job = runs.submit("train", "job", *options)
    last = runs.folder / "job" / "checkpoints" / "last.h5"
    check(runs.until(lambda: runs.has_rows("job", 300) and last.exists()), "training goes on in the job", runs.log("train"))
    return job


def crash(runs):
    """A node without power ends the job; it is put back and goes on from its last checkpoint."""
    long = OFTEN_SAVED
    job = in_training(runs, long)
    runs.cluster.call("crash", "n2")
    start = time.monotonic()
    check(runs.until(lambda: runs.cluster.state(job) != "RUNNING", 120), "the job ends when a node loses power",
          runs.cluster.state(job))
    print(f"        | noticed after {time.monotonic() - start:.0f} s")
    runs.cluster.call("boot", "n2")
    state, code, restarts = runs.cluster.wait(job)
    check(state == "COMPLETED" and restarts >= 1, "it is put back and ends", (state, code, restarts, runs.log("train")))
    check("goes on from" in runs.log("train"), "from its checkpoint", runs.log("train"))
    runs.here("train", "calm", *long)
    check(rows(runs.folder / "calm") == rows(runs.folder / "job"), "its losses are those of an undisturbed run")
    check(same(weights(runs.folder / "calm"), weights(runs.folder / "job")), "so are its weights, to the last bit")


def pipeline(runs, options=("--train.joint_epochs=60",)):
    """Four jobs that wait for one another make what one machine makes."""
    before = runs.cluster.bytes_of("n2")
    sizes = f"--nodes={runs.options.ranks} --ntasks-per-node=1 --cpus-per-task=1 --output={runs.folder}/%x.log"
    answer = runs.cluster.call("run", f"{runs.options.source}/slurm/pipeline.sh", runs.config, runs.folder / "job",
                               f"--input.path={runs.atlas}", *options, cwd=runs.folder,
                               extra={**runs.extra, **{stage: sizes for stage in ("PREPARE", "TRAIN", "GENERATE", "EVALUATE")}})
    jobs = [int(line.split()[-1]) for line in answer.stdout.splitlines()]
    check(len(jobs) == 4, "pipeline.sh submits four jobs", answer.stdout + answer.stderr)
    for job, stage in zip(jobs, ("prepare", "train", "generate", "evaluate")):
        state, code, _ = runs.cluster.wait(job)
        check(state == "COMPLETED", f"{stage} ends", (state, code, runs.log(stage)))
    sent = runs.cluster.bytes_of("n2") - before
    print(f"        | n2 sent {sent / 1e6:.1f} MB")
    check(sent > 1_000_000, "what the ranks say crosses the nodes' network", sent)
    for stage in ("prepare", "train", "generate", "evaluate"):
        runs.here(stage, "calm", *options)
    first = rows(runs.folder / "calm")[:50], rows(runs.folder / "job")[:50]
    apart = max(abs(float(a["loss"]) / float(b["loss"]) - 1) for a, b in zip(*first))
    check(apart < 1e-4, "losses of the first 50 steps are those of one machine within 1e-4", apart)
    check(same(matrix(runs.folder / "calm" / "atlas.h5ad"), matrix(runs.folder / "job" / "atlas.h5ad"))
          or not same(weights(runs.folder / "calm"), weights(runs.folder / "job")),
          "equal weights make equal cells")
    told = [json.loads((runs.folder / run / "evaluation.json").read_text()) for run in ("calm", "job")]
    check(told[0].keys() == told[1].keys(), "both are evaluated")
    status = runs.cluster.call("run", runs.options.binary, "status", runs.folder / "job")
    check(status.returncode == 0 and "done" in status.stdout and f"{jobs[-1]} on " in status.stdout,
          "lapatlas status names state, job and nodes", status.stdout + status.stderr)


def unplugged(runs):
    """A node without its network ends the job by the ranks' own heartbeats, long before SLURM misses it, and leaves no process;
    the job is put back and goes on when the node is there again."""
    long = [*OFTEN_SAVED, "--runtime.heartbeat_timeout=6"]
    job = in_training(runs, long)
    runs.cluster.call("unplug", "n2")
    start = time.monotonic()
    line = re.compile(r"error: rank 1 on n2 \(after \d+ joint steps, .*\) has given no sign of life for \d+ s")
    check(runs.until(lambda: line.search(runs.log("train")), 60), "a line names rank, node, step and call", runs.log("train"))
    print(f"        | after {time.monotonic() - start:.0f} s: {line.search(runs.log('train'))[0]}")
    check(runs.until(lambda: "put back into the queue" in runs.log("train"), 150), "the job is put back", runs.log("train"))
    left = lambda: runs.cluster.call("on", "n2", "pgrep", "-x", "lapatlas").stdout  # noqa: E731
    check(runs.until(lambda: not left(), 30), "the node that is cut off keeps no process", left())
    runs.cluster.call("plug", "n2")
    state, code, restarts = runs.cluster.wait(job)
    check(state == "COMPLETED" and restarts >= 1, "it goes on and ends", (state, code, restarts, runs.log("train")))
    runs.here("train", "calm", *long)
    check(rows(runs.folder / "calm") == rows(runs.folder / "job"), "its losses are those of an undisturbed run")


def slow_network(runs):
    """With one node on a hundredth of the others' network the run finishes, and log and report name that node."""
    # Rows of the boundary wide enough to weigh.
    wide = ["--model.hidden=256", "--train.batch=full", "--prepare.k=15", "--train.joint_epochs=2"]
    runs.atlas = write(runs.folder, "larger", small_atlas(3000))
    runs.cluster.call("limit", "n3", "100mbit")
    job = runs.submit("run", "job", *wide)
    state, code, _ = runs.cluster.wait(job)
    check(state == "COMPLETED", "the run finishes", (state, code, runs.log("run")))
    page = html.unescape((runs.folder / "job" / "report.html").read_text())
    sentence = re.search(r"exchanges with node n3 took (\d+) % of the ranks' time in train.*?slow", page)
    check(sentence, "the report names the node and what it costs",
          (runs.folder / "job" / "history.jsonl").read_text() + runs.log("run"))
    print(f"        | {sentence and sentence[0]}")
    check("exchanges with node n3" in runs.log("run"), "so does the log", runs.log("run"))


def pbmc3k(runs):
    """The pipeline on four nodes with real cells: its figures are those of one machine."""
    data = pathlib.Path(runs.options.data)
    if not data.exists():
        print(f"LAPATLAS_SKIPPED: no {data}: real PBMC3K is not here")
        return
    runs.atlas, runs.config = data, pathlib.Path(runs.options.source) / "configs" / "pbmc3k.toml"
    pipeline(runs, [])
    here, there = (json.loads((runs.folder / run / "evaluation.json").read_text())["figures"] for run in ("calm", "job"))
    # Two trainings whose sums are rounded in another order drift apart as two seeds do: within the halvings' own spread.
    furthest = 0
    for name, figure in here.items():
        for side in ("generated", "floor"):
            a, b = figure[side], there[name][side]
            if a is None or b is None or a["mean"] is None:
                continue
            spread = max(a["sd"] or 0, b["sd"] or 0, 0.01 * abs(a["mean"]))
            apart = abs(a["mean"] - b["mean"]) / spread
            furthest = max(furthest, apart)
            check(apart <= 3, f"{name} of {side} cells: {b['mean']:.4f} on the cluster, {a['mean']:.4f} on one machine "
                              f"({apart:.2f} standard deviations)")
    print(f"        | furthest apart: {furthest:.2f} standard deviations of a halving")


def scaling_study(runs):
    """A job array over rank counts, weak and strong, and the page of all its tasks."""
    figures = runs.folder / "study" / "figures"
    for kind, strong in (("weak", {}), ("strong", {"STRONG": "1"})):
        options = ["--array=0-2", f"--nodes={runs.options.ranks}", "--ntasks-per-node=1", f"--output={runs.folder}/{kind}-%a.log"]
        job = runs.cluster.submit(f"{runs.options.source}/slurm/scaling_study.sbatch", options, [runs.folder / "study"], runs.folder,
                                  {**runs.extra, **strong, "BENCH": runs.options.bench, "CELLS": "3000"})
        for task in range(3):
            state, code, _ = runs.cluster.wait(f"{job}_{task}")
            check(state == "COMPLETED", f"task {task} of the {kind} study ends", (state, code) + tuple(
                log.read_text() for log in runs.folder.glob(f"{kind}-*.log")))
        told = [json.loads((figures / f"{kind}-{ranks}.json").read_text()) for ranks in (1, 2, 4)]
        check([one["ranks"] for one in told] == [1, 2, 4], "each on its ranks", told)
    page = runs.folder / "study" / "study.html"
    answer = runs.cluster.call("run", runs.options.bench, "collate", figures, page)
    check(answer.returncode == 0 and "strong" in page.read_text() and "weak" in page.read_text(), "one page shows both",
          answer.stdout + answer.stderr)


CASES = {case.__name__: case for case in (time_limit, last_minute, crash, unplugged, slow_network, pipeline, pbmc3k, scaling_study)}
NODES = {"slow_network": 4, "pbmc3k": 4, "scaling_study": 4}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(CASES))
    parser.add_argument("--binary", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--bench", default="", help="lapatlas-bench, for scaling_study")
    parser.add_argument("--data", default="", help="labelled PBMC3K, for pbmc3k")
    options = parser.parse_args()
    options.ranks = NODES.get(options.what, 3)
    with Cluster(options.ranks, node_timeout=120 if options.what == "unplugged" else 5) as cluster, tempfile.TemporaryDirectory(prefix="lapatlas-slurm-") as name:
        CASES[options.what](Runs(options, cluster, pathlib.Path(name)))
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
