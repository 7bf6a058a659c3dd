"""Writes .h5ad and 10x files of every kind that is around, has io_tool read them on a number of ranks and compares with
what was written; has io_tool write files and reads them with anndata and scanpy, warnings being errors.

usage: anndata_roundtrip.py --ranks R --tool PATH --launch "mpiexec ... -n"
"""

import argparse
import gzip
import json
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scanpy as sc
import scipy.io
import scipy.sparse as sp

random = np.random.default_rng(0)
CELLS, GENES = 41, 23
COUNTS = random.poisson(random.gamma(0.3, 2.0, GENES), (CELLS, GENES)).astype(np.float32)
COUNTS[:, 0] += 1  # no empty cell
COUNTS[0, :] += 1  # no silent gene
LABELS = np.array(["T cell", "B cell", "Mono"])[random.integers(0, 3, CELLS)]
CELL_NAMES = np.array([f"AAC{i:03d}-1" for i in range(CELLS)])
GENE_NAMES = np.array([f"GENE{i}" for i in range(GENES)])
cases = []  # (name, options of the reader, check(result))


def frame():
    labels = pd.Series(LABELS, index=CELL_NAMES).astype("category")
    with_missing = labels.copy()
    with_missing.iloc[[1, 5]] = np.nan
    return pd.DataFrame(
        {
            "label": labels,
            "partly": with_missing,
            "number": np.arange(CELLS, dtype=np.int64) % 3,
            "real": np.where(np.arange(CELLS) % 2 == 0, 0.5, np.nan),
            "flag": np.arange(CELLS) % 2 == 0,
            "text": np.char.add("t", LABELS.astype(str)).astype(object),
            "split": np.array(["train", "test", "validation"])[np.arange(CELLS) % 3],
        },
        index=CELL_NAMES,
    )


def atlas(x, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ad.AnnData(X=x, obs=frame(), var=pd.DataFrame(index=GENE_NAMES), **more)


def label_texts(result, codes="labels", names="label_names"):
    return [None if code < 0 else result[names][code] for code in result[codes]]


def expect(name, options, counts=COUNTS, matrix="X", genes=GENE_NAMES, warned=0, **fields):
    """The reader must give these counts (dense) and fields."""

    def check(result):
        assert "error" not in result, result["error"]
        got = np.zeros(counts.shape, np.float32)
        offsets = result["offsets"]
        for row in range(counts.shape[0]):
            columns = result["genes"][offsets[row] : offsets[row + 1]]
            assert columns == sorted(set(columns)), "columns ascend"
            got[row, columns] = result["values"][offsets[row] : offsets[row + 1]]
        np.testing.assert_array_equal(got, counts)
        assert all(value > 0 for value in result["values"])
        assert result["matrix_name"] == matrix, result["matrix_name"]
        assert result["gene_names"] == list(genes)
        if "cell_names" not in fields:
            assert result["cell_names"] == list(CELL_NAMES)
        if options.get("label_key") == "label":
            assert label_texts(result) == list(LABELS)
            assert result["label_names"] == sorted(set(LABELS))
        for field, value in fields.items():
            assert result[field] == value, (field, result[field], value)
        assert len(result["warnings"]) == warned, result["warnings"]

    cases.append((name, options, check))


def expect_error(name, options, *words):
    def check(result):
        assert result.get("exit_code") == 2, result
        for word in words:
            assert word in result["error"], (word, result["error"])
        assert "\n" not in result["error"]

    cases.append((name, options, check))


def make_anndata_cases(folder):
    """Files that today's anndata writes."""

    def write(name, data):
        path = str(folder / f"{name}.h5ad")
        data.write_h5ad(path)
        return path

    for kind, x in {
        "csr": sp.csr_matrix(COUNTS),
        "csc": sp.csc_matrix(COUNTS),
        "dense": COUNTS,
        "csr_f64": sp.csr_matrix(COUNTS.astype(np.float64)),
        "csr_int": sp.csr_matrix(COUNTS.astype(np.int64)),
        "csc_int16": sp.csc_matrix(COUNTS.astype(np.int16)),
        "dense_int": COUNTS.astype(np.int32),
        "dense_u8": COUNTS.astype(np.uint8),
    }.items():
        expect(kind, {"path": write(kind, atlas(x)), "label_key": "label"})
    gz = str(folder / "gz.h5ad")
    atlas(sp.csr_matrix(COUNTS)).write_h5ad(gz, compression="gzip")
    expect("gzip", {"path": gz, "label_key": "label"})

    path = write("columns", atlas(sp.csr_matrix(COUNTS)))
    partly = list(LABELS)
    partly[1] = partly[5] = ""
    expect("category as batch", {"path": path, "batch_key": "partly", "split_key": "split"},
           batches=[-1 if not t else sorted(set(LABELS)).index(t) for t in partly],
           split_values=list(frame()["split"]), labels=[-1] * CELLS, label_names=[])
    expect("missing labels", {"path": path, "label_key": "partly", "split_group_key": "partly"}, warned=1,
           labels=[-1 if not t else sorted(set(LABELS)).index(t) for t in partly], split_groups=partly)
    expect("integers as labels", {"path": path, "label_key": "number"}, label_names=["0", "1", "2"],
           labels=[i % 3 for i in range(CELLS)])
    expect("booleans as labels", {"path": path, "label_key": "flag"}, label_names=["False", "True"],
           labels=[1 - i % 2 for i in range(CELLS)])
    expect("reals as groups", {"path": path, "split_group_key": "real"},
           split_groups=["0.5" if i % 2 == 0 else "" for i in range(CELLS)])
    expect("text as labels", {"path": path, "label_key": "text"}, label_names=sorted({"t" + t for t in LABELS}))
    expect_error("no such label key", {"path": path, "label_key": "lable"}, "lable", "'label'", "input.label_key")
    expect_error("no such layer", {"path": path, "layer": "layers/count"}, "layers/count", "input.layer")

    nullable = atlas(sp.csr_matrix(COUNTS))
    nullable.obs["maybe"] = pd.array([None if i % 4 == 0 else i % 3 for i in range(CELLS)], dtype="Int64")
    expect("nullable integers", {"path": write("nullable", nullable), "label_key": "maybe"}, warned=1,
           labels=[-1 if i % 4 == 0 else i % 3 for i in range(CELLS)])

    logged = np.log1p(COUNTS * 1e4 / COUNTS.sum(1, keepdims=True)).astype(np.float32)
    layered = atlas(sp.csr_matrix(logged), layers={"counts": sp.csc_matrix(COUNTS), "norm": logged})
    path = write("layered", layered)
    expect("counts found in a layer", {"path": path, "label_key": "label"}, matrix="layers/counts")
    expect("asked for", {"path": path, "layer": "layers/counts"}, matrix="layers/counts")
    expect("asked for by its bare name", {"path": path, "layer": "counts"}, matrix="layers/counts")
    expect_error("logged asked for", {"path": path, "layer": "X"}, "'layers/counts'", "is not whole", "recover_counts",
                 "AAC000-1", "GENE0")

    raw = atlas(sp.csr_matrix(COUNTS))
    raw.raw = raw
    raw = raw[:, :7].copy()
    raw.X = np.asarray(raw.X.todense()) - 7
    path = write("raw", raw)
    expect("counts found in raw", {"path": path, "label_key": "label"}, matrix="raw/X")
    expect("raw asked for", {"path": path, "layer": "raw"}, matrix="raw/X")
    expect_error("negative", {"path": path, "layer": "X"}, "is negative", "'raw/X'")

    path = write("logged", atlas(sp.csr_matrix(logged)))
    expect_error("log-normalised", {"path": path}, "input.recover_counts")
    expect("recovered by the smallest", {"path": path, "recover_counts": True},
           matrix="X, counts recovered as expm1(x) / the cell's smallest")
    totals = atlas(logged)
    totals.obs["n_counts"] = COUNTS.sum(1)
    expect("recovered by totals", {"path": write("totals", totals), "recover_counts": True},
           matrix="X, counts recovered as expm1(x) * obs 'n_counts' / 10000")
    expect_error("no counts to recover", {"path": write("sqrt", atlas(np.sqrt(COUNTS))), "recover_counts": True},
                 "cannot be recovered", "cell '")

    for value, words in ((-2, "is negative"), (np.nan, "is not a number"), (np.inf, "is infinite"), (2.5, "is not whole")):
        bad = COUNTS.copy()
        bad[17, 4] = bad[30, 2] = value
        path = write(f"bad{value}", atlas(sp.csr_matrix(bad)))
        expect_error(f"value {value}", {"path": path}, "AAC017-1", "GENE4", words)

    odd = atlas(sp.csr_matrix(COUNTS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd.var_names = ["A", "A", "A-1", "A"] + list(GENE_NAMES[4:])
        odd.obs_names = ["x"] * CELLS
        path = write("duplicates", odd)
        same = pd.Index(odd.var_names)
        odd.var_names_make_unique()
        odd.obs_names_make_unique()
    assert same[1] == "A"
    expect("duplicate names", {"path": path}, genes=odd.var_names, cell_names=list(odd.obs_names), warned=2)

    empty = COUNTS.copy()
    empty[3] = 0
    empty[:, 5] = 0
    expect("empty cell and gene", {"path": write("empty", atlas(sp.csr_matrix(empty)))}, counts=empty, warned=2)

    ids = atlas(sp.csr_matrix(COUNTS))
    ensembl = [f"ENSG{10**10 + i}" for i in range(GENES)]
    ids.var["feature_name"] = pd.Categorical(GENE_NAMES)
    ids.var_names = ensembl
    expect("Ensembl index", {"path": write("ensembl", ids)}, gene_ids=ensembl)
    ids = atlas(sp.csr_matrix(COUNTS))
    ids.var["gene_ids"] = ensembl
    expect("ids in a column", {"path": write("gene_ids", ids)}, gene_ids=ensembl)

    expect_error("no cells", {"path": write("none", atlas(sp.csr_matrix(COUNTS))[:0].copy())}, "no cells")
    few = atlas(sp.csr_matrix(COUNTS))[:1].copy()
    expect("one cell", {"path": write("one", few), "label_key": "number"}, counts=COUNTS[:1],
           cell_names=["AAC000-1"])

    expect_error("missing file", {"path": str(folder / "nothing.h5ad")}, "no such file")
    (folder / "text.h5ad").write_text("text")
    expect_error("not HDF5", {"path": str(folder / "text.h5ad")}, "not an HDF5 file")
    whole = Path(gz).read_bytes()
    (folder / "cut.h5ad").write_bytes(whole[: len(whole) // 2])
    expect_error("cut off", {"path": str(folder / "cut.h5ad")}, "truncated")
    (folder / "emptydir").mkdir()
    expect_error("empty folder", {"path": str(folder / "emptydir")}, "matrix.mtx")


def make_old_cases(folder):
    """Files of older writers, by hand: anndata 0.6 (records, no attributes) and 0.7 (__categories, references)."""
    csr = sp.csr_matrix(COUNTS)
    kinds = sorted(set(LABELS))
    codes = np.array([kinds.index(t) for t in LABELS], np.int8)

    def sparse(file, name, matrix, kind, old):
        group = file.create_group(name)
        for part in ("data", "indices", "indptr"):
            group[part] = getattr(matrix, part)
        group.attrs["h5sparse_format" if old else "encoding-type"] = kind if old else kind + "_matrix"
        group.attrs["h5sparse_shape" if old else "shape"] = matrix.shape

    path = str(folder / "v06.h5ad")
    with h5py.File(path, "w") as file:
        sparse(file, "X", csr, "csr", True)
        obs = np.zeros(CELLS, [("index", "S12"), ("label", "i1"), ("n", "<i8"), ("free", "S8"), ("ok", "?")])
        obs["index"], obs["label"], obs["n"] = CELL_NAMES.astype("S"), codes, np.arange(CELLS) % 2
        obs["free"], obs["ok"] = LABELS.astype("S"), np.arange(CELLS) % 2 == 0
        obs["label"][2] = -1
        file["obs"] = obs
        var = np.zeros(GENES, [("index", "S12"), ("n", "<f4")])
        var["index"] = GENE_NAMES.astype("S")
        file["var"] = var
        file["uns/label_categories"] = np.array(kinds, "S")
    expected = codes.tolist()
    expected[2] = -1
    expect("0.6 categories", {"path": path, "batch_key": "label"}, batches=expected, batch_names=kinds)
    expect("0.6 text", {"path": path, "batch_key": "free"}, batches=codes.tolist(), batch_names=kinds)
    expect("0.6 numbers", {"path": path, "label_key": "n"}, label_names=["0", "1"])
    expect("0.6 booleans", {"path": path, "label_key": "ok"}, label_names=["False", "True"])

    path = str(folder / "v06raw.h5ad")
    with h5py.File(path, "w") as file:
        file["X"] = COUNTS[:, :5] - 1.5
        sparse(file, "raw.X", csr.tocsc(), "csc", True)
        file["obs"], file["raw.var"], file["var"] = obs, var, var[:5]
    expect("0.6 raw", {"path": path}, matrix="raw/X")

    for by_reference in (True, False):
        path = str(folder / f"v07{by_reference}.h5ad")
        with h5py.File(path, "w") as file:
            sparse(file, "X", csr, "csr", False)
            text = h5py.string_dtype()
            for name, index in (("obs", CELL_NAMES), ("var", GENE_NAMES)):
                group = file.create_group(name)
                group.attrs.update({"_index": "names", "encoding-type": "dataframe", "encoding-version": "0.1.0"})
                group["names"] = np.array(list(index), dtype=text)
            file["obs"]["label"] = codes
            file["obs/__categories/label"] = np.array(kinds, dtype=text)
            if by_reference:
                file["obs/label"].attrs["categories"] = file["obs/__categories/label"].ref
        expect(f"0.7 categories {by_reference}", {"path": path, "label_key": "label"})

    unsorted = folder / "unsorted.h5ad"
    atlas(csr).write_h5ad(unsorted)
    with h5py.File(unsorted, "r+") as file:  # reversed columns, one entry in two halves, one stored zero
        data, indices, indptr = (file["X"][part][:] for part in ("data", "indices", "indptr"))
        rows = [(list(indices[a:b][::-1]), list(data[a:b][::-1])) for a, b in zip(indptr, indptr[1:])]
        rows[1][0].append(0), rows[1][1].append(4)
        expected = COUNTS.copy()
        expected[1, 0] += 4
        hole = int(np.flatnonzero(COUNTS[2] == 0)[0])
        rows[2][0].append(hole), rows[2][1].append(0)
        for part in ("data", "indices", "indptr"):
            del file["X"][part]
        file["X/data"] = np.concatenate([row[1] for row in rows]).astype(np.float32)
        file["X/indices"] = np.concatenate([row[0] for row in rows]).astype(np.int32)
        file["X/indptr"] = np.cumsum([0] + [len(row[0]) for row in rows])
    expect("unsorted, repeated, zero", {"path": str(unsorted)}, counts=expected, warned=1)
    broken = folder / "broken.h5ad"
    shutil.copy(unsorted, broken)
    with h5py.File(broken, "r+") as file:
        file["X/indices"][-1] = GENES
    expect_error("column outside", {"path": str(broken)}, "damaged", f"column {GENES}")
    broken = folder / "short.h5ad"
    shutil.copy(unsorted, broken)
    with h5py.File(broken, "r+") as file:
        del file["X/indptr"]
        file["X/indptr"] = np.arange(5)
    expect_error("row starts missing", {"path": str(broken)}, "damaged")


def make_tenx_cases(folder):
    ids = [f"ENSG{i}" for i in range(GENES)]
    by_gene = sp.csc_matrix(COUNTS.T)
    types = ["Gene Expression"] * (GENES - 2) + ["Antibody Capture"] * 2
    genes_only = dict(counts=COUNTS[:, : GENES - 2], genes=GENE_NAMES[: GENES - 2], gene_ids=ids[: GENES - 2])
    for version in (2, 3):
        path = str(folder / f"tenx{version}.h5")
        with h5py.File(path, "w") as file:
            group = file.create_group("matrix" if version == 3 else "hg19")
            for part in ("data", "indices", "indptr"):
                group[part] = getattr(by_gene, part).astype(np.int64)
            group["shape"] = np.array([GENES, CELLS], np.int32)
            group["barcodes"] = CELL_NAMES.astype("S")
            if version == 3:
                group["features/id"], group["features/name"] = np.array(ids, "S"), GENE_NAMES.astype("S")
                group["features/feature_type"] = np.array(types, "S")
            else:
                group["genes"], group["gene_names"] = np.array(ids, "S"), GENE_NAMES.astype("S")
        if version == 3:
            expect("10x h5 version 3", {"path": path}, matrix="matrix", **genes_only)
        else:
            expect("10x h5 version 2", {"path": path}, matrix="hg19", gene_ids=ids)
    expect_error("10x has no labels", {"path": path, "label_key": "label"}, "label_key")

    old, new = folder / "mtx2", folder / "mtx3"
    old.mkdir(), new.mkdir()
    scipy.io.mmwrite(old / "matrix.mtx", by_gene.astype(np.int32), field="integer")
    (old / "genes.tsv").write_text("".join(f"{i}\t{n}\n" for i, n in zip(ids, GENE_NAMES)))
    (old / "barcodes.tsv").write_text("".join(f"{n}\n" for n in CELL_NAMES))
    expect("10x folder version 2", {"path": str(old)}, matrix="matrix.mtx", gene_ids=ids)
    with gzip.open(new / "matrix.mtx.gz", "wb") as file:
        scipy.io.mmwrite(file, by_gene.astype(np.int32), field="integer")
    with gzip.open(new / "features.tsv.gz", "wt") as file:
        file.writelines(f"{i}\t{n}\t{t}\n" for i, n, t in zip(ids, GENE_NAMES, types))
    with gzip.open(new / "barcodes.tsv.gz", "wt") as file:
        file.writelines(f"{n}\n" for n in CELL_NAMES)
    expect("10x folder version 3", {"path": str(new)}, matrix="matrix.mtx", **genes_only)
    cut = folder / "mtxcut"
    shutil.copytree(new, cut)
    whole = (cut / "matrix.mtx.gz").read_bytes()
    (cut / "matrix.mtx.gz").write_bytes(whole[: len(whole) - 200])
    expect_error("10x folder cut off", {"path": str(cut)}, "matrix.mtx.gz, line")


def check_shipped_pbmc():
    """The excerpt that scanpy ships: scaled X, log-normalised raw.X rounded to 3 decimals, totals of all genes."""
    path = Path(sc.__file__).parent / "datasets" / "10x_pbmc68k_reduced.h5ad"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = ad.read_h5ad(path)
    counts = np.rint(np.expm1(data.raw.X.toarray().astype(np.float64)) * data.obs["n_counts"].to_numpy(np.float64)[:, None] / 1e4)
    expect("scanpy's pbmc68k_reduced", {"path": str(path), "label_key": "bulk_labels", "recover_counts": True},
           counts=counts.astype(np.float32), genes=data.raw.var_names, cell_names=list(data.obs_names),
           matrix="raw/X, counts recovered as expm1(x) * obs 'n_counts' / 10000",
           label_names=sorted(data.obs["bulk_labels"].cat.categories))
    expect_error("scanpy's pbmc68k_reduced as it is", {"path": str(path)}, "'raw/X' looks log-normalised")


def make_joined_cases(folder):
    """Several files as one atlas, as anndata.concat joins them."""
    parts = []
    for number, (kind, genes) in enumerate([(sp.csr_matrix, np.arange(GENES)),
                                            (sp.csc_matrix, random.permutation(GENES)[:17]),
                                            (np.asarray, np.arange(3, GENES)[::-1])]):
        part = atlas(sp.csr_matrix(COUNTS))[number * 5 : 30 + number, genes].copy()
        part.X = kind(part.X.toarray())
        part.obs_names = [f"{name}_{number}" for name in part.obs_names]
        part.var["gene_ids"] = [f"ENSG{10000000000 + gene}" for gene in genes]
        part.write_h5ad(folder / f"part{number}.h5ad")
        parts.append(part)
    paths = ",".join(str(folder / f"part{number}.h5ad") for number in range(3))

    def joined_by(join):
        whole = ad.concat(parts, join=join, fill_value=0, label="batch", keys=["part0", "part1", "part2"])
        firsts = [name for part in parts for name in part.var_names]
        names = [name for name in dict.fromkeys(firsts) if name in set(whole.var_names)]
        return whole[:, names], names

    for join in ("inner", "outer"):
        whole, names = joined_by(join)
        expect(f"three files, {join}",
               {"path": paths, "join_genes": join, "label_key": "text", "split_key": "split", "batch_from_file": True},
               counts=np.asarray(whole.X.toarray() if sp.issparse(whole.X) else whole.X), genes=names,
               cell_names=list(whole.obs_names), batch_names=["part0", "part1", "part2"],
               batches=[int(name[-1]) for name in whole.obs["batch"]], split_values=list(whole.obs["split"]),
               label_names=sorted(set(whole.obs["text"])),
               labels=[sorted(set(whole.obs["text"])).index(text) for text in whole.obs["text"]],
               gene_ids=[f"ENSG{10000000000 + list(GENE_NAMES).index(name)}" for name in names])

    # Other symbols, the same Ensembl ids.
    renamed = parts[1].copy()
    renamed.var_names = [f"old{i}" for i in range(renamed.n_vars)]
    renamed.write_h5ad(folder / "renamed.h5ad")
    whole = ad.concat([parts[0][:, parts[1].var_names], parts[1]])
    whole = whole[:, [name for name in parts[0].var_names if name in set(parts[1].var_names)]]
    expect("two files by Ensembl id", {"path": f"{folder / 'part0.h5ad'},{folder / 'renamed.h5ad'}"},
           counts=whole.X.toarray(), genes=list(whole.var_names), cell_names=list(whole.obs_names), batches=[])

    index = {"format": "lapatlas-shards", "version": 1,
             "shards": [{"file": f"part{number}.h5ad", "cells": part.n_obs} for number, part in enumerate(parts)]}
    (folder / "all.shards.json").write_text(json.dumps(index))
    whole, names = joined_by("inner")
    expect("an index of shards", {"path": str(folder / "all.shards.json")}, counts=whole.X.toarray(), genes=names,
           cell_names=list(whole.obs_names))
    expect("one file as a batch", {"path": str(folder / "part0.h5ad"), "batch_from_file": True},
           counts=parts[0].X.toarray(), cell_names=list(parts[0].obs_names), batch_names=["part0"],
           batches=[0] * parts[0].n_obs)

    index["shards"] = index["shards"][:1]
    (folder / "one.shards.json").write_text(json.dumps(index))
    expect("an index of one shard", {"path": str(folder / "one.shards.json")}, counts=parts[0].X.toarray(),
           cell_names=list(parts[0].obs_names))

    # Every sample's file is called alike, in a folder of its own.
    for number in range(2):
        (folder / f"sample{number}").mkdir()
        parts[number].write_h5ad(folder / f"sample{number}" / "counts.h5ad")
    alike = f"{folder / 'sample0/counts.h5ad'},{folder / 'sample1/counts.h5ad'}"
    whole = ad.concat([parts[0][:, parts[1].var_names], parts[1]])
    whole = whole[:, [name for name in parts[0].var_names if name in set(parts[1].var_names)]]
    expect("files called alike", {"path": alike, "batch_from_file": True}, counts=whole.X.toarray(), genes=list(whole.var_names),
           cell_names=list(whole.obs_names), batch_names=["sample0/counts", "sample1/counts"],
           batches=[0] * parts[0].n_obs + [1] * parts[1].n_obs)
    (folder / "more" / "sample0").mkdir(parents=True)
    parts[1].write_h5ad(folder / "more" / "sample0" / "counts.h5ad")
    expect_error("in folders called alike", {"path": f"{folder / 'sample0/counts.h5ad'},{folder / 'more/sample0/counts.h5ad'}",
                                             "batch_from_file": True}, "same name", "batch_from_file")

    # An id that names two rows of a file is one gene, and no gene of a file that has it not.
    first, second = parts[0][:, :4].copy(), parts[0][:, :4].copy()
    first.var["gene_ids"] = ["ENSG1", "ENSG1", "ENSG2", "ENSG9"]
    second.var["gene_ids"] = ["ENSG2", "ENSG1", "ENSG3", "ENSG3"]
    second.var_names = [f"other{i}" for i in range(4)]
    for part in (first, second):
        part.X = sp.csr_matrix(part.X.toarray() + np.arange(1, 5, dtype="float32"))
    first.write_h5ad(folder / "first.h5ad")
    a, b = first.X.toarray(), second.X.toarray()
    second.obs_names = [f"of second {name}" for name in second.obs_names]
    second.write_h5ad(folder / "second.h5ad")
    expect("an id twice in a file", {"path": f"{folder / 'first.h5ad'},{folder / 'second.h5ad'}"}, gene_ids=["ENSG1", "ENSG2"],
           genes=[first.var_names[0], first.var_names[2]], cell_names=[*first.obs_names, *second.obs_names],
           counts=np.vstack([np.stack([a[:, 0] + a[:, 1], a[:, 2]], 1), np.stack([b[:, 1], b[:, 0]], 1)]))

    strange = parts[0].copy()
    strange.var_names = [f"strange{i}" for i in range(GENES)]
    del strange.var["gene_ids"]
    strange.write_h5ad(folder / "strange.h5ad")
    expect_error("no gene in common", {"path": f"{folder / 'part0.h5ad'},{folder / 'strange.h5ad'}"}, "no gene", "join_genes")
    expect_error("one of several is missing", {"path": f"{folder / 'part0.h5ad'},{folder / 'absent.h5ad'}"}, "absent.h5ad")
    expect_error("a label in one file only", {"path": f"{folder / 'part0.h5ad'},{folder / 'renamed.h5ad'}",
                                              "label_key": "labels"}, "part0.h5ad", "labels")


def merged(parts):
    """What all ranks got, as one."""
    first = dict(parts[0])
    if "error" in first:
        assert all(part == first | {"warnings": part["warnings"]} for part in parts)
        return first
    begin = 0
    for part in parts:
        assert part["first_cell"] == begin and part["num_cells"] == first["num_cells"]
        begin += len(part["cell_names"])
        for name in ("gene_names", "gene_ids", "label_names", "batch_names", "matrix_name", "warnings"):
            assert part[name] == first[name], name
    assert begin == first["num_cells"]
    for part in parts[1:]:
        base = first["offsets"][-1]
        first["offsets"] = first["offsets"] + [base + offset for offset in part["offsets"][1:]]
        for name in ("genes", "values", "cell_names", "labels", "batches", "split_values", "split_groups"):
            first[name] = first[name] + part[name]
    return first


def check_reading(folder, run, ranks):
    make_anndata_cases(folder)
    make_old_cases(folder)
    make_tenx_cases(folder)
    make_joined_cases(folder)
    check_shipped_pbmc()
    (folder / "cases").write_text("".join(json.dumps(options) + "\n" for _, options, _ in cases))
    run("read", str(folder / "cases"), str(folder / "out"))
    results = [(folder / f"out.{rank}").read_text().splitlines() for rank in range(ranks)]
    failures = 0
    for number, (name, _, check) in enumerate(cases):
        try:
            check(merged([json.loads(lines[number]) for lines in results]))
        except Exception as error:  # every case is judged
            failures += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}")
    print(f"{len(cases)} files read on {ranks} ranks, {failures} not as expected")
    assert failures == 0


def check_writing(folder, run, ranks):
    run("simulate", str(folder / "simulated.h5ad"))
    run("write", str(folder / "everything.h5ad"))
    assert not list(folder.glob("*.partial*"))
    warnings.simplefilter("error")
    data = ad.read_h5ad(folder / "simulated.h5ad")
    assert data.shape == (400, 500) and data.X.dtype == np.float32 and data.X.has_sorted_indices
    assert list(data.obs.columns) == ["cell_type", "batch", "library_size"]
    assert data.obs_names[399] == "cell_399" and data.var_names[0] == "gene_0"
    assert list(data.obs["cell_type"].cat.categories) == [f"type_{i}" for i in range(4)]
    assert 0 < data.obs["cell_type"].isna().sum() < 100
    assert data.uns["lapatlas"]["version"] == "test" and data.uns["lapatlas"]["simulate"]["genes"] == "500"
    assert abs(np.log(data.X.sum(1).A1 / data.obs["library_size"])).median() < 0.2
    assert ad.read_h5ad(folder / "simulated.h5ad", backed="r").shape == (400, 500)
    everything = ad.read_h5ad(folder / "everything.h5ad")
    assert everything.obs_names[49] == "µ-49" and everything.obs["none"].isna().all()
    assert list(everything.obs["cell_type"].cat.categories) == ["a", "b", "µ c"]
    np.testing.assert_array_equal(everything.obsm["X_latent"][:, 3], 10.0 * np.arange(50) + 3)
    assert everything.var["gene_ids"].iloc[1] == "ENSG10000000001"
    assert everything.var["coding"].dtype == bool and everything.var["coding"].all()
    assert everything.var["length"].dtype == np.int64 and everything.var["score"].iloc[3] == 0.5
    assert everything.var["chromosome"].iloc[7] == "chr1"
    assert everything.obs["synthetic"].dtype == bool and everything.obs["synthetic"].all()
    assert everything.uns["synthetic"]
    np.testing.assert_array_equal(everything.layers["rates"][:, 119], np.arange(50))
    assert everything.uns["lapatlas"]["config"]["input.path"] == "x.h5ad" and everything.uns["title"] == ""
    everything.write_h5ad(folder / "again.h5ad")
    run("write-wide", str(folder / "wide.h5ad"))
    with h5py.File(folder / "wide.h5ad") as wide, h5py.File(folder / "everything.h5ad") as narrow:
        assert wide["X/indptr"].dtype == np.int64 and narrow["X/indptr"].dtype == np.int32
        assert list(wide["X"]) == ["data", "indices", "indptr"]
    assert (ad.read_h5ad(folder / "wide.h5ad").X != everything.X).nnz == 0
    if ranks > 1:  # the file does not depend on it, and scanpy compiles for half a minute
        return
    with warnings.catch_warnings():  # libraries warn of each other; of the file they must not
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        sc.pp.normalize_total(data, target_sum=1e4)
        sc.pp.log1p(data)
        sc.pp.pca(data, n_comps=10)
        sc.pp.neighbors(data)
    assert data.obsm["X_pca"].shape == (400, 10)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--launch", required=True)
    arguments = parser.parse_args()

    def run(*words):
        subprocess.run([*arguments.launch.split(), str(arguments.ranks), arguments.tool, *words], check=True, timeout=120)

    with tempfile.TemporaryDirectory() as folder:
        check_writing(Path(folder), run, arguments.ranks)
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        check_reading(Path(folder), run, arguments.ranks)


main()
