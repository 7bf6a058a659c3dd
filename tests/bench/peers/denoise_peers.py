"""denoise_peers.py REFERENCE.h5ad QUERY.h5ad OUTPUT.csv NAME=DENOISED.h5ad ...: how well the spaces of several methods keep a query's
labels apart, all judged by the same public code (scikit-learn, harmonypy, scanpy's Leiden): X_pca and X_dice of what `lapatlas denoise`
wrote, kNN smoothing and MAGIC's diffusion of that X_pca, and ALRA, NMF and scVI, which see the reference's cells too, without labels.
As in the paper (appendix E.3): the resolution of Leiden is the one of 20 from 0.01 to 2 with the highest ARI."""

import argparse
import logging
import warnings

import anndata
import numpy as np
import pandas as pd
import scanpy
import scipy.sparse
from harmonypy import compute_lisi
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.extmath import randomized_svd

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("reference")
parser.add_argument("query")
parser.add_argument("output")
parser.add_argument("denoised", nargs="+", help="NAME=FILE; the first one's X_pca is what is smoothed")
parser.add_argument("--label", default="cell_type")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--without", nargs="*", default=[], help="methods to leave out")
arguments = parser.parse_args()


def figures(space, labels):
    unit = space / np.maximum(np.linalg.norm(space, axis=1, keepdims=True), 1e-12)
    frame = pd.DataFrame({"label": labels})
    kmeans = KMeans(len(set(labels)), n_init=10, random_state=arguments.seed).fit_predict(space)
    cells = anndata.AnnData(space.astype(np.float32))
    scanpy.pp.neighbors(cells, use_rep="X", n_neighbors=min(15, len(labels) - 1), random_state=arguments.seed)
    best = (-1, 0)
    for resolution in np.linspace(0.01, 2, 20):
        scanpy.tl.leiden(cells, resolution, flavor="igraph", n_iterations=-1, random_state=arguments.seed)
        groups = cells.obs["leiden"]
        best = max(best, (adjusted_rand_score(labels, groups), normalized_mutual_info_score(labels, groups)))
    return {
        "silhouette": silhouette_score(space, labels, metric="cosine"),
        "clisi": compute_lisi(space, frame, ["label"]).mean(),
        "cosine_clisi": compute_lisi(unit, frame, ["label"]).mean(),
        "ari_leiden": best[0], "nmi_leiden": best[1],
        "ari_kmeans": adjusted_rand_score(labels, kmeans), "nmi_kmeans": normalized_mutual_info_score(labels, kmeans),
    }


def smoothed(space, neighbours):
    found = NearestNeighbors(n_neighbors=neighbours).fit(space).kneighbors(space, return_distance=False)
    return space[found].mean(1)


def diffused(space, neighbours=15, adaptive=5, steps=3):
    """van Dijk et al. 2018: steps of a Markov chain over neighbours, each cell's kernel as wide as its fifth is far."""
    neighbours = min(neighbours, len(space) - 1)
    distance, found = NearestNeighbors(n_neighbors=neighbours + 1).fit(space).kneighbors(space)
    weight = np.exp(-((distance / np.maximum(distance[:, [min(adaptive, neighbours)]], 1e-12)) ** 2))
    rows = np.repeat(np.arange(len(space)), neighbours + 1)
    kernel = scipy.sparse.csr_matrix((weight.ravel(), (rows, found.ravel())), shape=(len(space),) * 2)
    kernel = kernel + kernel.T
    chain = scipy.sparse.diags(1 / np.asarray(kernel.sum(1)).ravel()) @ kernel
    for _ in range(steps):
        space = chain @ space
    return space


def log_normalised(counts):
    counts = scipy.sparse.csr_matrix(counts, dtype=np.float64)
    totals = np.maximum(np.asarray(counts.sum(1)).ravel(), 1)
    return scipy.sparse.diags(1e4 / totals).dot(counts).log1p().tocsr()


def alra(x, rank=50):
    """Linderman et al. 2022: a low rank, per gene cut at the size of its most negative value, scaled back to its spread."""
    x = x.toarray()
    u, s, v = randomized_svd(x, rank, n_iter=10, random_state=arguments.seed)
    low = (u * s) @ v
    low[low <= np.abs(low.min(0))] = 0
    for gene in range(x.shape[1]):
        kept, seen = low[:, gene] > 0, x[:, gene] > 0
        if kept.sum() > 1 and seen.sum() > 1 and low[kept, gene].std() > 0:
            scale = x[seen, gene].std() / low[kept, gene].std()
            low[kept, gene] = np.maximum(0, (low[kept, gene] - low[kept, gene].mean()) * scale + x[seen, gene].mean())
    low[(low == 0) & (x > 0)] = x[(low == 0) & (x > 0)]
    return low


def main():
    denoised = {name: anndata.read_h5ad(file) for name, file in (word.split("=", 1) for word in arguments.denoised)}
    first = next(iter(denoised.values()))
    genes = first.var_names
    reference, query = (anndata.read_h5ad(f)[:, genes] for f in (arguments.reference, arguments.query))
    query = query[first.obs_names]
    labels = query.obs[arguments.label].astype(str).to_numpy()
    rank = first.obsm["X_pca"].shape[1]
    pca = first.obsm["X_pca"].astype(np.float64)
    n = reference.n_obs
    expression = log_normalised(scipy.sparse.vstack([scipy.sparse.csr_matrix(reference.X), scipy.sparse.csr_matrix(query.X)]))
    # The genes that latents are made of: those in 3 cells of the reference, the 3,000 of highest variance at most.
    dense_mean = np.asarray(expression[:n].mean(0)).ravel()
    variance = np.asarray(expression[:n].power(2).mean(0)).ravel() - dense_mean**2
    chosen = np.sort(np.argsort(-variance)[:3000])
    some = expression[:, chosen]

    def nmf():
        model = NMF(rank, init="nndsvda", max_iter=300, random_state=arguments.seed).fit(some[:n])
        return model.transform(some[n:])

    def scvi_latents():
        import scvi
        scvi.settings.seed = arguments.seed
        both = anndata.concat([reference, query], join="inner", keys=["reference", "query"], index_unique="-")
        both = both[:, chosen].copy()
        both.X = both.X.astype(np.float32)
        scvi.model.SCVI.setup_anndata(both)
        model = scvi.model.SCVI(both)
        model.train(accelerator="cpu", enable_progress_bar=False, logger=False)
        return model.get_latent_representation()[n:]

    methods = {"PCA": lambda: pca}
    methods.update({name: (lambda cells=cells: cells.obsm["X_dice"].astype(np.float64)) for name, cells in denoised.items()})
    methods.update({f"{name}, before": (lambda cells=cells: cells.obsm["X_pca_aligned"].astype(np.float64))
                    for name, cells in denoised.items() if "X_pca_aligned" in cells.obsm})
    methods.update({f"kNN smoothing {k}": (lambda k=k: smoothed(pca, k)) for k in (5, 10, 15)})
    methods.update({
        "MAGIC": lambda: diffused(pca),
        "ALRA": lambda: PCA(50, random_state=arguments.seed).fit_transform(alra(some))[n:],
        "NMF": nmf,
        "scVI": scvi_latents,
    })
    rows = {}
    for name, make in methods.items():
        if name in arguments.without:
            continue
        rows[name] = figures(make(), labels)
        print(f"{name:18}" + "".join(f"{key} {value:.3f}  " for key, value in rows[name].items()), flush=True)
    pd.DataFrame(rows).T.to_csv(arguments.output, float_format="%.4f", index_label="method")


if __name__ == "__main__":
    main()
