#include "src/evaluate/label_classifier.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "dist/error.hpp"

namespace lapatlas {
namespace {

constexpr int kMostSteps = 50;
constexpr double kTolerance = 1e-8;

/// Probabilities [cells, labels] of a linear model.
Eigen::MatrixXd softmax_rows(Eigen::MatrixXd logits) {
    for (Eigen::Index row = 0; row < logits.rows(); ++row) {
        const Eigen::ArrayXd shifted =
            (logits.row(row).array() - logits.row(row).maxCoeff()).exp().transpose();
        logits.row(row) = (shifted / shifted.sum()).matrix().transpose();
    }
    return logits;
}

/// Cross-entropy summed over cells, and half the squared weights but those of the intercept.
double objective(const Eigen::MatrixXd& x, const Eigen::MatrixXd& truth, const Eigen::MatrixXd& weights) {
    const Eigen::MatrixXd p = softmax_rows(x * weights);
    const double fit = -(truth.array() * (p.array().max(1e-300)).log()).sum();
    return fit + 0.5 * weights.topRows(weights.rows() - 1).squaredNorm();
}

/// The objective's Hessian at the probabilities `p` times `v` [width, labels].
Eigen::MatrixXd curvature_along(const Eigen::MatrixXd& x, const Eigen::MatrixXd& p,
                                const Eigen::MatrixXd& v) {
    Eigen::MatrixXd moved = x * v;
    const Eigen::VectorXd mean = (p.array() * moved.array()).rowwise().sum();
    moved = (p.array() * (moved.colwise() - mean).array()).matrix();
    Eigen::MatrixXd product = x.transpose() * moved;
    const Eigen::Index intercept = v.rows() - 1;
    product.topRows(intercept) += v.topRows(intercept);
    // A constant added to all intercepts changes nothing; a trace of a ridge there keeps the solution finite.
    product.row(intercept) += 1e-6 * v.row(intercept);
    return product;
}

/// What of the Hessian solves to the gradient, by conjugate gradients: the Hessian itself has (width x
/// labels)^2 entries.
Eigen::MatrixXd newton_step(const Eigen::MatrixXd& x, const Eigen::MatrixXd& p,
                            const Eigen::MatrixXd& gradient) {
    constexpr double kResidual = 1e-6;
    Eigen::MatrixXd solution = Eigen::MatrixXd::Zero(gradient.rows(), gradient.cols());
    Eigen::MatrixXd residual = gradient, direction = gradient;
    double square = residual.squaredNorm();
    const double enough = kResidual * kResidual * square;
    for (Eigen::Index i = 0; i < 2 * gradient.size() && square > enough; ++i) {
        const Eigen::MatrixXd product = curvature_along(x, p, direction);
        const double step = square / (direction.array() * product.array()).sum();
        solution += step * direction;
        residual -= step * product;
        const double next = residual.squaredNorm();
        direction = residual + next / square * direction;
        square = next;
    }
    return solution;
}

}  // namespace

Eigen::MatrixXd LabelClassifier::design(const Points& cells) const {
    Eigen::MatrixXd x(cells.rows(), cells.cols() + 1);
    x.leftCols(cells.cols()) = ((cells.rowwise() - mean_).array().rowwise() / deviation_.array()).matrix();
    x.col(cells.cols()).setOnes();
    return x;
}

LabelClassifier::LabelClassifier(const Points& cells, const std::vector<std::int32_t>& labels)
    : names_(labels) {
    ensure(cells.rows() > 0 && static_cast<std::size_t>(cells.rows()) == labels.size(), "one label a cell");
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
    mean_ = cells.colwise().mean();
    deviation_ = ((cells.rowwise() - mean_).array().square().colwise().mean()).sqrt();
    deviation_ = (deviation_.array() > 0).select(deviation_, 1);
    const auto classes = static_cast<Eigen::Index>(names_.size());
    const Eigen::MatrixXd x = design(cells);
    const Eigen::Index width = x.cols();
    weights_ = Eigen::MatrixXd::Zero(width, classes);
    if (classes == 1) return;
    Eigen::MatrixXd truth = Eigen::MatrixXd::Zero(cells.rows(), classes);
    for (Eigen::Index row = 0; row < cells.rows(); ++row)
        truth(row, std::lower_bound(names_.begin(), names_.end(), labels[static_cast<std::size_t>(row)]) -
                       names_.begin()) = 1;

    double value = objective(x, truth, weights_);
    for (int step = 0; step < kMostSteps; ++step) {
        const Eigen::MatrixXd p = softmax_rows(x * weights_);
        Eigen::MatrixXd gradient = x.transpose() * (p - truth);
        gradient.topRows(width - 1) += weights_.topRows(width - 1);
        const Eigen::MatrixXd move = newton_step(x, p, gradient);
        double length = 1, reached = objective(x, truth, weights_ - move);
        while (!(reached <= value) && length > 1e-6) {
            length /= 2;
            reached = objective(x, truth, weights_ - length * move);
        }
        if (!(reached <= value)) break;
        weights_ -= length * move;
        const bool settled = value - reached <= kTolerance * (1 + std::abs(value));
        value = reached;
        if (settled) break;
    }
}

Eigen::MatrixXd LabelClassifier::probabilities(const Points& queries) const {
    return softmax_rows(design(queries) * weights_);
}

std::vector<std::int32_t> LabelClassifier::predict(const Points& queries) const {
    std::vector<std::int32_t> labels;
    const Eigen::MatrixXd logits = design(queries) * weights_;
    for (Eigen::Index row = 0; row < queries.rows(); ++row) {
        Eigen::Index best = 0;
        logits.row(row).maxCoeff(&best);
        labels.push_back(names_[static_cast<std::size_t>(best)]);
    }
    return labels;
}

double balanced_accuracy(const std::vector<std::int32_t>& truth, const std::vector<std::int32_t>& predicted) {
    std::map<std::int32_t, std::pair<double, double>> tallies;  // right, all
    for (std::size_t i = 0; i < truth.size(); ++i) {
        tallies[truth[i]].first += truth[i] == predicted[i] ? 1 : 0;
        tallies[truth[i]].second += 1;
    }
    if (tallies.empty()) return std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
    for (const auto& [label, tally] : tallies) sum += tally.first / tally.second;
    return sum / static_cast<double>(tallies.size());
}

}  // namespace lapatlas
