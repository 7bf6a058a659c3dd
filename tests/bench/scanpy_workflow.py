#!/usr/bin/env python3
"""Takes generated cells and as many real ones through a standard scanpy workflow and sets them side by side: quality
control, normalisation, highly variable genes, PCA, neighbours, Leiden, rank_genes_groups.

    scanpy_workflow.py REAL.h5ad GENERATED.h5ad [--label-key cell_type] [--seed 0]

Prints one JSON object: adjusted Rand index of Leiden clusters and labels on either side, and for each type the overlap of
its top 50 markers (Wilcoxon) between the two. For the tests' Python (launch/setup --with-tests).
"""

import argparse
import json

import anndata
import numpy as np
import scanpy as sc
from sklearn.metrics import adjusted_rand_score


def workflow(atlas, label_key, seed):
    sc.pp.calculate_qc_metrics(atlas, percent_top=None, inplace=True)
    sc.pp.filter_cells(atlas, min_genes=200)
    sc.pp.filter_genes(atlas, min_cells=3)
    sc.pp.normalize_total(atlas, target_sum=1e4)
    sc.pp.log1p(atlas)
    atlas.raw = atlas
    sc.pp.highly_variable_genes(atlas, n_top_genes=2000)
    sc.pp.pca(atlas, n_comps=40, mask_var="highly_variable", random_state=seed)
    sc.pp.neighbors(atlas, n_neighbors=15, n_pcs=40, random_state=seed)
    best = (0.0, None, 0)
    for resolution in (0.3, 0.5, 0.8, 1.0):
        sc.tl.leiden(atlas, resolution=resolution, random_state=seed, flavor="igraph", n_iterations=2, key_added="leiden")
        score = adjusted_rand_score(atlas.obs[label_key], atlas.obs["leiden"])
        best = max(best, (score, resolution, int(atlas.obs["leiden"].nunique())))
    sizes = atlas.obs[label_key].value_counts()
    groups = [name for name, size in sizes.items() if size >= 5]
    sc.tl.rank_genes_groups(atlas, label_key, groups=groups, method="wilcoxon", n_genes=50)
    markers = {g: list(atlas.uns["rank_genes_groups"]["names"][g]) for g in groups}
    return {"cells": int(atlas.n_obs), "genes": int(atlas.n_vars), "ari": best[0], "resolution": best[1],
            "clusters": best[2]}, markers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("real")
    parser.add_argument("generated")
    parser.add_argument("--label-key", default="cell_type")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    real, generated = anndata.read_h5ad(arguments.real), anndata.read_h5ad(arguments.generated)
    real = real[real.obs[arguments.label_key].notna().to_numpy(), generated.var_names].copy()
    found, markers = {}, {}
    for name, atlas in (("real", real), ("generated", generated)):
        found[name], markers[name] = workflow(atlas.copy(), arguments.label_key, arguments.seed)
    found["marker_overlap"] = {
        kind: len(set(markers["real"][kind]) & set(markers["generated"][kind])) / 50
        for kind in markers["real"] if kind in markers["generated"]}
    found["mean_marker_overlap"] = float(np.mean(list(found["marker_overlap"].values())))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
