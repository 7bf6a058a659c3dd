#pragma once

#include <memory>
#include <vector>

#include "dist/communicator.hpp"
#include "src/evaluate/label_classifier.hpp"
#include "src/train/rank_data.hpp"

namespace lapatlas {

/// Collective. A classifier of latents by the labels of training cells, the same on every rank; null where
/// there are no labels. `means` [rows of the data, latent], contiguous, on the host.
std::unique_ptr<LabelClassifier> learn_labels(const Communicator& comm, const RankData& data,
                                              const torch::Tensor& means);

/// Rows of a tensor on the host as points.
Points points_of(const torch::Tensor& rows);

/// [rows] the label that a classifier finds likeliest.
std::vector<std::int32_t> likeliest_labels(const LabelClassifier& classifier, const torch::Tensor& means);

}  // namespace lapatlas
