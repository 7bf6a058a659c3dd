"""scipy's eigsh for the positional encodings of a LapAtlas prepared graph: eigenvectors of I - D^-1/2 A D^-1/2 with the smallest
non-zero eigenvalues. Usage: eigsh_encodings.py PREPARED.h5 [COUNT=16]

Prints one line of JSON: seconds, largest residual of those wanted, first and last eigenvalue. ARPACK is asked for the
largest of S = D^-1/2 A D^-1/2, of which those of value 1 (one a component) are not wanted, with a tolerance that leaves
the residuals that LapAtlas stops at (1e-5).
"""

import json
import sys
import time

import h5py
import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg

count = int(sys.argv[2]) if len(sys.argv) > 2 else 16
with h5py.File(sys.argv[1]) as file:
    indptr, indices = file["train/graph/indptr"][:], file["train/graph/indices"][:]
cells = len(indptr) - 1
degree = np.diff(indptr).astype(np.float64)
scale = 1 / np.sqrt(np.maximum(degree, 1))
s = scipy.sparse.csr_matrix((np.repeat(scale, np.diff(indptr)) * scale[indices], indices, indptr), shape=(cells, cells))
start = time.perf_counter()
components = scipy.sparse.csgraph.connected_components(s, directed=False)[0]
products = 0


def product(x):
    global products
    products += 1
    return s @ x


operator = scipy.sparse.linalg.LinearOperator(s.shape, product, dtype=np.float64)
values, vectors = scipy.sparse.linalg.eigsh(operator, k=count + components, which="LA", tol=1e-5)
seconds = time.perf_counter() - start
order = np.argsort(-values)[components:]
residual = max(np.linalg.norm(s @ vectors[:, i] - values[i] * vectors[:, i]) for i in order)
print(json.dumps({"peer": f"scipy {scipy.__version__} eigsh", "cells": cells, "count": count, "seconds": round(seconds, 3),
                  "residual": float(residual), "products": products, "first": float(1 - values[order[0]]),
                  "last": float(1 - values[order[-1]])}))
