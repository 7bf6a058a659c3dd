#!/usr/bin/env python3
"""lapatlas denoise: latents of a query that lacks some of the reference's genes, has others, and in another order; the same on one
rank and on several, stopped and resumed; the figures as scikit-learn has them; wrong input refused.

    denoise.py --mpiexec M --binary B --ranks N
"""

import json
import os
import pathlib
import signal
import sys
import tempfile

import anndata
import numpy as np
import pandas as pd
from sklearn.metrics import silhouette_score

from call import Check, call, common_options, disturbed, ranks_of
from wrong_inputs import small_atlas, write

check = Check()

CONFIG = """
[input]
label_key = "cell_type"
[prepare]
min_cells = 1
[denoise]
components = 4
width = 16
blocks = 1
epochs = 60
batch = 100
diffusion_steps = 60
iterations = 3
repeats = 4
neighbours = 7
"""


def main():
    options = common_options(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="lapatlas-denoise-") as name:
        folder = pathlib.Path(name)
        whole = small_atlas(260)
        reference = write(folder, "reference", whole[:200])
        other = whole[200:].copy()
        other = other[:, np.random.default_rng(1).permutation(other.n_vars)].copy()
        other.var_names = [n if n != "gene3" else "only_here" for n in other.var_names]
        other.obs["depth"] = np.where(np.arange(60) == 7, np.nan, np.arange(60) / 4)
        other.obs["donor"] = pd.Categorical([None if i == 9 else f"donor {i % 3}" for i in range(60)])
        other.obs["is_good"] = np.arange(60) % 2 == 0
        other.obs["unknown"] = pd.Categorical([None] * 60, categories=["never"])
        query = write(folder, "query", other)
        config = folder / "config.toml"
        config.write_text(CONFIG)

        def words(run, *more):
            return ["denoise", config, f"--input.path={reference}", "--query", query, f"--output.dir={folder / run}", *more]

        def denoise(run, ranks, *more):
            return call(options.mpiexec, ranks, options.binary, words(run, *more), folder)

        answer = denoise("one", 1)
        check(answer.code == 0, "denoise on one rank", answer.errors)
        check("genes are in both the reference" in answer.errors, "shared genes are reported", answer.errors)
        one = anndata.read_h5ad(folder / "one" / "denoised.h5ad")
        check(list(one.obs_names) == list(other.obs_names), "cells are those of the query, in its order")
        check("only_here" not in one.var_names and "gene3" not in one.var_names and one.n_vars == other.n_vars - 1,
              "genes are those of both", one.var_names)
        check(np.array_equal(one.obs["depth"], other.obs["depth"], equal_nan=True), "numbers of the query's obs are kept", one.obs)
        check(one.obs["donor"].astype(object).fillna("").tolist() == other.obs["donor"].astype(object).fillna("").tolist() and
              one.obs["is_good"].astype(str).tolist() == other.obs["is_good"].astype(str).tolist() and
              one.obs["unknown"].isna().all() and one.obs["cell_type"].tolist() == other.obs["cell_type"].tolist(),
              "and so are its texts, booleans and types", one.obs)
        counts = other[:, one.var_names].X
        check(abs(one.X - counts).nnz == 0, "X is the query's counts over them")
        check(one.obsm["X_dice"].shape == (60, 4) and (one.obsm["X_dice_sd"] > 0).all(), "latents and their spread")
        check(np.allclose(one.obsm["label_probability"].sum(1), 1, atol=1e-5), "label probabilities sum to one")
        p = np.maximum(one.obsm["label_probability"], 1e-30)
        check(np.allclose(one.obs["label_entropy"], -(p * np.log(p)).sum(1), atol=1e-5), "entropy is theirs")
        check((one.obs["predicted_label"].astype(str) == other.obs["cell_type"].astype(str).values).mean() > 0.9,
              "types as far apart as these are told", one.obs)
        told = json.loads((folder / "one" / "denoised.figures.json").read_text())
        for space in ("pca", "dice"):
            expected = silhouette_score(one.obsm[f"X_{space}"], other.obs["cell_type"], metric="cosine")
            check(abs(told[space]["silhouette"] - expected) < 1e-4, f"silhouette of {space} is scikit-learn's",
                  (told[space], expected))

        # log1p(counts to 1e4), standardised by the reference: what the latents are made of, up to signs.
        def normalised(atlas):
            x = atlas[:, one.var_names].X.toarray().astype(float)
            return np.log1p(x / x.sum(1, keepdims=True) * 1e4)

        x, q = normalised(anndata.read_h5ad(reference)), normalised(other)
        deviation = x.std(0, ddof=1)
        mean = x.mean(0)
        deviation[deviation == 0] = 1
        limit = mean + 10 * deviation
        x, q = np.minimum(x, limit) / deviation, np.minimum(q, limit) / deviation
        axes = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:4]
        expected = (q - x.mean(0)) @ axes.T
        signs = np.sign((expected * one.obsm["X_pca"]).sum(0))
        check(np.allclose(one.obsm["X_pca"], expected * signs, atol=2e-2), "X_pca is that of numpy",
              np.abs(one.obsm["X_pca"] - expected * signs).max())

        answer = denoise("many", options.ranks)
        check(answer.code == 0, f"denoise on {options.ranks} ranks", answer.errors)
        many = anndata.read_h5ad(folder / "many" / "denoised.h5ad")
        check(np.array_equal(one.obsm["X_pca"], many.obsm["X_pca"]), "X_pca is the same to the last bit")
        columns = ["depth", "donor", "is_good", "unknown", "cell_type"]
        check(one.obs[columns].equals(many.obs[columns]), "obs is the same", many.obs)
        apart = np.abs(one.obsm["X_dice"] - many.obsm["X_dice"]).max() / one.obsm["X_dice"].std()
        check(apart < 2e-2, "X_dice is the same up to rounding in training", apart)

        # The prior's training stopped in its middle, and gone on with.
        longer = ["--denoise.epochs=600", "--train.checkpoint_minutes=0.005"]
        prior = folder / "stopped" / "denoise" / "prior.h5"
        code, said = disturbed([options.mpiexec, "-n", options.ranks, options.binary, *words("stopped", *longer)], folder,
                               prior.exists, lambda pid: os.kill(ranks_of(pid)[0], signal.SIGUSR1))
        check(code == 75 and "goes on from there" in said, "USR1 stops it with what it has", (code, said))
        answer = denoise("stopped", options.ranks, *longer)
        check(answer.code == 0 and "goes on from" in answer.errors, "the same command goes on", answer.errors)
        answer = denoise("calm", options.ranks, *longer)
        check(answer.code == 0, "an undisturbed run", answer.errors)
        latents = [anndata.read_h5ad(folder / run / "denoised.h5ad").obsm["X_dice"] for run in ("stopped", "calm")]
        check(np.array_equal(*latents), "both end the same to the last bit", np.abs(latents[0] - latents[1]).max())
        answer = denoise("calm", options.ranks, *longer, "--denoise.rho=2")
        check(answer.code == 0 and "already there" in answer.errors, "another rho takes the prior that is there", answer.errors)

        # Killed while it samples, and gone on with on another number of ranks.
        slower = ["--denoise.repeats=40", "--denoise.iterations=80", "--train.checkpoint_minutes=0.002"]
        parts = folder / "killed" / "denoised.h5ad.parts"
        code, said = disturbed([options.mpiexec, "-n", options.ranks, options.binary, *words("killed", *slower)], folder,
                               lambda: len(list(parts.glob("part-*.h5"))) >= 2,
                               lambda pid: os.kill(ranks_of(pid)[0], signal.SIGKILL))
        check(code not in (0, None) and any(parts.iterdir()), "SIGKILL in sampling leaves what is sampled", (code, said))
        answer = denoise("killed", 1, *slower)
        check(answer.code == 0 and "are sampled already" in answer.errors, "sampling goes on", answer.errors)
        check(not parts.exists(), "parts go when the output is whole")
        answer = denoise("whole", options.ranks, *slower)
        check(answer.code == 0, "the same, undisturbed", answer.errors)
        latents = [anndata.read_h5ad(folder / run / "denoised.h5ad").obsm["X_dice"] for run in ("killed", "whole")]
        check(np.abs(latents[0] - latents[1]).max() / latents[1].std() < 2e-2, "both are the same up to rounding")

        for likelihood in ("poisson", "negative_binomial"):
            answer = denoise("one", options.ranks, f"--denoise.likelihood={likelihood}", f"--output={folder / likelihood}.h5ad")
            check(answer.code == 0, f"likelihood {likelihood}", answer.errors)
            figures = json.loads((folder / f"{likelihood}.figures.json").read_text())
            check(figures["acceptance"] > 0.5, f"{likelihood}: its proposals are taken", figures["acceptance"])
            check(figures["accuracy"] > 0.9, f"{likelihood}: labels are told", figures["accuracy"])

        # A reference of two batches, and a query that is one more: genes of one are counted three times, of the other twice as often.
        batched, shifted = whole[:200].copy(), other.copy()
        batched.obs["donor"] = np.where(np.arange(200) % 2 == 0, "a", "b")
        x = batched.X.toarray()
        x[1::2, 10:16] *= 3
        batched.X = x
        x = shifted.X.toarray()
        x[:, shifted.var_names.isin([f"gene{i}" for i in range(20, 26)])] *= 2
        shifted.X = x
        paths = [f"--input.path={write(folder, 'batched', batched)}", "--query", write(folder, "shifted", shifted)]
        align = ["--denoise.align_batches=true", "--input.batch_key=donor"]

        def align_on(run, ranks, *more):
            return call(options.mpiexec, ranks, options.binary, ["denoise", config, *paths, f"--output.dir={folder / run}", *align, *more], folder)

        for run, ranks in (("aligned", options.ranks), ("aligned-alone", 1)):
            answer = align_on(run, ranks)
            check(answer.code == 0, f"batches are aligned on {ranks} ranks", answer.errors)
        aligned, alone = (anndata.read_h5ad(folder / run / "denoised.h5ad") for run in ("aligned", "aligned-alone"))
        check(np.array_equal(aligned.obsm["X_pca_aligned"], alone.obsm["X_pca_aligned"]), "X_pca_aligned is the same to the last bit")
        check(np.linalg.norm(aligned.obsm["X_pca_aligned"] - aligned.obsm["X_pca"], axis=1).min() > 0, "and not X_pca")
        figures = json.loads((folder / "aligned" / "denoised.figures.json").read_text())
        shift = np.linalg.norm(aligned.obsm["X_dice"] - aligned.obsm["X_pca_aligned"], axis=1).mean()
        check(abs(figures["shift"] - shift) < 1e-4 * shift, "cells are moved from there", (figures["shift"], shift))
        check(figures["accuracy"] > 0.9 and figures["aligned"]["silhouette"] > 0.5 and "aligned" in answer.output.splitlines()[1],
              "types are told, the aligned space is judged", (figures, answer.output))
        batched.obs["donor"] = batched.obs["donor"].astype("category").where(np.arange(200) != 5)
        write(folder, "batched", batched)
        for what, more, mention in (("a cell without its batch", [], "have no batch in obs column 'donor'"),
                                    ("a likelihood of counts", ["--denoise.likelihood=poisson"], "denoise.align_batches")):
            answer = align_on("aligned-wrong", options.ranks, *more)
            check(answer.code == 2 and len(answer.lines("error:")) == 1 and mention in answer.errors, f"{what}: refused", (answer.code, answer.errors))

        unlabelled = write(folder, "unlabelled", anndata.AnnData(other.X, obs=other.obs[[]], var=other.var))
        answer = call(options.mpiexec, options.ranks, options.binary,
                      ["denoise", config, f"--input.path={reference}", "--query", unlabelled, f"--output.dir={folder / 'one'}",
                       f"--output={folder / 'unlabelled-out.h5ad'}"], folder)
        check(answer.code == 0, "a query without labels", answer.errors)
        figures = json.loads((folder / "unlabelled-out.figures.json").read_text())
        check(figures["cells"] == 0 and all(v is None for space in ("pca", "dice") for v in figures[space].values()),
              "figures that want labels are null", figures)
        check(figures["shift"] > 0 and figures["entropy"] > 0, "those that do not are there", figures)

        def study():
            return call(options.mpiexec, options.ranks, options.binary,
                        ["sensitivity", config, f"--input.path={reference}", "--query", query, f"--output.dir={folder / 'study'}",
                         "--sensitivity.rho=0.5,2", "--sensitivity.components=3,4"], folder)

        answer = study()
        check(answer.code == 0, "sensitivity", answer.errors)
        rows = (folder / "study" / "sensitivity.csv").read_text().splitlines()
        check([row.split(",")[:2] for row in rows[1:]] == [["3", "0.5"], ["3", "2"], ["4", "0.5"], ["4", "2"]], "a row a pair", rows)
        shift = [float(row.split(",")[rows[0].split(",").index("shift")]) for row in rows[1:]]
        check(shift[0] < shift[1] and shift[2] < shift[3], "a larger rho moves cells further", shift)
        answer = study()
        check(answer.code == 0 and answer.errors.count("already there") == 2, "the priors are taken as they are", answer.errors)

        for what, more, mention in (
            ("likelihood of no counts", ["--denoise.likelihood=poisson", "--input.values=as_given"], "is one of counts"),
            ("another prior in one folder", ["--denoise.width=8"], "of another reference or other options"),
            ("no query", ["--denoise.query="], "which cells"),
            ("a query that is not there", ["--denoise.query=nowhere.h5ad"], "no such file"),
        ):
            answer = call(options.mpiexec, options.ranks, options.binary,
                          [w for w in words("one", *more) if w not in ("--query", query) or not any("query" in m for m in more)], folder)
            lines = answer.lines("error:")
            check(answer.code == 2 and len(lines) == 1 and mention in lines[0], f"{what}: refused in one line",
                  (answer.code, answer.errors))
        values = write(folder, "values", anndata.AnnData(np.float32(whole.X.toarray() - 0.5), obs=whole.obs, var=whole.var))
        answer = call(options.mpiexec, options.ranks, options.binary,
                      ["prepare", config, f"--input.path={values}", "--input.values=as_given", f"--output.dir={folder / 'x'}"], folder)
        check(answer.code == 2 and "models counts" in answer.errors, "only denoise takes other values than counts", answer.errors)
        answer = call(options.mpiexec, options.ranks, options.binary,
                      ["denoise", config, f"--input.path={values}", "--query", values, "--input.values=as_given",
                       f"--output.dir={folder / 'given'}"], folder)
        check(answer.code == 0, "denoise takes values of either sign", answer.errors)
        given = anndata.read_h5ad(folder / "given" / "denoised.h5ad")
        check(np.allclose(given.X.toarray(), whole.X.toarray() - 0.5), "X is what was given")
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
