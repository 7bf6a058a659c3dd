#pragma once

#include <Eigen/Dense>
#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace lapatlas::testing_support {

using Dense = Eigen::MatrixXd;

/// The encoder, decoder and losses once more, dense, in float64, straight from the paper's formulas and with
/// no code in common with the product: T_k by its recurrence on the full matrix, likelihood by lgamma.
struct DenseReference {
    std::map<std::string, std::vector<Dense>> weights;  ///< by parameter name; one matrix a Chebyshev term

    static Dense layer_norm(const Dense& x, const Dense& scale, const Dense& shift) {
        Dense out = x;
        for (Eigen::Index r = 0; r < x.rows(); ++r) {
            const double mean = x.row(r).mean();
            const double variance = (x.row(r).array() - mean).square().mean();
            out.row(r) = ((x.row(r).array() - mean) / std::sqrt(variance + 1e-5)) * scale.row(0).array() +
                         shift.row(0).array();
        }
        return out;
    }
    static Dense relu(const Dense& x) { return x.cwiseMax(0.0); }

    /// sum_k T_k(laplacian) x W_k + bias.
    static Dense chebyshev(const Dense& laplacian, const Dense& x, const std::vector<Dense>& w,
                           const Dense& bias) {
        Dense before = Dense::Identity(laplacian.rows(), laplacian.cols());
        Dense now = laplacian;
        Dense out = x * w[0];
        for (std::size_t k = 1; k < w.size(); ++k) {
            out += now * x * w[k];
            const Dense next = 2 * laplacian * now - before;
            before = now;
            now = next;
        }
        return out.rowwise() + bias.row(0);
    }
    Dense linear(const Dense& x, const std::string& name) const {
        return (x * weights.at(name + ".weight")[0].transpose()).rowwise() +
               weights.at(name + ".bias")[0].row(0);
    }

    struct Result {
        Dense mean, log_variance;
        double reconstruction, kl, prior = 0;
    };
    /// x [cells, genes + encodings], counts [cells, genes], xi [cells, latent], labels [cells] (-1: none).
    Result operator()(const Dense& laplacian, const Dense& x, const Dense& counts, const Dense& xi,
                      const std::vector<int>& labels, bool negative_binomial, bool size_factor) const {
        Result result;
        const Dense first = relu(chebyshev(laplacian, x, weights.at("first"), weights.at("first_bias")[0]));
        const Dense second =
            relu(chebyshev(laplacian, first, weights.at("second_weight"), weights.at("second_bias")[0]));
        result.mean = linear(second, "mean");
        result.log_variance = linear(second, "log_variance");
        result.kl = 0.5 * (result.mean.array().square() + result.log_variance.array().exp() - 1 -
                           result.log_variance.array())
                              .sum();
        const Dense z = result.mean.array() + (0.5 * result.log_variance.array()).exp() * xi.array();
        Dense h = relu(layer_norm(linear(z, "first"), weights.at("first_norm.weight")[0],
                                  weights.at("first_norm.bias")[0]));
        h = relu(layer_norm(linear(h, "second"), weights.at("second_norm.weight")[0],
                            weights.at("second_norm.bias")[0]));
        const Dense logits = linear(h, "output");
        result.reconstruction = 0;
        for (Eigen::Index r = 0; r < counts.rows(); ++r) {
            const double library = counts.row(r).sum();
            const double norm = logits.row(r).array().exp().sum();
            for (Eigen::Index g = 0; g < counts.cols(); ++g) {
                const double x_count = counts(r, g);
                const double mu = std::exp(logits(r, g)) * (size_factor ? library / norm : 1);
                if (!negative_binomial) {
                    result.reconstruction += mu - x_count * std::log(mu) + std::lgamma(x_count + 1);
                    continue;
                }
                double log_theta = weights.at("dispersion")[0](0, g);
                if (const auto shift = weights.find("dispersion_shift");
                    shift != weights.end() && labels[static_cast<std::size_t>(r)] >= 0)
                    log_theta += shift->second[0](0, labels[static_cast<std::size_t>(r)] * counts.cols() + g);
                const double theta = std::exp(10 * log_theta);
                result.reconstruction -= std::lgamma(x_count + theta) - std::lgamma(theta) -
                                         std::lgamma(x_count + 1) + theta * std::log(theta / (theta + mu)) +
                                         x_count * std::log(mu / (theta + mu));
            }
        }
        if (const auto shift = weights.find("dispersion_shift"); shift != weights.end())
            result.prior = 0.5 * (10 * shift->second[0].array()).square().sum();
        return result;
    }
};

}  // namespace lapatlas::testing_support
