"""Training cells a second of scVI with its own defaults, one thread. Usage: scvi_rate.py FILE.h5ad [--cells 2110]
[--min-cells 30] [--epochs 10]

Cells and genes as chebconv_step.py takes them. Prints one line of JSON; the first epoch is not counted.
"""

import argparse
import json
import logging
import time
import warnings

import anndata
import numpy as np
import scvi
import torch
from lightning.pytorch.callbacks import Callback

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("file")
parser.add_argument("--cells", type=int, default=2110)
parser.add_argument("--min-cells", type=int, default=30)
parser.add_argument("--epochs", type=int, default=10)
options = parser.parse_args()
torch.set_num_threads(1)
scvi.settings.seed = 0

data = anndata.read_h5ad(options.file)
kept = np.asarray((data.X > 0).sum(0)).ravel() >= options.min_cells
rows = np.sort(np.random.default_rng(0).permutation(data.n_obs)[: options.cells])
data = data[rows, kept].copy()
data.X = data.X.astype("float32")


class Clock(Callback):
    def __init__(self):
        self.ends, self.figures = [], {}

    def on_train_epoch_end(self, trainer, module):
        self.ends.append(time.perf_counter())
        self.figures = {name: float(value) for name, value in trainer.callback_metrics.items()}


clock = Clock()
scvi.model.SCVI.setup_anndata(data)
model = scvi.model.SCVI(data)
model.train(max_epochs=options.epochs, accelerator="cpu", train_size=1.0, enable_progress_bar=False, logger=False,
            callbacks=[clock])
losses = [value for name, value in clock.figures.items() if "loss" in name]
assert losses and np.isfinite(losses).all(), f"the peer does not train: {clock.figures}"
seconds = (clock.ends[-1] - clock.ends[0]) / (len(clock.ends) - 1)
print(json.dumps({"peer": f"scvi-tools {scvi.__version__}", "cells": data.n_obs, "genes": data.n_vars,
                  "seconds_an_epoch": round(seconds, 3), "cells_a_second": round(data.n_obs / seconds, 1)}))
