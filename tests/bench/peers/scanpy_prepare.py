"""scanpy's way from counts to a neighbour graph: normalise, PCA, neighbours. Usage: scanpy_prepare.py FILE.h5ad COMPONENTS K

Prints one line of JSON: seconds of each step, peak memory, recall of the neighbours on a sample of 1,000 cells.
"""

import json
import os
import resource
import sys
import time

import anndata
import numpy as np
import pynndescent
import scanpy as sc
import scipy.sparse

# As many threads as the machine has; by default scanpy searches with one.
sc.settings.n_jobs = len(os.sched_getaffinity(0))
# pynndescent 0.7 with scipy 1.17 returns a sparse array, whose getnnz scanpy 1.11 asks for in vain.
_fit_transform = pynndescent.PyNNDescentTransformer.fit_transform
pynndescent.PyNNDescentTransformer.fit_transform = lambda *args, **named: scipy.sparse.csr_matrix(
    _fit_transform(*args, **named)
)

path, components, k = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
seconds = {}


def timed(name, work):
    start = time.perf_counter()
    result = work()
    seconds[name] = round(time.perf_counter() - start, 2)
    print(f"{name}: {seconds[name]} s", file=sys.stderr, flush=True)
    return result


atlas = timed("read", lambda: anndata.read_h5ad(path))
timed("normalise", lambda: (sc.pp.normalize_total(atlas, target_sum=1e4), sc.pp.log1p(atlas)))
timed("pca", lambda: sc.pp.pca(atlas, n_comps=components, mask_var=None))
# scanpy counts a cell among its own neighbours.
timed("neighbours", lambda: sc.pp.neighbors(atlas, n_neighbors=k + 1, n_pcs=components, random_state=0))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

points = atlas.obsm["X_pca"].astype(np.float32)
graph = atlas.obsp["distances"].tocsr()
chosen = np.random.default_rng(0).choice(len(points), min(1000, len(points)), replace=False)
squares = (points**2).sum(1)
found = wanted = 0
for row in chosen:
    distances = squares - 2 * points @ points[row]
    distances[row] = np.inf
    true = np.argpartition(distances, k)[:k]
    found += len(np.intersect1d(true, graph.indices[graph.indptr[row] : graph.indptr[row + 1]]))
    wanted += k
print(
    json.dumps(
        {"cells": len(points), "seconds": seconds, "peak_mib": round(peak / 1024), "recall": round(found / wanted, 4)}
    )
)
