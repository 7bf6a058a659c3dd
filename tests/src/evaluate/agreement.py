#!/usr/bin/env python3
"""Repeats the figures of an evaluation with scikit-learn, SciPy, POT and scanpy on the same cells, and compares.

    agreement.py EVALUATION.json REAL.h5ad GENERATED.h5ad [--label-key cell_type] [--target-sum 1e4]

EVALUATION.json comes from `lapatlas evaluate ... --evaluate.write_draws=true`. Deterministic figures must agree within
1e-3 (relative above 1), averaged areas under the curve within 0.02. Exit code 1 where one does not.
"""

import argparse
import json
import sys

import anndata
import numpy as np
import ot
import scipy.sparse as sparse
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp, pearsonr, spearmanr
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score, silhouette_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def log_normalised(counts, target_sum):
    counts = sparse.csr_matrix(counts, dtype=np.float64)
    totals = np.asarray(counts.sum(1)).ravel()
    scaled = sparse.diags(target_sum / np.where(totals > 0, totals, 1)) @ counts
    scaled.data = np.log1p(scaled.data)
    return scaled.toarray()


def principal_components(cells, count):
    count = min(count, *cells.shape)
    return PCA(count, svd_solver="covariance_eigh" if cells.shape[1] < cells.shape[0] else "full").fit(cells)


def w2(x, y):
    uniform = [np.full(len(s), 1 / len(s)) for s in (x, y)]
    return np.sqrt(ot.emd2(*uniform, ot.dist(x, y, "sqeuclidean"), numItermax=10**7))


def mmd2(x, y, rates):
    return sum(rbf_kernel(x, x, r).mean() + rbf_kernel(y, y, r).mean() - 2 * rbf_kernel(x, y, r).mean() for r in rates)


def mmd2_published(x, y):
    return mmd2(x, y, [1 / (2 * s * s) for s in (0.01, 0.1, 1, 10, 100)])


def mmd2_median(x, y):
    median = np.median(ot.dist(x, x, "sqeuclidean")[np.triu_indices(len(x), 1)])
    return mmd2(x, y, [1 / (f * median) for f in (0.25, 0.5, 1, 2, 4)])


def out_of_fold_auc(x, y, model, seed):
    points, classes = np.vstack([x, y]), np.repeat([0, 1], [len(x), len(y)])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return roc_auc_score(classes, cross_val_predict(model, points, classes, cv=folds, method="predict_proba")[:, 1])


def forest_auc(x, y, seed, trees):
    model = RandomForestClassifier(trees, max_depth=5, class_weight="balanced", random_state=seed)
    return out_of_fold_auc(x, y, model, seed)


def knn_auc(x, y, seed):
    return out_of_fold_auc(x, y, KNeighborsClassifier(5), seed)


def lisi(points, classes, perplexity=30):
    distances = cdist(points, points)
    count = min(int(3 * perplexity), len(points) - 1)
    values = []
    for i, row in enumerate(distances):
        near = [j for j in np.argsort(row, kind="stable") if j != i][:count]
        low, high, beta = 0.0, np.inf, 1.0
        for _ in range(60):
            weights = np.exp(-row[near] * beta)
            total = weights.sum()
            entropy = np.log(total) + beta * (weights @ row[near]) / total if total > 0 else 0
            if abs(entropy - np.log(min(perplexity, count))) < 1e-7:
                break
            if entropy > np.log(min(perplexity, count)):
                low = beta
            else:
                high = beta
            beta = 2 * beta if np.isinf(high) else (low + high) / 2
        shares = [weights[classes[near] == c].sum() / total for c in np.unique(classes[near])]
        values.append(1 / np.sum(np.square(shares)))
    return np.mean(values)


def coverage_and_density(real, other, k=5):
    radii = np.sort(cdist(real, real), 1)[:, k]
    inside = cdist(real, other) < radii[:, None]
    return inside.any(1).mean(), inside.sum() / (k * len(other))


def markers(cells, types, group):
    """Rank-sum scores and log fold changes of one type against the others, as scanpy's wilcoxon."""
    import scanpy

    atlas = anndata.AnnData(cells, obs={"type": np.where(types == group, "own", "other")})
    atlas.obs["type"] = atlas.obs["type"].astype("category")
    atlas.uns["log1p"] = {"base": None}
    scanpy.tl.rank_genes_groups(atlas, "type", groups=["own"], reference="other", method="wilcoxon", tie_correct=False)
    table = scanpy.get.rank_genes_groups_df(atlas, "own").set_index("names").loc[atlas.var_names]
    return table["scores"].to_numpy(), table["logfoldchanges"].to_numpy()


def correlations(cells):
    centred = cells - cells.mean(0)
    norms = np.linalg.norm(centred, axis=0)
    products = centred.T @ centred
    scale = np.outer(norms, norms)
    matrix = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    return matrix[np.triu_indices(cells.shape[1], 1)]


class Figures:
    """One side of one halving, with the functions of the definitions in docs/evaluation.md."""

    def __init__(self, world, halving, floor):
        self.world, self.draw, self.floor = world, halving, floor
        self.values = {}

    def compute(self, number):
        w, draw, v = self.world, self.draw, self.values
        real_rows, other_rows = draw["real"], draw["floor"] if self.floor else draw["generated"]
        other_set = w.test if self.floor else w.generated
        real, other = w.test.rows(real_rows), other_set.rows(other_rows)
        real_types, other_types = w.test.labels(real_rows), other_set.labels(other_rows)
        x, y = w.train_pca.transform(real), w.train_pca.transform(other)
        v["pooled_w2"], v["pooled_mmd2_published"], v["pooled_mmd2_median"] = w2(x, y), mmd2_published(x, y), mmd2_median(x, y)
        v["pooled_rf_auc"], v["pooled_knn_auc"] = forest_auc(x, y, number, w.trees), knn_auc(x, y, number)
        joint = PCA(min(50, len(real) + len(other)), svd_solver="full").fit_transform(np.vstack([real, other]))
        v["joint_rf_auc"] = forest_auc(joint[: len(real)], joint[len(real):], number, w.trees)
        v["pooled_lisi"] = lisi(np.vstack([x, y]), np.repeat([0, 1], [len(x), len(y)]))
        v["coverage"], v["density"] = coverage_and_density(x, y)
        nearest = [cdist(p, w.train_points).min(1) for p in (x, y)]
        v["nearest_training_ratio"] = np.median(nearest[1]) / np.median(nearest[0])
        self.genes(real, other)
        v["library_ks"] = ks_2samp(w.test.totals(real_rows), other_set.totals(other_rows)).statistic
        if w.types is None:
            return v
        self.types(x, y, real_types, number)
        self.labels(y, other_types)
        self.marker_figures(real, other, real_types)
        self.use()
        return v

    def genes(self, real, other):
        v = self.values
        means, variances = [s.mean(0) for s in (real, other)], [s.var(0) for s in (real, other)]
        zeros = [(s == 0).mean(0) for s in (real, other)]
        dispersions = [np.divide(s, m, out=np.zeros_like(s), where=m > 0) for s, m in zip(variances, means)]
        v["gene_mean_pcc"], v["gene_mean_scc"] = pearsonr(*means)[0], spearmanr(*means)[0]
        v["gene_variance_pcc"], v["gene_dispersion_scc"] = pearsonr(*variances)[0], spearmanr(*dispersions)[0]
        v["zero_fraction_pcc"], v["zero_fraction_mad"] = pearsonr(*zeros)[0], np.abs(zeros[0] - zeros[1]).mean()

    def types(self, x, y, types, number):
        w, v = self.world, self.values
        found = {key: [] for key in ("conditional_w2", "conditional_mmd2_published", "conditional_mmd2_median",
                                     "conditional_rf_auc", "conditional_knn_auc", "centroid_distance")}
        for kind in w.scored:
            a, b = x[types == kind], y[types == kind]  # both sides have their types in one order
            found["conditional_w2"].append(w2(a, b))
            found["conditional_mmd2_published"].append(mmd2_published(a, b))
            found["conditional_mmd2_median"].append(mmd2_median(a, b))
            found["conditional_rf_auc"].append(forest_auc(a, b, number, w.trees))
            found["conditional_knn_auc"].append(knn_auc(a, b, number))
            found["centroid_distance"].append(np.linalg.norm(a.mean(0) - b.mean(0)))
        v.update({key: np.mean(values) for key, values in found.items() if values})

    def labels(self, y, types):
        w, v = self.world, self.values
        said = w.voters.predict(y)
        v["label_accuracy"], v["label_macro_f1"] = accuracy_score(types, said), f1_score(types, said, average="macro")
        v["label_silhouette"], v["label_lisi"] = silhouette_score(y, types, metric="cosine"), lisi(y, types)

    def marker_figures(self, real, other, types):
        found = {key: [] for key in ("marker_overlap", "log_fold_change_pcc", "marker_correlation_pcc")}
        for kind in self.world.scored:
            (a, a_change), (b, b_change) = markers(real, types, kind), markers(other, types, kind)
            # scanpy's scores are float32: ties in the order of the genes.
            top_a, top_b = np.argsort(-a, kind="stable")[:50], np.argsort(-b, kind="stable")[:50]
            found["marker_overlap"].append(len(set(top_a) & set(top_b)) / len(top_a))
            found["log_fold_change_pcc"].append(pearsonr(a_change[top_a], b_change[top_a])[0])
            rows = types == kind
            found["marker_correlation_pcc"].append(
                pearsonr(correlations(real[rows][:, top_a]), correlations(other[rows][:, top_a]))[0])
        self.values.update({key: np.mean(values) for key, values in found.items() if values})

    def use(self):
        w, draw = self.world, self.draw
        source, rows = (w.train, draw["published_training"]) if self.floor else (w.generated, draw["published_generated"])
        test_rows = w.draws["published_test"]
        test, truth = w.train_pca.transform(w.test.rows(test_rows)), w.test.labels(test_rows)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1, tol=1e-8, max_iter=5000))
        model.fit(w.train_pca.transform(source.rows(rows)), source.labels(rows))
        self.values["trained_on_accuracy"] = balanced_accuracy_score(truth, model.predict(test))


class Sample:
    """Cells of a file, restricted to the genes that were compared; rows are rows of the file."""

    def __init__(self, path, genes, label_key, target_sum):
        atlas = anndata.read_h5ad(path)
        self.atlas, self.target_sum = atlas[:, genes], target_sum
        self.types = np.asarray(atlas.obs[label_key].astype(str)) if label_key in atlas.obs else None

    def rows(self, rows):
        return log_normalised(self.atlas.X[np.asarray(rows)], self.target_sum)

    def totals(self, rows):
        return np.asarray(self.atlas.X[np.asarray(rows)].sum(1)).ravel()

    def labels(self, rows):
        return None if self.types is None else self.types[np.asarray(rows)]


class Voters:
    """The vote of the 15 nearest cells; a tie goes to the nearest voter (scikit-learn's goes to the first name)."""

    def __init__(self, points, labels):
        self.points, self.labels = points, labels

    def predict(self, queries):
        said = []
        for row in cdist(queries, self.points):
            near = self.labels[np.argsort(row, kind="stable")[:15]]
            names, votes = np.unique(near, return_counts=True)
            tied = set(names[votes == votes.max()])
            said.append(next(label for label in near if label in tied))
        return np.array(said)


class World:
    def __init__(self, arguments, evaluation):
        generated = anndata.read_h5ad(arguments.generated, backed="r")
        real = anndata.read_h5ad(arguments.real, backed="r")
        genes = [g for g in generated.var_names if g in set(real.var_names)]
        if len(genes) != evaluation["genes"]:
            sys.exit(f"{len(genes)} genes are in both files, the evaluation has {evaluation['genes']}")
        self.draws = evaluation["draws"]
        self.test = self.train = Sample(arguments.real, genes, arguments.label_key, arguments.target_sum)
        self.generated = Sample(arguments.generated, genes, arguments.label_key, arguments.target_sum)
        train = self.train.rows(self.draws["train"])
        self.train_pca = principal_components(train, arguments.components)
        self.train_points = self.train_pca.transform(train)
        self.trees = arguments.trees
        self.types = self.train.types
        self.scored = [t["name"] for t in evaluation["types"] if t["scored"]]
        if self.types is not None:
            labels = self.train.labels(self.draws["train"])
            known = labels != "nan"
            self.voters = Voters(self.train_points[known], labels[known])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evaluation")
    parser.add_argument("real")
    parser.add_argument("generated")
    parser.add_argument("--label-key", default="cell_type")
    parser.add_argument("--target-sum", type=float, default=1e4)
    parser.add_argument("--components", type=int, default=30)
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--auc-limit", type=float, default=0.02, help="with few cells folds alone make more")
    arguments = parser.parse_args()
    with open(arguments.evaluation) as file:
        evaluation = json.load(file)
    if "draws" not in evaluation:
        sys.exit(f"{arguments.evaluation}: no draws; evaluate with --evaluate.write_draws=true")
    world = World(arguments, evaluation)
    sides = {"generated": [], "floor": []}
    for number, halving in enumerate(world.draws["halvings"]):
        for side, values in sides.items():
            values.append(Figures(world, halving, side == "floor").compute(number))
    failed = 0
    for key in sides["floor"][0]:
        for side, values in sides.items():
            here, there = np.mean([v[key] for v in values]), evaluation["figures"][key][side]["mean"]
            random = key.endswith("_auc")
            limit = arguments.auc_limit if random else 1e-3 * max(1.0, abs(here))
            agrees = there is not None and abs(here - there) <= limit
            failed += not agrees
            shown = "n/a" if there is None else f"{there:.5f}"
            print(f"{'ok' if agrees else 'FAILED':7} {key:28} {side:10} {shown} here {here:.5f}")
    print(f"{failed} figures disagree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
