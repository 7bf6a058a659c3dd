"""What a run leaves behind, for comparing two runs to the last bit."""

import csv

import h5py
import numpy as np

TIMED = {"seconds", "rank_hours", "cells_per_second", "halo_wait_seconds", "reduce_wait_seconds"}


def rows(run):
    """metrics.csv without what a clock says."""
    with open(run / "metrics.csv") as file:
        return [{name: value for name, value in row.items() if name not in TIMED} for row in csv.DictReader(file)]


def weights(run):
    found = {}
    with h5py.File(run / "checkpoints" / "last.h5") as file:
        file["tensors"].visititems(lambda name, item: found.update({name: item[:]}) if isinstance(item, h5py.Dataset) else None)
    return found


def matrix(path):
    with h5py.File(path) as file:
        return {name: file[f"X/{name}"][:] for name in ("data", "indices", "indptr")}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
