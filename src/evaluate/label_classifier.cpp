#include "src/evaluate/label_classifier.hpp"

#include <Eigen/Cholesky>
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
        // The Hessian's blocks: X^T diag(p_a ([a = b] - p_b)) X. A constant added to all intercepts changes
        // nothing; a trace of a ridge there keeps the factorisation safe.
        Eigen::MatrixXd hessian(width * classes, width * classes);
        for (Eigen::Index a = 0; a < classes; ++a)
            for (Eigen::Index b = 0; b <= a; ++b) {
                const Eigen::ArrayXd weight = p.col(a).array() * ((a == b ? 1.0 : 0.0) - p.col(b).array());
                const Eigen::MatrixXd block = x.transpose() * weight.matrix().asDiagonal() * x;
                hessian.block(a * width, b * width, width, width) = block;
                hessian.block(b * width, a * width, width, width) = block.transpose();
            }
        for (Eigen::Index i = 0; i < hessian.rows(); ++i)
            hessian(i, i) += i % width == width - 1 ? 1e-6 : 1.0;
        const Eigen::Map<const Eigen::VectorXd> flat(gradient.data(), gradient.size());
        const Eigen::VectorXd direction = hessian.ldlt().solve(flat);
        const Eigen::Map<const Eigen::MatrixXd> move(direction.data(), width, classes);
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
