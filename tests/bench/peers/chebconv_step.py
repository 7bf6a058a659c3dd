#!/usr/bin/env python3
"""One full-graph training step with PyTorch Geometric's ChebConv: the peer of our own step.

The model is LapDDPM's encoder and decoder (arXiv 2506.13344, 3.2) as its authors build them: dense input
[log1p counts, positional encodings], two ChebConv of order K, heads for mean and log variance, a decoder to log rates of
every gene, the negative-binomial likelihood, backward, one Adam step.

    chebconv_step.py FILE.h5ad | --simulate CELLSxGENES  [--hidden 256] [--order 4] [--steps 5] [--threads 1]

Prints one JSON object: seconds a step (minimum, median, maximum; the first step is not counted) and peak memory. Cells
and genes as our own configuration keeps them: genes that --min-cells cells express, the first --cells cells of a fixed
shuffle.
"""

import argparse
import json
import os
import resource
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("file", nargs="?", help="raw counts")
parser.add_argument("--simulate", metavar="CELLSxGENES", help="negative-binomial counts in place of a file")
parser.add_argument("--cells", type=int, default=2110, help="training cells taken from the file")
parser.add_argument("--min-cells", type=int, default=30, help="cells of the file that must express a gene")
parser.add_argument("--neighbours", type=int, default=15)
parser.add_argument("--encodings", type=int, default=16)
parser.add_argument("--hidden", type=int, default=256)
parser.add_argument("--latent", type=int, default=16)
parser.add_argument("--order", type=int, default=4, help="Chebyshev terms")
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()
if bool(options.file) == bool(options.simulate):
    parser.error("give a file or --simulate")
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(options.threads)

import numpy as np
import torch
from torch_geometric.nn import ChebConv

torch.set_num_threads(options.threads)
torch.manual_seed(0)


def read_counts():
    rng = np.random.default_rng(0)
    if options.simulate:
        cells, genes = map(int, options.simulate.split("x"))
        means = np.exp(rng.normal(-2.5, 1.5, genes))
        rates = means * rng.lognormal(0, 0.3, (cells, 1)) * rng.gamma(2, 0.5, (cells, genes))
        return rng.poisson(rates).astype(np.float32)
    import anndata

    matrix = anndata.read_h5ad(options.file).X.tocsr()
    kept = np.asarray((matrix > 0).sum(0)).ravel() >= options.min_cells
    rows = np.sort(rng.permutation(matrix.shape[0])[: options.cells])
    return matrix[rows][:, kept].toarray().astype(np.float32)


def neighbour_edges(counts):
    """Both directions of the symmetrised k-nearest-neighbour graph on 50 principal components."""
    scaled = torch.log1p(counts / counts.sum(1, keepdim=True).clamp(min=1) * 1e4)
    scaled = scaled - scaled.mean(0)
    u, s, _ = torch.svd_lowrank(scaled, q=min(50, *scaled.shape), niter=4)
    distances = torch.cdist(u * s, u * s)
    distances.fill_diagonal_(float("inf"))
    nearest = distances.topk(options.neighbours, largest=False).indices
    source = torch.arange(len(counts)).repeat_interleave(options.neighbours)
    edges = torch.stack([source, nearest.reshape(-1)])
    return torch.unique(torch.cat([edges, edges.flip(0)], 1), dim=1)


class Model(torch.nn.Module):
    def __init__(self, genes):
        super().__init__()
        h, d = options.hidden, options.latent
        self.first = ChebConv(genes + options.encodings, h, options.order)
        self.second = ChebConv(h, h, options.order)
        self.mean, self.log_variance = torch.nn.Linear(h, d), torch.nn.Linear(h, d)
        self.decoder = torch.nn.Sequential(
            torch.nn.Linear(d, h), torch.nn.LayerNorm(h), torch.nn.ReLU(),
            torch.nn.Linear(h, h), torch.nn.LayerNorm(h), torch.nn.ReLU(),
            torch.nn.Linear(h, genes),
        )  # fmt: skip
        self.log_dispersion = torch.nn.Parameter(torch.zeros(genes))

    def loss(self, features, counts, edges, library):
        hidden = self.first(features, edges, lambda_max=2.0).relu()
        hidden = self.second(hidden, edges, lambda_max=2.0).relu()
        mean, log_variance = self.mean(hidden), self.log_variance(hidden).clamp(-10, 10)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        rate = torch.softmax(self.decoder(latent), 1) * library
        r = self.log_dispersion.exp()
        likelihood = (
            torch.lgamma(counts + r) - torch.lgamma(r) - torch.lgamma(counts + 1)
            + r * torch.log(r / (r + rate)) + counts * torch.log(rate / (r + rate) + 1e-12)
        )  # fmt: skip
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
        return -likelihood.sum(1).mean() + kl


counts = torch.from_numpy(read_counts())
edges = neighbour_edges(counts)
library = counts.sum(1, keepdim=True)
features = torch.cat([torch.log1p(counts), torch.randn(len(counts), options.encodings)], 1)
memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = Model(counts.shape[1])
optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
seconds, losses = [], []
for _ in range(options.steps + 1):
    start = time.perf_counter()
    optimiser.zero_grad()
    loss = model.loss(features, counts, edges, library)
    loss.backward()
    optimiser.step()
    seconds.append(time.perf_counter() - start)
    losses.append(loss.item())
assert all(np.isfinite(losses)) and losses[-1] < losses[0], f"the peer does not train: {losses}"
counted = seconds[1:]
print(json.dumps({
    "peer": "PyTorch Geometric ChebConv",
    "cells": counts.shape[0], "genes": counts.shape[1], "hidden": options.hidden, "order": options.order,
    "edges": edges.shape[1] // 2, "threads": options.threads, "steps": options.steps,
    "seconds_min": round(min(counted), 3), "seconds_median": round(statistics.median(counted), 3),
    "seconds_max": round(max(counted), 3),
    "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    "peak_memory_before_training_mib": memory_before // 1024,
}))  # fmt: skip
