"""anndata's write_h5ad of an atlas's counts, gzip level 1 as LapAtlas has it. Usage: anndata_writing.py ATLAS.h5ad COPY.h5ad

Prints one line of JSON: cells, seconds, bytes.
"""

import importlib.metadata
import json
import pathlib
import sys
import time

import anndata

source, copy = sys.argv[1:3]
atlas = anndata.AnnData(anndata.read_h5ad(source).X)
start = time.perf_counter()
atlas.write_h5ad(copy, compression="gzip", compression_opts=1)
seconds = time.perf_counter() - start
assert (anndata.read_h5ad(copy).X != atlas.X).nnz == 0
print(json.dumps({"peer": f"anndata {importlib.metadata.version('anndata')}", "cells": atlas.n_obs, "seconds": round(seconds, 3),
                  "bytes": pathlib.Path(copy).stat().st_size}))
