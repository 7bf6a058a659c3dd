#!/usr/bin/env python3
"""A run as its user lives it: killed in the middle of training, taken up again, called again with nothing to do, with
other options, on other numbers of ranks; its files opened with anndata and scanpy, with warnings made errors.

    whole_run.py --mpiexec M --binary B --ranks N
"""

import csv
import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import tomllib
import warnings

import anndata
import numpy as np

from call import Check, call, common_options, disturbed, ranks_of
from wrong_inputs import CELLS, CONFIG, small_atlas, write


check = Check()


def kill_in_training(command, folder, run):
    """Starts the run, and kills one rank once a checkpoint is there and training has gone on from it."""
    metrics, checkpoint = run / "metrics.csv", run / "checkpoints" / "last.h5"
    code, _ = disturbed(command, folder,
                        lambda: checkpoint.exists() and metrics.exists() and metrics.read_text().count("\n") > 20,
                        lambda pid: os.kill(ranks_of(pid)[-1], signal.SIGKILL))
    return code


def stages(answer):
    """Titles of the stages that a call went through."""
    return [re.sub(r"^\[\d+:\d+\] ", "", line) for line in answer.errors.splitlines() if re.match(r"^\[\d+:\d+\] ", line)]


def epochs(run):
    with open(run / "metrics.csv") as file:
        return [int(float(row["epoch"])) for row in csv.DictReader(file) if row["phase"] == "joint"]


def main():
    options = common_options(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="lapatlas-whole-run-") as name:
        folder = pathlib.Path(name)
        atlas = write(folder, "sound", small_atlas())
        config = folder / "config.toml"
        config.write_text(CONFIG)
        run = folder / "run"
        num_epochs = 150
        arguments = ["run", config, f"--input.path={atlas}", f"--output.dir={run}",
                     f"--train.joint_epochs={num_epochs}", "--train.checkpoint_minutes=0.002",
                     "--generate.write_latents=true"]

        def lapatlas(*words, ranks=options.ranks):
            return call(options.mpiexec, ranks, options.binary, words, folder)

        code = kill_in_training([options.mpiexec, "-n", str(options.ranks), options.binary, *map(str, arguments)],
                                folder, run)
        check(code not in (None, 0), "a killed rank ends the job", code)
        done_before = len(epochs(run))
        check(done_before < num_epochs, "it was killed in the middle of training", done_before)
        check(not (run / "atlas.h5ad").exists(), "nothing of a later stage is there")

        answer = lapatlas(*arguments)
        check(answer.code == 0, "the same command takes the run up again", answer.errors)
        check("goes on from" in answer.errors, "it says so", answer.errors)
        check(not any("principal components" in title for title in stages(answer)), "it prepares nothing again",
              answer.errors)
        check(epochs(run) == list(range(1, num_epochs + 1)), "metrics.csv has each epoch once", epochs(run))
        expected = {"config.toml", "prepared.h5", "split.csv", "checkpoints", "metrics.csv", "atlas.h5ad",
                    "evaluation.json", "evaluation.csv", "report.html", "figures", "status.json",
                    "history.jsonl"}
        check({path.name for path in run.iterdir()} == expected, "the folder holds what the guide lists",
              sorted(path.name for path in run.iterdir()))

        made = (run / "atlas.h5ad").stat().st_mtime_ns
        other = 1 if options.ranks > 1 else 2
        answer = lapatlas(*arguments, ranks=other)
        check(answer.code == 0 and all("already there" in title or "report" in title for title in stages(answer)),
              f"called again, on {other} ranks, it has nothing to do", answer.errors)
        answer = lapatlas(*arguments, "--evaluate.halvings=3")
        check(answer.code == 0 and [title for title in stages(answer) if "already" not in title][0].startswith("evaluate")
              and (run / "atlas.h5ad").stat().st_mtime_ns == made,
              "other options of evaluate repeat that stage alone", answer.errors)
        answer = lapatlas(*arguments, "--prepare.k=6")
        check(answer.code == 2 and str(run) in answer.errors, "other data in one folder are refused", answer.errors)

        log = folder / "log.jsonl"
        some = folder / "some.h5ad"
        answer = lapatlas("generate", run, "--cells", 100, "--output", some, "--quiet", "--log-json", log)
        check(answer.code == 0 and answer.errors == "" and answer.output == "", "--quiet says nothing",
              answer.errors + answer.output)
        answer = lapatlas("generate", *arguments[1:5], "--cells", 100, "--output", some, "--quiet")
        check(answer.code == 0, "the configuration a run was made with stands for its folder, sizes left to the data included",
              answer.errors)
        for stage, name in (("evaluate", "same.json"), ("report", "same.html")):
            answer = lapatlas(stage, *arguments[1:5], "--output", folder / name, "--quiet")
            check(answer.code == 0, f"and {stage} takes it too", answer.errors)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        check(any("generate" in str(line) for line in lines), "--log-json writes a JSON object a line", log.read_text())
        answer = lapatlas("inspect", run)
        check(answer.code == 0 and re.search(r"training cells\s+\d+", answer.output), "inspect tells what was prepared",
              answer.output)
        answer = lapatlas("plan", run, "--plan.ranks=6", "--plan.ranks_a_node=3")
        check(answer.code == 0 and "#SBATCH --nodes=2" in answer.output and "#SBATCH --ntasks-per-node=3" in answer.output
              and re.search(r"train +\d+ MiB", answer.output) and re.search(r"prepared data \d+ KiB", answer.output),
              "plan tells what a run will need", answer.output + answer.errors)
        answer = lapatlas("plan", config, f"--input.path={atlas}")
        check(answer.code == 0 and answer.output.startswith(f"{CELLS} cells"), "plan reads no more than the input's headers",
              answer.output + answer.errors)
        tight = folder / "tight"
        answer = lapatlas("run", config, f"--input.path={atlas}", f"--output.dir={tight}", "--runtime.memory=0.01")
        check(answer.code == 2 and "training needs about" in answer.errors and not (tight / "checkpoints").exists(),
              "training that does not fit is not begun", answer.errors)
        page = folder / "page.html"
        answer = lapatlas("report", run, "--output", page)
        check(answer.code == 0 and page.exists() and not re.search(r"(src|href)=.?https?:", page.read_text()),
              "report writes one page that needs no network", answer.errors)
        dumped = folder / "dumped.toml"
        dumped.write_text(lapatlas("run", run / "config.toml", "--dump-config", ranks=1).output)
        tomllib.loads(dumped.read_text())
        check(lapatlas("run", dumped, "--dump-config", ranks=1).output == dumped.read_text(),
              "--dump-config prints a configuration that says the same")

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            whole, part = anndata.read_h5ad(run / "atlas.h5ad"), anndata.read_h5ad(some)
        check((whole[:100].X != part.X).nnz == 0, "a cell does not depend on how many are asked for")
        check(whole.obsm["X_latent"].shape == (whole.n_obs, 4), "latents are there on request")
        provenance = whole.uns["lapatlas"]
        check(int(provenance["num_ranks"]) == options.ranks and "joint_epochs = 150" in provenance["config"],
              "the atlas carries configuration and rank count", dict(provenance))
        import scanpy

        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            scanpy.pp.normalize_total(whole)
            scanpy.pp.log1p(whole)
            scanpy.pp.pca(whole, n_comps=10)
            scanpy.pp.neighbors(whole, n_neighbors=5)
        about_us = [str(w.message) for w in said if not issubclass(w.category, (FutureWarning, DeprecationWarning))]
        check(not about_us and np.isfinite(whole.obsm["X_pca"]).all(), "scanpy works on it without a warning", about_us)
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
