#!/usr/bin/env python3
"""Reads thousands of mutated files with every parser of the program, each from seeds of all the kinds that it knows.

    fuzz.py --mpiexec M --binary B --ranks 1 --fuzzer F [--scale 1] [--seed 1] [--only PARSER] [--keep FOLDER]

At scale 1 these are 10,000 inputs (.h5ad, 10x .h5, 10x folders), 2,000 configurations and checkpoints, and 2,000 files of a run.
"""

import gzip
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import scipy.io
import scipy.sparse

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "launch"))
from call import Check, call, common_options  # noqa: E402
from wrong_inputs import CONFIG, small_atlas, write  # noqa: E402

check = Check()
COUNTS = {"h5ad": 7000, "tenx_h5": 1500, "mtx": 1500, "config": 1000, "checkpoint": 1000, "part": 500, "prepared": 500,
          "evaluation": 300, "metrics": 300, "status": 200, "history": 200}


def h5ad_seeds(folder):
    atlas = small_atlas(24)
    write(folder, "csr", atlas)
    for name, matrix in (("csc", scipy.sparse.csc_matrix(atlas.X)), ("dense", atlas.X.toarray())):
        other = atlas.copy()
        other.X = matrix
        write(folder, name, other)
    layered = atlas.copy()
    layered.layers["counts"] = atlas.X.copy()
    layered.X = layered.X.log1p()
    layered.obs["cell_type"] = layered.obs["cell_type"].astype(str)
    write(folder, "layered", layered)
    raw = atlas.copy()
    raw.raw = atlas
    raw.X = raw.X.log1p()
    write(folder, "raw", raw)
    atlas.write_h5ad(folder / "packed.h5ad", compression="gzip")


def tenx_seeds(folder):
    matrix = scipy.sparse.csr_matrix(small_atlas(24).X)
    cells, genes = matrix.shape
    for version, group in ((3, "matrix"), (2, "GRCh38")):
        with h5py.File(folder / f"v{version}.h5", "w") as file:
            top = file.create_group(group)
            top["data"] = matrix.data.astype(np.int32)
            top["indices"], top["indptr"] = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
            top["shape"] = np.array([genes, cells], np.int32)
            top["barcodes"] = np.array([f"AAAC{i}-1" for i in range(cells)], "S")
            ids, names = [f"ENSG{i}" for i in range(genes)], [f"gene{i}" for i in range(genes)]
            if version == 2:
                top["genes"], top["gene_names"] = np.array(ids, "S"), np.array(names, "S")
                continue
            features = top.create_group("features")
            features["id"], features["name"] = np.array(ids, "S"), np.array(names, "S")
            features["feature_type"] = np.array(["Gene Expression"] * genes, "S")
            features["genome"] = np.array(["GRCh38"] * genes, "S")


def mtx_seeds(folder):
    matrix = scipy.sparse.coo_matrix(small_atlas(24).X.T.astype(np.int32))
    genes, cells = matrix.shape
    texts = {"features.tsv": "".join(f"ENSG{i}\tgene{i}\tGene Expression\n" for i in range(genes)),
             "barcodes.tsv": "".join(f"AAAC{i}-1\n" for i in range(cells))}
    for name, opened in (("plain", lambda path: open(path, "wb")), ("packed", lambda path: gzip.open(f"{path}.gz", "wb"))):
        (folder / name).mkdir()
        for file, text in texts.items():
            with opened(folder / name / file) as out:
                out.write(text.encode())
        with opened(folder / name / "matrix.mtx") as out:
            scipy.io.mmwrite(out, matrix, field="integer")


def run_seeds(options, seeds, folder):
    """Files of a run of the program itself."""
    atlas = write(folder, "atlas", small_atlas())
    config = folder / "config.toml"
    config.write_text(CONFIG)
    run = folder / "run"
    answer = call(options.mpiexec, 1, options.binary, ["run", config, f"--input.path={atlas}", f"--output.dir={run}"], folder,
                  600)
    check(answer.code == 0, "a run to take seeds from", answer.errors)
    for parser, file in (("config", "config.toml"), ("checkpoint", "checkpoints/last.h5"), ("prepared", "prepared.h5"),
                         ("evaluation", "evaluation.json"), ("metrics", "metrics.csv"), ("status", "status.json"),
                         ("history", "history.jsonl")):
        shutil.copy(run / file, seeds / parser / pathlib.Path(file).name)
    (seeds / "config" / "short.toml").write_text(CONFIG)
    made = subprocess.run([options.fuzzer, "--make-part", folder], capture_output=True, text=True)
    check(made.returncode == 0, "a part to take as a seed", made.stderr)
    shutil.copy(folder / "atlas.h5ad.parts" / "part-000000000.h5", seeds / "part")


def main():
    parser = common_options(__doc__)
    parser.add_argument("--fuzzer", required=True)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=COUNTS)
    parser.add_argument("--keep", default="")
    parser.add_argument("--seeds", default="", help="only makes the seeds, in this folder")
    options = parser.parse_args()
    # Crashes are the program's own business, as they are for a user; only memory errors are the sanitizers'.
    environment = dict(os.environ, OMP_NUM_THREADS="1", UBSAN_OPTIONS="print_stacktrace=1",
                       ASAN_OPTIONS="detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_abort=0:"
                                    "allocator_may_return_null=0:max_allocation_size_mb=20000")
    with tempfile.TemporaryDirectory(prefix="lapatlas-seeds-") as name:
        folder, seeds = pathlib.Path(name), pathlib.Path(options.seeds or f"{name}/seeds")
        for kind in COUNTS:
            (seeds / kind).mkdir(parents=True, exist_ok=True)
        h5ad_seeds(seeds / "h5ad")
        tenx_seeds(seeds / "tenx_h5")
        mtx_seeds(seeds / "mtx")
        run_seeds(options, seeds, folder)
        if options.seeds:
            return 1 if Check.failed else 0
        for kind, count in COUNTS.items():
            if options.only in (None, kind):
                count = max(5, int(count * options.scale))
                more = ["--keep", options.keep] if options.keep else []
                answer = subprocess.run([options.fuzzer, seeds, kind, str(count), "--seed", str(options.seed), *more],
                                        env=environment, capture_output=True, text=True)
                print(answer.stdout.strip() if answer.returncode == 0 else "", flush=True)
                check(answer.returncode == 0, f"{count} mutated files of kind '{kind}': each read or refused",
                      (answer.stdout + answer.stderr)[-6000:])
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
