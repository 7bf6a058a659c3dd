#!/usr/bin/env python3
"""Genes and antibody counts together: learned, generated beside one another, imputed where they are missing, from a table, an
array or a second file.

    proteins.py --mpiexec M --binary B --ranks N
"""

import json
import pathlib
import re
import sys
import tempfile

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse

from call import Check, checked_calls, common_options

CONFIG = """
[runtime]
threads = 1
[input]
label_key = "cell_type"
protein_key = "protein_expression"
[prepare]
pca_components = 15
encodings = 4
[model]
embedding = "joint"
embedding_width = 64
latent = 8
score_width = 96
score_blocks = 3
score_dropout = 0.0
[train]
embedding_epochs = 120
embedding_learning_rate = 0.005
score_steps = 1200
score_batch = 256
[generate]
write_latents = true
[evaluate]
halvings = 2
trees = 20
"""

check = Check()


def proteins_of(data):
    return pd.DataFrame(np.asarray(data.obsm["protein_expression"]), columns=list(data.uns["protein_expression_names"]))


def by_type(data):
    return np.log1p(proteins_of(data)).groupby(data.obs["cell_type"].to_numpy()).mean()


def main():
    arguments = common_options(__doc__.splitlines()[0]).parse_args()

    with tempfile.TemporaryDirectory(prefix="lapatlas-proteins-") as name:
        folder = pathlib.Path(name)
        lapatlas = checked_calls(arguments, check, folder)
        (folder / "c.toml").write_text(CONFIG)
        lapatlas("simulate", "--simulate.cells=1500", "--simulate.genes=300", "--simulate.types=4", "--simulate.proteins=7",
                 "--simulate.protein_missing_fraction=0.25", "--output", "real.h5ad", "--quiet")
        real = anndata.read_h5ad(folder / "real.h5ad")
        known = proteins_of(real)
        missing = known.isna()
        check(0.2 < missing.to_numpy().mean() < 0.3 and (missing.all(axis=1) == missing.any(axis=1)).all(), "a quarter of the cells have none", missing.mean())
        lapatlas("prepare", "c.toml", "--input.path=real.h5ad", "--output.dir=run", "--quiet")
        answer = lapatlas("inspect", "run/prepared.h5")
        check(re.search(r"proteins\s+7", answer.output), "inspect knows of them", answer.output)
        lapatlas("train", "run", "--quiet")
        lapatlas("generate", "run", "--cells", "1200", "--output", "made.h5ad", "--quiet")
        made = anndata.read_h5ad(folder / "made.h5ad")
        counts = proteins_of(made)
        check(counts.shape == (1200, 7) and list(counts.columns) == list(known.columns), "generated cells have the same proteins", counts.columns)
        check(((counts >= 0) & (counts == np.floor(counts))).all(axis=None) and "X_latent" in made.obsm, "as counts, beside their latents", counts.head())
        measured = real[~missing.any(axis=1).to_numpy()]
        apart = np.abs(by_type(made) - by_type(measured)).to_numpy()
        spread = by_type(measured).to_numpy().std()
        check(apart.mean() < 0.25 * spread, "each type has its own proteins", (apart, spread))
        if arguments.ranks > 1:
            lapatlas("generate", "run", "--cells", "1200", "--output", "alone.h5ad", "--quiet", ranks=1)
            alone = anndata.read_h5ad(folder / "alone.h5ad")
            check((alone.X != made.X).nnz == 0 and proteins_of(alone).equals(counts), "the same cells on one rank")
        lapatlas("evaluate", "run", "--generated", "made.h5ad", "--output", "figures.json", "--quiet")
        figures = json.loads((folder / "figures.proteins.json").read_text())
        check(figures["mean_pcc"]["generated"] > 0.9 and figures["protein_gene_pcc"]["generated"] > 0.6
              and len(figures["proteins"]) == 7, "both modalities go together as in real cells", json.dumps(figures)[:600])

        # Imputed: cells whose antibody counts are hidden get those of their type back, far from the mean of all cells.
        hidden = measured.copy()
        truth = by_type(measured)
        hidden.obsm["protein_expression"] = np.full((hidden.n_obs, 7), np.nan, dtype="float32")
        hidden.write_h5ad(folder / "hidden.h5ad")
        lapatlas("embed", "run", "--input", "hidden.h5ad", "--output", "imputed.h5ad", "--quiet")
        imputed = anndata.read_h5ad(folder / "imputed.h5ad")
        values = np.log1p(proteins_of(imputed).to_numpy())
        expected = truth.loc[measured.obs["cell_type"].to_numpy()].to_numpy()
        error, naive = np.abs(values - expected).mean(), np.abs(expected - expected.mean(axis=0)).mean()
        check(error < 0.4 * naive, "antibody counts are imputed from genes", (error, naive))
        del hidden.obsm["protein_expression"], hidden.uns["protein_expression_names"]
        hidden.write_h5ad(folder / "genes.h5ad")
        answer = lapatlas("embed", "run", "--input", "genes.h5ad", "--output", "placed.h5ad")
        check("placed by their genes alone" in answer.errors, "that is said where a file has none", answer.errors)
        check(np.array_equal(anndata.read_h5ad(folder / "placed.h5ad").obsm["X_lapatlas"], imputed.obsm["X_lapatlas"]), "and they are placed alike")

        # The same from a table, and from another file in another order.
        table = real.copy()
        table.obsm["protein_expression"] = known.set_axis(table.obs_names)
        table.write_h5ad(folder / "table.h5ad")
        order = np.random.default_rng(3).permutation(np.flatnonzero(~missing.any(axis=1).to_numpy()))
        second = anndata.AnnData(known.to_numpy()[order].astype("float32"), obs=pd.DataFrame(index=real.obs_names[order]),
                                 var=pd.DataFrame(index=known.columns))
        second.write_h5ad(folder / "second.h5ad")
        lapatlas("prepare", "c.toml", "--input.path=table.h5ad", "--output.dir=of_table", "--quiet")
        lapatlas("prepare", "c.toml", "--input.path=real.h5ad", "--input.protein_key=", "--input.protein_path=second.h5ad", "--output.dir=of_file", "--quiet")
        with h5py.File(folder / "run/prepared.h5") as a, h5py.File(folder / "of_table/prepared.h5") as b, h5py.File(folder / "of_file/prepared.h5") as c:
            for part in ("train", "heldout"):
                here = a[f"{part}/proteins"][:]
                check(all(np.array_equal(here, other[f"{part}/proteins"][:], equal_nan=True) for other in (b, c)), f"{part} cells are the same from a table and a second file")

        # Two files with proteins of their own, as shards are; the figures of an atlas in shards.
        halves = [table[:700].copy(), table[700:].copy()]
        for number, half in enumerate(halves):
            half.write_h5ad(folder / f"half{number}.h5ad")
        lapatlas("prepare", "c.toml", "--input.path=half0.h5ad,half1.h5ad", "--output.dir=of_halves", "--quiet")
        with h5py.File(folder / "run/prepared.h5") as a, h5py.File(folder / "of_halves/prepared.h5") as b:
            check(np.array_equal(a["train/proteins"][:], b["train/proteins"][:], equal_nan=True), "two files are joined with their proteins")
        halves[1].obsm["protein_expression"] = halves[1].obsm["protein_expression"].iloc[:, ::-1]
        halves[1].write_h5ad(folder / "half1.h5ad")
        answer = lapatlas("prepare", "c.toml", "--input.path=half0.h5ad,half1.h5ad", "--output.dir=other_proteins", code=2)
        check("half1.h5ad: its proteins" in answer.errors, "they must be of the same proteins in the same order", answer.errors)
        for shards in ("1", "2"):
            lapatlas("generate", "run", "--cells", "1200", "--output", "parts.h5ad", f"--generate.shards={shards}", "--quiet")
            lapatlas("evaluate", "run", "--generated", "parts.shards.json", "--output", "parts.json", "--quiet")
            of_parts = json.loads((folder / "parts.proteins.json").read_text())
            check(of_parts["mean_pcc"] == figures["mean_pcc"], f"the same figures of {shards} shards", of_parts)
            for file in folder.glob("parts*"):
                file.unlink()

        # A run belongs to the antibody counts that it was prepared with.
        second.X = second.X + 1
        second.write_h5ad(folder / "second.h5ad")
        answer = lapatlas("prepare", "c.toml", "--input.path=real.h5ad", "--input.protein_key=", "--input.protein_path=second.h5ad", "--output.dir=of_file", code=2)
        check("prepared with other input" in answer.errors, "another second file wants another folder", answer.errors)

        # 10x's own format has both as features of two types.
        both = scipy.sparse.csr_matrix(np.hstack([measured.X.toarray(), known.to_numpy()[~missing.any(axis=1).to_numpy()]]))
        types = ["Gene Expression"] * measured.n_vars + ["Antibody Capture"] * 7
        names = list(measured.var_names) + list(known.columns)
        with h5py.File(folder / "tenx.h5", "w") as file:
            matrix = file.create_group("matrix")
            for part, values in (("data", both.data.astype("int32")), ("indices", both.indices.astype("int64")), ("indptr", both.indptr.astype("int64")),
                                 ("shape", np.array(both.shape[::-1], dtype="int32")), ("barcodes", np.array(list(measured.obs_names), dtype="S")),
                                 ("features/id", np.array(names, dtype="S")), ("features/name", np.array(names, dtype="S")),
                                 ("features/feature_type", np.array(types, dtype="S"))):
                matrix[part] = values
        tenx = ("--input.path=tenx.h5", "--input.label_key=", "--quiet")
        lapatlas("prepare", "c.toml", *tenx, "--output.dir=of_tenx", "--input.protein_key=Antibody Capture")
        with h5py.File(folder / "of_tenx/prepared.h5") as file:
            rows = np.concatenate([file["train/cell_index"][:], file["heldout/cell_index"][:]])
            values = np.concatenate([file["train/proteins"][:], file["heldout/proteins"][:]])
            check(len(file["genes/names"]) <= 300 and np.array_equal(values, proteins_of(measured).to_numpy()[rows]), "antibody counts of 10x data are features of their type")
        answer = lapatlas("prepare", "c.toml", *tenx, "--output.dir=wrong_tenx", "--input.protein_key=Antibody", code=2)
        check("no feature is of type 'Antibody'" in answer.errors and "Antibody Capture" in answer.errors, "of which the right one is named", answer.errors)

        def refused(change, words, *more):
            wrong = real.copy()
            change(wrong)
            wrong.write_h5ad(folder / "wrong.h5ad")
            answer = lapatlas("prepare", "c.toml", "--input.path=wrong.h5ad", "--output.dir=wrong", *more, code=2)
            check(len(answer.lines("error")) == 1 and all(word in answer.errors for word in words), f"says {words}", answer.errors)

        def spoil(value):
            def change(data):
                data.obsm["protein_expression"][2, 1] = value
            return change

        refused(spoil(2.5), ("wrong.h5ad", "row 2", "protein_1", "2.5", "no count"))
        refused(spoil(-1), ("row 2", "protein_1", "-1"))
        refused(lambda data: data.obsm.pop("protein_expression"), ("no obsm 'protein_expression'",))
        refused(lambda data: None, ("belong to model.embedding = joint",), "--model.embedding=scanvi")
        refused(lambda data: None, ("where are the antibody counts",), "--input.protein_key=")
        refused(lambda data: setattr(data, "obs_names", [f"other{i}" for i in range(data.n_obs)]),
                ("none of its", "second.h5ad"), "--input.protein_key=", "--input.protein_path=second.h5ad")
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
