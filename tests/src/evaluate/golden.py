"""Prints the numbers that metrics_test.cpp and label_metrics_test.cpp hold, computed by scikit-learn, SciPy, POT,
scib-metrics, prdc and scanpy on arrays made by the formula of formula_arrays.hpp. Needs those."""
import anndata
import numpy as np
import ot
import scanpy
from prdc import compute_prdc
from scib_metrics import lisi_knn
from scib_metrics.nearest_neighbors import NeighborsResults
from scipy.stats import ks_2samp, pearsonr, spearmanr
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (accuracy_score, adjusted_rand_score, balanced_accuracy_score, f1_score, homogeneity_score,
                             normalized_mutual_info_score, roc_auc_score, silhouette_score)
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def scattered(i, j, salt):
    value = np.sin(i * 12.9898 + j * 78.233 + salt * 37.719) * 43758.5453
    return value - np.floor(value)


def bell(rows, columns, salt, shift):
    i, j = np.meshgrid(np.arange(rows, dtype=float), np.arange(columns, dtype=float), indexing="ij")
    return shift - 2 + sum(scattered(i, j, 10 * salt + part) for part in range(4))


def w2(x, y):
    weights = [np.full(len(s), 1 / len(s)) for s in (x, y)]
    return np.sqrt(ot.emd2(*weights, ot.dist(x, y, "sqeuclidean"), numItermax=10**6))


def mmd2(x, y, rates):
    return sum(rbf_kernel(x, x, r).mean() + rbf_kernel(y, y, r).mean() - 2 * rbf_kernel(x, y, r).mean() for r in rates)


real, other, smaller = bell(60, 5, 1, 0.0), bell(60, 5, 2, 0.2), bell(45, 5, 3, 0.3)
print("w2 equal", w2(real, other))
print("w2 unequal", w2(real, smaller))
print("mmd2 published", mmd2(real, smaller, [1 / (2 * s * s) for s in (0.01, 0.1, 1, 10, 100)]))
squared = ot.dist(real, real, "sqeuclidean")[np.triu_indices(len(real), 1)]
print("mmd2 median", mmd2(real, smaller, [1 / (f * np.median(squared)) for f in (0.25, 0.5, 1, 2, 4)]))

points = np.vstack([real, other])
classes = np.repeat([0, 1], 60)
folds = np.tile(np.arange(60) % 5, 2)


def out_of_fold(make):
    scores = np.zeros(len(points))
    for fold in range(5):
        model = make().fit(points[folds != fold], classes[folds != fold])
        scores[folds == fold] = model.predict_proba(points[folds == fold])[:, 1]
    return roc_auc_score(classes, scores)


print("knn auc", out_of_fold(lambda: KNeighborsClassifier(5)))
forests = [out_of_fold(lambda: RandomForestClassifier(200, max_depth=5, class_weight="balanced", random_state=s))
           for s in range(10)]
print("forest auc", np.mean(forests), "sd", np.std(forests, ddof=1))

x, y = np.round(bell(40, 1, 4, 0.0)[:, 0], 1), np.round(bell(40, 1, 5, 0.0)[:, 0] + bell(40, 1, 4, 0.0)[:, 0], 1)
print("pearson", pearsonr(x, y)[0], "spearman", spearmanr(x, y)[0])
print("ks", ks_2samp(x, np.round(bell(55, 1, 6, 0.1)[:, 0], 1)).statistic)
print("auc with ties", roc_auc_score(np.arange(40) % 2, y))
truth, predicted = np.floor(4 * scattered(np.arange(50.0), 0, 7)), np.floor(3 * scattered(np.arange(50.0), 1, 7))
print("accuracy", accuracy_score(truth, predicted), "macro f1", f1_score(truth, predicted, average="macro"))
print("knn votes", KNeighborsClassifier(15).fit(points, classes).predict(smaller).sum())

# label_metrics_test.cpp
print("ari", adjusted_rand_score(truth, predicted), "nmi", normalized_mutual_info_score(truth, predicted),
      "homogeneity", homogeneity_score(truth, predicted))
print("balanced accuracy", balanced_accuracy_score(truth, predicted))
print("cosine silhouette", silhouette_score(points, classes, metric="cosine"),
      silhouette_score(points[:50], truth, metric="cosine"))
distances, indices = NearestNeighbors(n_neighbors=91).fit(points).kneighbors(points)
lisi = lisi_knn(NeighborsResults(indices=indices[:, 1:], distances=distances[:, 1:]), classes, perplexity=30)
print("lisi", np.mean(lisi), lisi[0], lisi[100])
print("coverage, density", compute_prdc(real_features=real, fake_features=smaller, nearest_k=5))

three = np.floor(3 * scattered(np.arange(150.0), 0, 21))
cells = bell(150, 4, 22, 0.0) + 0.5 * three[:, None] * np.array([1, -1, 0, 0])
model = make_pipeline(StandardScaler(), LogisticRegression(C=1, tol=1e-10, max_iter=10000)).fit(cells[:100], three[:100])
print("logistic regression", "".join(str(int(v)) for v in model.predict(cells[100:])))

expression = np.maximum(0, np.round(bell(90, 12, 23, 0.2), 1))
groups = np.floor(3 * scattered(np.arange(90.0), 0, 24))
expression[:, :4] += 0.5 * (groups[:, None] == np.arange(4)[None, :]) * (expression[:, :4] > 0)
atlas = anndata.AnnData(expression, obs={"group": [f"g{int(g)}" for g in groups]})
atlas.obs["group"] = atlas.obs["group"].astype("category")
atlas.uns["log1p"] = {"base": None}
scanpy.tl.rank_genes_groups(atlas, "group", method="wilcoxon", tie_correct=False)
for group in ("g0", "g2"):
    table = scanpy.get.rank_genes_groups_df(atlas, group).sort_values("names", key=lambda n: n.astype(int))
    print("markers", group, table["scores"].round(6).tolist(), table["logfoldchanges"].round(6).tolist())
print("correlations", np.corrcoef(expression[:40, [0, 3, 5]].T)[np.triu_indices(3, 1)])
