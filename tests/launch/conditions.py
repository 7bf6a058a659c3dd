#!/usr/bin/env python3
"""Covariates: a time course and treatments as further conditions, missing in some cells; interpolated, set, and reported where no
training cell was like that.

    conditions.py --mpiexec M --binary B --ranks N
"""

import pathlib
import sys
import tempfile

import anndata
import numpy as np

from call import Check, checked_calls, common_options

CONFIG = """
[runtime]
threads = 1
[input]
label_key = "cell_type"
covariate_keys = "pseudotime, treatment"
[prepare]
pca_components = 15
encodings = 4
[model]
embedding = "pca"
latent = 15
score_width = 96
score_blocks = 3
score_dropout = 0.0
[train]
score_steps = 1500
score_batch = 256
"""

check = Check()


def main():
    arguments = common_options(__doc__.splitlines()[0]).parse_args()

    with tempfile.TemporaryDirectory(prefix="lapatlas-conditions-") as name:
        folder = pathlib.Path(name)
        lapatlas = checked_calls(arguments, check, folder)
        (folder / "c.toml").write_text(CONFIG)
        lapatlas("simulate", "--simulate.cells=1500", "--simulate.genes=300", "--simulate.types=3", "--simulate.time_course=true",
                 "--simulate.treatments=3", "--output", "all.h5ad", "--quiet")
        cells = anndata.read_h5ad(folder / "all.h5ad")
        check(cells.obs["pseudotime"].between(0, 1).all() and set(cells.obs["treatment"]) == {f"treatment_{i}" for i in range(3)},
              "cells have a time and a treatment", cells.obs.head())
        # One combination is never seen, and some cells lack their time or treatment.
        cells = cells[~((cells.obs["cell_type"] == "type_0") & (cells.obs["treatment"] == "treatment_2"))].copy()
        cells.obs.loc[cells.obs_names[::11], "pseudotime"] = np.nan
        cells.obs.loc[cells.obs_names[::13], "treatment"] = None
        cells.write_h5ad(folder / "real.h5ad")
        lapatlas("prepare", "c.toml", "--input.path=real.h5ad", "--output.dir=run", "--quiet")
        lapatlas("train", "run", "--quiet")

        def generate(output, *more, ranks=arguments.ranks):
            answer = lapatlas("generate", "run", "--output", output, *more, ranks=ranks)
            return answer, anndata.read_h5ad(folder / output)

        answer, drawn = generate("drawn.h5ad", "--cells", "1200")
        check("extrapolation" not in answer.errors and (drawn.obs["extrapolation"] == 0).all(), "drawn cells are as training cells were", answer.errors)
        missing = drawn.obs["pseudotime"].isna().mean(), drawn.obs["treatment"].isna().mean()
        check(0.04 < missing[0] < 0.16 and 0.03 < missing[1] < 0.14, "some lack what training cells lack", missing)
        times = drawn.obs["pseudotime"].dropna()
        check(abs(times.mean() - 0.5) < 0.05 and abs(times.std() - 0.29) < 0.04, "times are those of training cells", (times.mean(), times.std()))
        if arguments.ranks > 1:
            _, alone = generate("alone.h5ad", "--cells", "1200", ranks=1)
            check((alone.X != drawn.X).nnz == 0 and alone.obs["pseudotime"].equals(drawn.obs["pseudotime"]), "the same cells on one rank")

        # Along the course: the genes that rise in real cells rise in generated ones, and those that fall, fall.
        def expression(data):
            x = data.X.toarray()
            return np.log1p(x / np.maximum(x.sum(1, keepdims=True), 1) * 1e4)

        known = cells[cells.obs["pseudotime"].notna().to_numpy() & (cells.obs["treatment"] == "treatment_0").to_numpy()]
        known = known[:, drawn.var_names]
        slope = lambda x, t: ((t - t.mean()) @ (x - x.mean(0))) / ((t - t.mean()) ** 2).sum()
        real = slope(expression(known), known.obs["pseudotime"].to_numpy())
        _, course = generate("course.h5ad", "--counts", "type_1=600", "--generate.set", "pseudotime=0..1,treatment=treatment_0")
        along = course.obs["pseudotime"].to_numpy()
        check(np.allclose(along, np.linspace(0, 1, 600), atol=1e-5), "cells lie evenly along the course", along[:5])
        made = slope(expression(course), along)
        moving = np.argsort(-np.abs(real))[:20]
        agreement = np.corrcoef(real[moving], made[moving])[0, 1]
        check(agreement > 0.9, "genes move along the course as in real cells", agreement)
        # In the middle of the course, of whose times the model need not have seen any one, cells lie between its ends.
        value = expression(course) @ np.sign(real * (np.isin(np.arange(len(real)), moving)))
        first, middle, last = value[:120].mean(), value[240:360].mean(), value[480:].mean()
        check(first < middle < last and abs(middle - (first + last) / 2) < 0.25 * (last - first), "the middle lies between the ends", (first, middle, last))

        answer, beyond = generate("beyond.h5ad", "--counts", "type_0=40,type_1=40", "--generate.set", "treatment=treatment_2")
        unseen = (beyond.obs["cell_type"] == "type_0").to_numpy()
        check("40 cells are extrapolations" in answer.errors, "unseen combinations are reported", answer.errors)
        check(np.array_equal(beyond.obs["extrapolation"].to_numpy() == 1, unseen), "cell by cell", beyond.obs["extrapolation"])
        answer = lapatlas("generate", "run", "--output", "late.h5ad", "--cells", "20", "--generate.set", "pseudotime=1.5")
        check("20 cells are extrapolations" in answer.errors, "and times beyond all that were seen", answer.errors)

        answer = lapatlas("generate", "run", "--generate.set", "tretment=treatment_1", code=2)
        check("no covariate 'tretment'" in answer.errors, "an unknown covariate is named", answer.errors)
        answer = lapatlas("prepare", "c.toml", "--input.path=real.h5ad", "--input.covariate_keys=dose", "--output.dir=other", code=2)
        check("dose" in answer.errors, "a column that is not there is named", answer.errors)
        answer = lapatlas("prepare", "c.toml", "--input.path=real.h5ad", "--input.covariate_keys=treatment,cell_type", "--output.dir=other", code=2)
        check("named twice, or is input.label_key" in answer.errors, "the label is no covariate", answer.errors)
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
