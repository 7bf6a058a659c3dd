"""scvi_atlas.py RUN FILE.h5ad OUTPUT.h5ad: scVI (Lopez et al. 2018) with its own defaults on the training cells and genes of
a LapAtlas run, one posterior predictive sample of each training cell as an atlas that `lapatlas evaluate` reads."""

import argparse
import csv
import logging
import pathlib
import time
import tomllib
import warnings

import anndata
import scvi
import torch

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("run", type=pathlib.Path)
parser.add_argument("file")
parser.add_argument("output")
parser.add_argument("--threads", type=int, default=1)
arguments = parser.parse_args()

options = tomllib.loads((arguments.run / "config.toml").read_text())
torch.set_num_threads(arguments.threads)
scvi.settings.seed = options["runtime"]["seed"]
label_key = options["input"]["label_key"]

with open(arguments.run / "split.csv", newline="") as text:
    rows = list(csv.DictReader(text))
cell_column, part_column = list(rows[0])[:2]
training = {row[cell_column] for row in rows if row[part_column] in ("train", "validation")}
genes = anndata.read_h5ad(arguments.run / "atlas.h5ad", backed="r").var_names
cells = anndata.read_h5ad(arguments.file)
cells = cells[cells.obs_names.isin(training), genes].copy()
cells.X = cells.X.astype("float32")

scvi.model.SCVI.setup_anndata(cells)
model = scvi.model.SCVI(cells)
start = time.monotonic()
model.train(accelerator="cpu", enable_progress_bar=False, logger=False)
seconds = time.monotonic() - start
counts = model.posterior_predictive_sample(n_samples=1).to_scipy_sparse().tocsr()
atlas = anndata.AnnData(counts.astype("float32"), obs=cells.obs[[label_key]].copy(), var=cells.var[[]].copy())
atlas.write_h5ad(arguments.output)
print(f"scvi-tools {scvi.__version__}: {cells.n_obs} cells, {cells.n_vars} genes, trained in {seconds:.0f} s on {arguments.threads} threads")
