#!/usr/bin/env python3
"""What a trained model is used for, as its user does it: cells like those of a file, of one batch, of chosen genes; other
cells embedded; any pair of files evaluated, and the figures repeated with scikit-learn and POT; variants set side by side.

    model_use.py --mpiexec M --binary B --ranks N
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import anndata
import numpy as np

from call import Check, checked_calls, common_options

CONFIG = """
[runtime]
threads = 1
[input]
label_key = "cell_type"
batch_key = "batch"
[prepare]
pca_components = 15
encodings = 4
[model]
hidden = 32
latent = 8
score_width = 32
score_blocks = 2
[train]
joint_epochs = 120
loss_cells = 100
# So little that the latents of so few counts still tell the types apart.
w_kl = 0.05
score_steps = 400
score_batch = 128
[generate]
cells = 600
[evaluate]
halvings = 3
min_type_cells = 10
pca_components = 10
trees = 100
write_draws = true
"""
AGREEMENT = pathlib.Path(__file__).parent.parent / "src" / "evaluate" / "agreement.py"
SCHEMA = pathlib.Path(__file__).parent.parent.parent / "docs" / "evaluation.schema.json"


check = Check()


def main():
    arguments = common_options(__doc__.splitlines()[0]).parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lapatlas = checked_calls(arguments, check, folder)
        (folder / "c.toml").write_text(CONFIG)
        lapatlas("simulate", "--simulate.cells=600", "--simulate.genes=300", "--simulate.types=3", "--simulate.batches=2",
                 "--output", "real.h5ad", "--quiet")
        real = anndata.read_h5ad(folder / "real.h5ad")
        real.var["chromosome"] = [f"chr{i % 5}" for i in range(real.n_vars)]
        real.var["length"] = np.arange(real.n_vars) * 10
        real.var["odd"] = np.arange(real.n_vars) % 2 == 1
        real.write_h5ad(folder / "real.h5ad")
        lapatlas("run", "c.toml", "--input.path=real.h5ad", "--output.dir=run", "--quiet")
        written = (folder / "run" / "config.toml").read_text()
        check("\nk = 10\n" in written, "the run's configuration holds what the data's size decided", written)

        made = anndata.read_h5ad(folder / "run" / "atlas.h5ad")
        check(made.obs["synthetic"].dtype == bool and made.obs["synthetic"].all() and bool(made.uns["synthetic"]),
              "every cell and the file are marked synthetic")
        kept = real.var.loc[made.var_names]
        check(all((made.var[c].to_numpy() == kept[c].to_numpy()).all() for c in ("chromosome", "length", "odd")),
              "columns of var are kept", made.var.head())
        check((made.obs["manifold_distance"] > 0).all(), "every cell has a quality score", made.obs.head())
        generation(lapatlas, folder, real)
        shards(lapatlas, folder)
        embedding(lapatlas, folder, real)
        evaluation(lapatlas, folder)
        lapatlas("ablate", "c.toml", "--input.path=real.h5ad", "--output.dir=study", "--ablate.seeds=1",
                 "--ablate.variants=no_graph,guidance_2", "--quiet")
        with open(folder / "study" / "ablation.csv") as file:
            variants = [row["variant"] for row in csv.DictReader(file)]
        check(variants == ["base", "no_graph", "guidance_2"], "the study holds base and both variants", variants)
        again = lapatlas("ablate", "c.toml", "--input.path=real.h5ad", "--output.dir=study", "--ablate.seeds=1",
                         "--ablate.variants=steps_5")
        check("joint" not in again.errors, "called again it trains nothing that is there", again.errors)
        with open(folder / "study" / "ablation.csv") as file:
            rows = list(csv.DictReader(file))
        check([row["variant"] for row in rows] == ["base", "no_graph", "steps_5", "guidance_2"] and
              all(row["pooled_w2"] for row in rows), "its table holds what earlier calls made", rows)
    print(f"{Check.failed} checks failed")
    return 1 if Check.failed else 0


def generation(lapatlas, folder, real):
    part = real[:200]
    part.write_h5ad(folder / "part.h5ad")
    lapatlas("generate", "run", "--like", "part.h5ad", "--output", "like.h5ad", "--quiet")
    like = anndata.read_h5ad(folder / "like.h5ad")
    pairs = [a.obs.groupby(["cell_type", "batch"], observed=True).size().to_dict() for a in (part, like)]
    check(pairs[0] == pairs[1], "--like mirrors types and batches", pairs)
    lapatlas("generate", "run", "--cells", 100, "--batch", real.obs["batch"].iloc[0], "--generate.library_size=3000",
             f"--generate.genes={real.var_names[3]},{real.var_names[7]}", "--output", "few.h5ad", "--quiet")
    few = anndata.read_h5ad(folder / "few.h5ad")
    check(set(few.obs["batch"]) == {real.obs["batch"].iloc[0]}, "one batch is imitated", few.obs)
    check(list(few.var_names) == [real.var_names[3], real.var_names[7]], "only the chosen genes are written", few.var_names)
    check((few.obs["library_size"] == 3000).all(), "the library is as asked for", few.obs)
    answer = lapatlas("generate", "run", "--batch", "nowhere", "--output", "x.h5ad", code=2)
    check("nowhere" in answer.errors, "an unknown batch is named", answer.errors)


def shards(lapatlas, folder):
    lapatlas("generate", "run", "--cells", 2000, "--output", "whole.h5ad", "--quiet")
    lapatlas("generate", "run", "--cells", 2000, "--generate.shards=3", "--output", "parts.h5ad", "--quiet")
    with open(folder / "parts.shards.json") as file:
        listed = json.load(file)["shards"]
    check([shard["cells"] for shard in listed] == [1024, 512, 464] and
          [shard["file"] for shard in listed] == [f"parts-0000{i}-of-00003.h5ad" for i in range(3)],
          "the index names shards of whole blocks", listed)
    whole = anndata.read_h5ad(folder / "whole.h5ad")
    joined = anndata.concat([anndata.read_h5ad(folder / shard["file"]) for shard in listed], merge="same")
    check((joined.X != whole.X).nnz == 0 and list(joined.obs_names) == list(whole.obs_names) and
          (joined.obs["cell_type"].astype(str) == whole.obs["cell_type"].astype(str)).all(),
          "shards one after another are the atlas in one file")
    lazy = anndata.experimental.AnnCollection(
        [anndata.read_h5ad(folder / shard["file"], backed="r") for shard in listed], join_vars="inner")
    check(lazy.shape == whole.shape and (lazy[1000:1100].X != whole.X[1000:1100]).nnz == 0, "anndata reads them lazily")
    (folder / "parts-00001-of-00003.h5ad").unlink()
    kept = (folder / "parts-00002-of-00003.h5ad").stat().st_mtime_ns
    answer = lapatlas("generate", "run", "--cells", 2000, "--generate.shards=3", "--output", "parts.h5ad")
    check(answer.errors.count("already there") == 2 and (folder / "parts-00002-of-00003.h5ad").stat().st_mtime_ns == kept and
          (folder / "parts-00001-of-00003.h5ad").exists(), "only the shard that is missing is made", answer.errors)
    lapatlas("evaluate", "parts.shards.json", "--prepared", "run", "--evaluate.halvings=2", "--quiet")
    lapatlas("evaluate", "whole.h5ad", "--prepared", "run", "--evaluate.halvings=2", "--quiet")
    figures = []
    for name in ("parts.shards", "whole"):
        with open(folder / f"{name}.evaluation.json") as file:
            figures.append(json.load(file)["figures"])
    check(figures[0] == figures[1], "and are evaluated as the file is")
    check("blocks" in lapatlas("generate", "run", "--cells", 600, "--generate.shards=9", "--output", "x.h5ad", code=2).errors,
          "more shards than blocks are refused")


def embedding(lapatlas, folder, real):
    shuffled = real[:150, np.random.default_rng(0).permutation(real.n_vars)[:280]].copy()
    shuffled.write_h5ad(folder / "other.h5ad")
    answer = lapatlas("embed", "run", "--input", "other.h5ad", "--denoised", "--output", "embedded.h5ad")
    embedded = anndata.read_h5ad(folder / "embedded.h5ad")
    check(list(embedded.obs_names) == list(shuffled.obs_names), "cells keep their names and order")
    check((embedded.obs["batch"].astype(str) == shuffled.obs["batch"].astype(str)).all()
          and np.allclose(embedded.obs["library_size"], shuffled.obs["library_size"]), "and their obs columns", embedded.obs.head())
    check(embedded.obsm["X_lapatlas"].shape == (150, 8), "a latent a cell", embedded.obsm)
    check(np.allclose(embedded.obsm["label_probability"].sum(1), 1, atol=1e-5), "label probabilities add up to one")
    rates = embedded.layers["denoised"]
    totals = np.asarray(embedded.X.sum(1)).ravel()
    check(rates.shape == embedded.shape and np.allclose(rates.sum(1), totals, rtol=1e-3), "expected counts add up to the library")
    right = (embedded.obs["predicted_label"].astype(str).to_numpy() == shuffled.obs["cell_type"].astype(str).to_numpy()).mean()
    check(right > 0.6, f"labels are recognised ({right:.2f})")
    check("accuracy" in answer.errors, "and that is said", answer.errors)
    check((embedded.obs["log_likelihood"] < 0).all(), "every cell has a likelihood")
    real[:20, :30].copy().write_h5ad(folder / "foreign.h5ad")
    check("too few" in lapatlas("embed", "run", "--input", "foreign.h5ad", "--output", "x.h5ad", code=2).errors,
          "a file with hardly any of the genes is refused")


def evaluation(lapatlas, folder):
    with open(folder / "run" / "evaluation.json") as file:
        figures = json.load(file)
    with open(SCHEMA) as file:
        schema = json.load(file)
    missing = [key for key in schema["required"] + ["draws"] if key not in figures]
    unknown = [key for key in figures if key not in schema["properties"]]
    check(not missing and not unknown, "evaluation.json is as its schema says", (missing, unknown))
    with open(folder / "run" / "evaluation.csv") as file:
        rows = {row["key"]: row for row in csv.DictReader(file) if not row["type"]}
    check(set(rows) == set(figures["figures"]), "evaluation.csv holds the same figures")
    latent = figures["figures"]["latent_training_ratio"]
    check(latent["generated"]["mean"] is not None and 0.5 < latent["generated"]["mean"] < 2
          and abs(latent["floor"]["mean"] - 1) < 0.3, "memorisation is looked at in latent space too", latent)
    answer = subprocess.run(
        [sys.executable, AGREEMENT, folder / "run" / "evaluation.json", folder / "real.h5ad", folder / "run" / "atlas.h5ad",
         "--components", "10", "--trees", "100", "--auc-limit", "0.1"], capture_output=True, text=True)
    check(answer.returncode == 0, "scikit-learn, SciPy, POT and scanpy find the same figures", answer.stdout + answer.stderr)
    lapatlas("evaluate", "run/atlas.h5ad", "--reference", "real.h5ad", "--input.label_key=cell_type",
             "--evaluate.halvings=2", "--evaluate.min_type_cells=10", "--output", "pair.json", "--threads", 1, "--quiet")
    check((folder / "pair.json").exists() and (folder / "pair.csv").exists(), "a pair of files is evaluated")
    lapatlas("evaluate", "like.h5ad", "--prepared", "run", "--evaluate.halvings=2", "--quiet")
    check((folder / "like.evaluation.json").exists(), "a file is evaluated against a run's test cells")
    lapatlas("evaluate", "like.h5ad", code=2)


if __name__ == "__main__":
    sys.exit(main())
