#!/usr/bin/env python3
"""SCLD: communities as labels, their mean expression as the condition, the Scorer and the cells it keeps; the same on any number of
ranks.

    scld.py --mpiexec M --binary B --ranks N
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
[prepare]
pca_components = 10
encodings = 4
communities = "louvain"
[model]
embedding = "autoencoder"
embedding_width = 64
embedding_layers = 1
latent = 12
score_network = "scld_unet"
score_width = 32
score_widths = "48,32,24"
condition = "mean"
diffusion = "ddpm"
diffusion_steps = 100
last_beta = 0.15
[train]
embedding_epochs = 40
embedding_batch = 100
score_steps = 400
score_batch = 128
scorer = true
scorer_epochs = 5
[generate]
write_latents = true
"""

check = Check()


def main():
    arguments = common_options(__doc__.splitlines()[0]).parse_args()

    with tempfile.TemporaryDirectory(prefix="lapatlas-scld-") as name:
        folder = pathlib.Path(name)
        lapatlas = checked_calls(arguments, check, folder)
        (folder / "c.toml").write_text(CONFIG)
        lapatlas("simulate", "--simulate.cells=600", "--simulate.genes=300", "--simulate.types=3", "--output", "real.h5ad", "--quiet")
        prepared = lapatlas("prepare", "c.toml", "--input.path=real.h5ad", "--output.dir=run")
        check("by louvain" in prepared.errors, "communities are found", prepared.errors)
        trained = lapatlas("train", "run")
        check("real and generated cells it tells" in trained.errors, "the Scorer is trained", trained.errors)
        again = lapatlas("train", "run")
        check("real and generated cells" not in again.errors, "and not twice", again.errors)

        def generate(output, *more, ranks=arguments.ranks):
            answer = lapatlas("generate", "run", "--output", output, *more, ranks=ranks)
            return answer, anndata.read_h5ad(folder / output)

        _, drawn = generate("drawn.h5ad")
        labels = drawn.obs["louvain"].astype(str)
        names = list(drawn.obs["louvain"].cat.categories)
        check(names == [str(i) for i in range(len(names))] and len(names) >= 2, "labels are communities", names)
        sizes = labels.value_counts()
        check(sizes["0"] == sizes.max(), "the first is the largest", sizes)

        # Communities follow the simulated types, so cells of one are like cells of one type.
        counts = "0=90,1=71"
        asked = ["--counts", counts]
        answer, kept = generate("kept.h5ad", *asked, "--generate.keep_best=0.8")
        check("look most real stay" in answer.errors, "what stays is said", answer.errors)
        check(dict(kept.obs["louvain"].astype(str).value_counts()) == {"0": 90, "1": 71}, "exact counts after rejection", kept.obs["louvain"])
        # One more candidate of each than stay: those of before.
        _, every = generate("every.h5ad", "--counts", "0=112,1=88", "--generate.keep_best=0.999999")
        scores = every.obs["score"].to_numpy()
        for label, wanted in (("0", 90), ("1", 71)):
            of_all = np.sort(scores[(every.obs["louvain"] == label).to_numpy()])[::-1]
            of_kept = np.sort(kept.obs["score"].to_numpy()[(kept.obs["louvain"] == label).to_numpy()])[::-1]
            check(len(of_kept) == wanted and np.allclose(of_kept[:60], of_all[:60]), "those with the highest scores stay", (of_kept[:5], of_all[:5]))
        if arguments.ranks > 1:
            _, alone = generate("alone.h5ad", *asked, "--generate.keep_best=0.8", ranks=1)
            check((alone.X != kept.X).nnz == 0 and np.array_equal(alone.obsm["X_latent"], kept.obsm["X_latent"]), "the same cells on one rank")
        _, plain = generate("plain.h5ad", *asked)
        check("score" not in plain.obs, "without keep_best there is no score", list(plain.obs))
        _, published = generate("published.h5ad", *asked, "--generate.solver=ancestral")
        check(published.shape == plain.shape, "the published sampler", published.shape)

        answer, _ = generate("guided.h5ad", *asked, "--generate.guidance=1", "--generate.keep_best=0.8")
        check("trained on cells made with other options" in answer.errors, "a Scorer of other cells is warned of", answer.errors)
        answer = lapatlas("generate", "run", "--generate.keep_best=0.5", "--generate.shards=1", code=2)
        check("generate.shards" in answer.errors, "shards are refused", answer.errors)
        answer = lapatlas("generate", "run", "--generate.keep_best=0.5", "--train.scorer=false", code=2)
        check("train.scorer = true" in answer.errors, "no Scorer, nothing to keep by", answer.errors)
        answer = lapatlas("run", "c.toml", "--input.path=real.h5ad", "--input.label_key=cell_type", "--output.dir=other", code=2)
        check("drop one" in answer.errors, "labels are said once", answer.errors)
        for fusion in ("add", "attention"):
            lapatlas("run", "c.toml", "--input.path=real.h5ad", f"--output.dir={fusion}", f"--model.fusion={fusion}", "--train.scorer_epochs=1",
                     "--model.condition_shift=true", "--generate.keep_best=0.8", "--train.score_steps=50", "--train.embedding_epochs=5", "--evaluate.halvings=2", "--quiet")
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
