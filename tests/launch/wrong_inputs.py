"""Small .h5ad files, each with one thing wrong or odd, and how the program is expected to answer."""

import shutil

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse

CELLS, GENES, TYPES = 240, 80, 3

# Small enough for a second, large enough that nothing in it deserves a warning.
CONFIG = """
[input]
label_key = "cell_type"
[prepare]
min_cells = 1
pca_components = 5
k = 5
encodings = 4
clusters = 8
[model]
hidden = 16
latent = 4
score_width = 16
score_blocks = 1
[train]
joint_epochs = 2
score_steps = 5
validate_every = 1
[generate]
steps = 2
[evaluate]
halvings = 2
pca_components = 5
min_type_cells = 5
trees = 5
"""


def small_atlas(cells=CELLS):
    """Poisson counts of three equally common types, each with its own genes."""
    rng = np.random.default_rng(7)
    types = np.arange(cells) % TYPES
    rates = np.exp(rng.normal(0.5, 0.7, size=(TYPES, GENES)))
    counts = rng.poisson(rates[types]).astype(np.float32)
    counts[:, 0] += 1  # no cell is empty
    counts[0, :] += 1  # no gene is all zero
    obs = pd.DataFrame(
        {"cell_type": pd.Categorical([f"type{t}" for t in types])}, index=[f"cell{i}" for i in range(cells)]
    )
    var = pd.DataFrame(index=[f"gene{i}" for i in range(GENES)])
    return anndata.AnnData(scipy.sparse.csr_matrix(counts), obs=obs, var=var)


def with_value(value, row=100, column=40):
    atlas = small_atlas()
    dense = atlas.X.toarray()
    dense[row, column] = value
    atlas.X = scipy.sparse.csr_matrix(dense)
    return atlas


class Case:
    """One call of `lapatlas run`: the input file, further arguments, and what its answer must mention."""

    def __init__(self, name, mention, path=None, arguments=(), config=CONFIG, config_path=None):
        self.name, self.mention, self.path = name, mention, path
        self.arguments, self.config, self.config_path = list(arguments), config, config_path


def write(folder, name, atlas):
    path = folder / f"{name}.h5ad"
    atlas.write_h5ad(path)
    return path


def refused(folder, ranks):
    """What must end with exit code 2 and one line. `mention` is a regular expression the line has to match."""
    good = write(folder, "good", small_atlas())

    text = folder / "text.h5ad"
    text.write_text("cell,gene,count\n1,1,1\n")
    truncated = folder / "truncated.h5ad"
    truncated.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    empty_folder = folder / "folder.h5ad"
    empty_folder.mkdir()
    without_x = folder / "without_x.h5ad"
    shutil.copy(good, without_x)
    with h5py.File(without_x, "r+") as file:
        del file["X"]

    linked = {}
    for name, link in (("away", h5py.ExternalLink("good.h5ad", "/X")), ("soft", h5py.SoftLink("/layers/counts"))):
        linked[name] = folder / f"{name}.h5ad"
        shutil.copy(good, linked[name])
        with h5py.File(linked[name], "r+") as file:
            file.move("X", "layers/counts")
            file["X"] = link
    (folder / "inner").mkdir()
    index = folder / "inner" / "all.shards.json"
    index.write_text('{"format": "lapatlas-shards", "version": 1, "shards": [{"file": "../good.h5ad", "cells": 240}]}')

    no_cells = small_atlas()[:0].copy()
    typo = CONFIG.replace("min_cells = 1", "min_cels = 1")
    cases = [
        Case("missing file", r"nowhere\.h5ad", folder / "nowhere.h5ad"),
        Case("not HDF5", r"text\.h5ad", text),
        Case("truncated file", r"truncated\.h5ad", truncated),
        Case("a directory", r"folder\.h5ad", empty_folder),
        Case("no X", r"without_x\.h5ad", without_x),
        Case("a link to another file", r"away\.h5ad.*'X'.*another file", linked["away"]),
        Case("a soft link", r"soft\.h5ad.*'X'.*soft link", linked["soft"]),
        Case("an index that leads out of its folder", r"all\.shards\.json.*\.\./good\.h5ad", index),
        Case("no such layer", r"nowhere", good, ["--input.layer=layers/nowhere"]),
        Case("no such label key", r"cell_typo.*cell_type", good, ["--input.label_key=cell_typo"]),
        Case("no such batch key", r"donor", good, ["--input.batch_key=donor"]),
        Case("no such device", r"runtime\.device.*gpu.*auto, cpu or cuda", good, ["--device=gpu"]),
        Case("no such split key", r"fold", good, ["--input.split_key=fold"]),
        Case("negative count", r"cell100.*gene40.*-3", write(folder, "negative", with_value(-3))),
        Case("NaN count", r"cell100.*gene40", write(folder, "nan", with_value(np.nan))),
        Case("infinite count", r"cell100.*gene40", write(folder, "infinite", with_value(np.inf))),
        Case("fractional count", r"cell100.*gene40.*2\.5", write(folder, "fractional", with_value(2.5))),
        Case("zero cells", r"no cells?\b|zero cells", write(folder, "no_cells", no_cells)),
        Case("zero genes after filtering", r"min_cells", good, ["--prepare.min_cells=100000"]),
        Case("zero cells after filtering", r"min_genes", good, ["--prepare.min_genes=100000"]),
        Case("config typo", r"min_cels.*min_cells", good, config=typo),
        Case("option typo", r"min_cels.*min_cells", good, ["--prepare.min_cels=1"]),
        Case("config section typo", r"prepar\b.*prepare", good, config=CONFIG.replace("[prepare]", "[prepar]")),
        Case("wrong type", r"joint_epochs", good, ["--train.joint_epochs=many"]),
        Case("wrong choice", r"gauss.*poisson", good, ["--model.likelihood=gauss"]),
        Case("out of range", r"test_fraction", good, ["--input.test_fraction=1.5"]),
        Case("config is not TOML", r"config", good, config="[input\nlabel_key = \n"),
        Case("missing config", r"nowhere\.toml", good, config_path=folder / "nowhere.toml"),
        Case("output folder is a file", r"text\.h5ad", good, [f"--output.dir={text}"]),
    ]
    if ranks > 1:
        cases.append(Case("fewer cells than ranks", r"ranks?", write(folder, "few", small_atlas(ranks - 1))))
    return cases


def accepted(folder):
    """What must work with exactly one warning. `mention` is a regular expression that the warning has to match."""
    cell_names = small_atlas()
    cell_names.obs_names = ["same", "same"] + list(cell_names.obs_names[2:])
    gene_names = small_atlas()
    gene_names.var_names = ["same", "same"] + list(gene_names.var_names[2:])

    single = small_atlas()
    labels = single.obs["cell_type"].astype(str).to_numpy()
    labels[17] = "alone"
    single.obs["cell_type"] = pd.Categorical(labels)

    rare = small_atlas()
    labels = rare.obs["cell_type"].astype(str).to_numpy()
    labels[:4] = "scarce"
    rare.obs["cell_type"] = pd.Categorical(labels)

    unlabelled = small_atlas()
    labels = unlabelled.obs["cell_type"].astype(object).to_numpy()
    labels[::10] = np.nan
    unlabelled.obs["cell_type"] = pd.Categorical(labels)

    empty = small_atlas()
    dense = empty.X.toarray()
    dense[[30, 31, 32]] = 0
    empty.X = scipy.sparse.csr_matrix(dense)

    return [
        Case("duplicate cell names", r"(?i)cell.*(same|duplicate|unique)", write(folder, "cell_names", cell_names)),
        Case("duplicate gene names", r"(?i)gene.*(same|duplicate|unique)", write(folder, "gene_names", gene_names)),
        Case("a label with one cell", r"alone", write(folder, "single", single)),
        Case("types too rare to model", r"scarce", write(folder, "rare", rare)),
        Case("unlabelled cells", r"(?i)label", write(folder, "unlabelled", unlabelled)),
        Case("empty cells", r"(?i)(empty|no counts|without counts)", write(folder, "empty", empty)),
        Case("fewer cells than k", r"\bk\b", write(folder, "plain", small_atlas()), ["--prepare.k=1000"]),
    ]
