#include "src/evaluate/random_forest.hpp"

#include <cmath>
#include <opencv2/core/version.hpp>
#include <opencv2/ml.hpp>

namespace lapatlas {
namespace {

cv::Mat to_matrix(const Points& points) {
    cv::Mat matrix(static_cast<int>(points.rows()), static_cast<int>(points.cols()), CV_32F);
    for (int i = 0; i < matrix.rows; ++i)
        for (int j = 0; j < matrix.cols; ++j) matrix.at<float>(i, j) = static_cast<float>(points(i, j));
    return matrix;
}

}  // namespace

std::vector<double> forest_probabilities(const Points& cells, const std::vector<int>& classes,
                                         const Points& queries, std::int64_t num_trees, int max_depth,
                                         std::uint32_t seed) {
    cv::Mat responses(static_cast<int>(classes.size()), 1, CV_32F);
    for (int i = 0; i < responses.rows; ++i)
        responses.at<float>(i) = static_cast<float>(classes[static_cast<std::size_t>(i)]);
    const auto forest = cv::ml::RTrees::create();
    // Regression on 0/1: splits by variance are splits by the Gini index, and a leaf's mean is its class
    // frequency, which OpenCV's classification forest does not give away (it votes).
    forest->setRegressionAccuracy(0);
    forest->setMaxDepth(max_depth);
    forest->setMinSampleCount(2);
    forest->setActiveVarCount(static_cast<int>(std::sqrt(static_cast<double>(cells.cols()))));
    forest->setTermCriteria({cv::TermCriteria::MAX_ITER, static_cast<int>(num_trees), 0});
    // OpenCV draws from this thread's generator, so seeding it here makes the forest a function of its
    // arguments.
    cv::setRNGSeed(static_cast<int>(seed));
    forest->train(to_matrix(cells), cv::ml::ROW_SAMPLE, responses);
    cv::Mat predicted;
    forest->predict(to_matrix(queries), predicted);
    std::vector<double> probabilities(static_cast<std::size_t>(queries.rows()));
    for (std::size_t i = 0; i < probabilities.size(); ++i)
        probabilities[i] = static_cast<double>(predicted.at<float>(static_cast<int>(i)));
    return probabilities;
}

std::string random_forest_version() { return CV_VERSION; }

}  // namespace lapatlas
