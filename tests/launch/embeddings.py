#!/usr/bin/env python3
"""Every embedding through the whole flow: cells of their types are generated, unseen cells are embedded, evaluated and reported.

    embeddings.py --mpiexec M --binary B --ranks N
"""

import json
import pathlib
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
[prepare]
keep_variable_genes = 200
pca_components = 10
encodings = 4
[model]
embedding_width = 64
score_width = 64
score_blocks = 2
[train]
embedding_epochs = 60
embedding_batch = 100
target_epochs = 10
loss_cells = 100
score_steps = 400
score_batch = 128
[evaluate]
halvings = 2
"""
MORE = {
    "autoencoder": ["--model.latent=16", "--model.embedding_layers=1", "--train.embedding_epochs=150"],
    "scanvi": ["--model.likelihood=zinb", "--train.kl_warmup_epochs=30"],
    "sctag": ["--model.likelihood=zinb", "--train.embedding_epochs=300"],
    "pca": ["--model.latent=12"],
    "hvg": ["--train.score_steps=1500", "--model.score_width=128"],
}
WIDTHS = {"autoencoder": 16, "scanvi": 10, "sctag": 15, "pca": 12, "hvg": 200}

check = Check()


def normalised(cells):
    x = cells.X.toarray()
    return np.log1p(x / np.maximum(x.sum(1, keepdims=True), 1) * 1e4)


def main():
    arguments = common_options(__doc__.splitlines()[0]).parse_args()

    with tempfile.TemporaryDirectory(prefix="lapatlas-embeddings-") as name:
        folder = pathlib.Path(name)
        lapatlas = checked_calls(arguments, check, folder)
        (folder / "c.toml").write_text(CONFIG)
        # One atlas: its first part is trained on, the rest is new to the models.
        lapatlas("simulate", "--simulate.cells=700", "--simulate.genes=300", "--simulate.types=3", "--output", "all.h5ad", "--quiet")
        cells = anndata.read_h5ad(folder / "all.h5ad")
        cells[:600].copy().write_h5ad(folder / "real.h5ad")
        cells[600:].copy().write_h5ad(folder / "new.h5ad")
        real = anndata.read_h5ad(folder / "real.h5ad")
        for embedding, more in MORE.items():
            run = folder / embedding
            lapatlas("run", "c.toml", "--input.path=real.h5ad", f"--output.dir={embedding}", f"--model.embedding={embedding}",
                     "--generate.write_latents=true", "--quiet", *more)
            made = anndata.read_h5ad(run / "atlas.h5ad")
            check(made.shape == (600, 200) and made.obsm["X_latent"].shape[1] == WIDTHS[embedding], f"{embedding}: its genes, its latents",
                  (made.shape, made.obsm["X_latent"].shape))
            x, types = normalised(real[:, made.var_names]), real.obs["cell_type"].astype(str).to_numpy()
            names = sorted(set(types))
            centroids = np.stack([x[types == t].mean(0) for t in names])
            nearest = np.argmin(((normalised(made)[:, None] - centroids[None]) ** 2).sum(2), 1)
            right = np.mean(np.array(names)[nearest] == made.obs["cell_type"].astype(str).to_numpy())
            # By chance a third is right.
            check(right > 0.5, f"{embedding}: cells are of their types ({right:.2f})", right)
            library = np.median(np.asarray(made.X.sum(1))) / np.median(np.asarray(real[:, made.var_names].X.sum(1)))
            check(0.7 < library < 1.4, f"{embedding}: libraries are as large as real ones", library)
            figures = json.loads((run / "evaluation.json").read_text())
            check(figures and (run / "report.html").exists(), f"{embedding}: evaluated and reported", list(figures))
            lapatlas("embed", embedding, "--embed.path=new.h5ad", "--output", f"{embedding}-new.h5ad", "--embed.denoised=true", "--quiet")
            new = anndata.read_h5ad(folder / f"{embedding}-new.h5ad")
            check(new.obsm["X_lapatlas"].shape == (100, WIDTHS[embedding]), f"{embedding}: unseen cells have latents", new.obsm["X_lapatlas"].shape)
            told = np.mean(new.obs["predicted_label"].astype(str).to_numpy() == cells[600:].obs["cell_type"].astype(str).to_numpy())
            check(told > 0.8, f"{embedding}: their types are told by them", told)
            check(np.isfinite(new.obs["log_likelihood"]).all() and (new.obs["log_likelihood"] < 0).all(), f"{embedding}: likelihoods", new.obs)
            totals = np.asarray(new.X.sum(1)).ravel()
            check(np.allclose(new.layers["denoised"].sum(1), totals, rtol=1e-3), f"{embedding}: expected counts add up to the cell's", totals[:3])

        for number, (words, said) in enumerate((
            (["--model.embedding=autoencoder", "--model.likelihood=zinb"], "belongs to model.embedding = scanvi, sctag or joint"),
            (["--model.embedding=scanvi", "--model.likelihood=poisson"], "negative_binomial, or zinb"),
            (["--model.embedding=scanvi", "--input.label_key="], "the data have no labels"),
            (["--model.embedding=pca", "--model.library=absolute"], "model.library = size_factor"),
            (["--model.embedding=pca", "--model.latent=500"], "principal components"),
            (["--model.embedding=hvg", "--train.counts_on_disk=true", "--train.batch=cluster"], "train.counts_on_disk"),
            (["--model.embedding=sctag", "--train.target_epochs=99"], "train.target_epochs"),
            (["--model.embedding=sctag", "--model.target_clusters=900"], "fewer training cells"),
            (["--model.embedding=autoencoder", "--train.joint_gradient=true"], "belongs to model.embedding = laplacian"),
        )):
            answer = lapatlas("run", "c.toml", "--input.path=real.h5ad", f"--output.dir=wrong-{number}", "--quiet", *words, code=2)
            check(said in answer.errors, f"refused: {said}", answer.errors)
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
