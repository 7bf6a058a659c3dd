"""denoise_pairs.py FOLDER POOL.h5ad BATCH FILE.h5ad ...: references and queries to denoise, FOLDER/NAME.reference.h5ad and
FOLDER/NAME.query.h5ad. Of POOL the cells of BATCH (obs `batch`) are the query and all others the reference; of each further file a tenth
of the cells of every label is the query. Cells without a label are left out of queries."""

import argparse
import pathlib

import anndata
import numpy as np

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("pool", type=pathlib.Path)
parser.add_argument("batch")
parser.add_argument("files", nargs="*", type=pathlib.Path)
parser.add_argument("--label", default="cell_type")
parser.add_argument("--seed", type=int, default=0)
arguments = parser.parse_args()


def write(name, cells, in_query):
    labelled = cells.obs[arguments.label].notna().to_numpy()
    for side, chosen in (("reference", ~in_query), ("query", in_query & labelled)):
        part = cells[chosen].copy()
        part.write_h5ad(arguments.folder / f"{name}.{side}.h5ad", compression="gzip")
        print(f"{name}: {part.n_obs} cells of the {side}")


arguments.folder.mkdir(parents=True, exist_ok=True)
pool = anndata.read_h5ad(arguments.pool)
write(arguments.pool.stem, pool, (pool.obs["batch"] == arguments.batch).to_numpy())
for file in arguments.files:
    cells = anndata.read_h5ad(file)
    chance = np.random.default_rng(arguments.seed).random(cells.n_obs)
    in_query = np.zeros(cells.n_obs, bool)
    for label in cells.obs[arguments.label].dropna().unique():
        of_label = np.flatnonzero(cells.obs[arguments.label] == label)
        in_query[of_label[np.argsort(chance[of_label])[: round(len(of_label) / 10)]]] = True
    write(file.stem, cells, in_query)
