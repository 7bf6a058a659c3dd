"""Prints the numbers that metrics_test.cpp holds, computed by scikit-learn, SciPy and POT on arrays made by the formula
of formula_arrays.hpp. Needs numpy, scipy, scikit-learn and POT."""
import numpy as np
import ot
from scipy.stats import ks_2samp, pearsonr, spearmanr
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsClassifier


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
