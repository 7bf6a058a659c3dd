#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "partition/distributed_graph.hpp"
#include "src/graph/communities.hpp"
#include "src/graph/knn.hpp"

namespace lapatlas {

/// Collective. `labels` of this rank's rows become the communities of the graph; returns their names, "0" the
/// largest.
std::vector<std::string> label_by_communities(const Communicator& comm, const DistributedGraph& graph,
                                              const CommunityOptions& options,
                                              std::vector<std::int32_t>& labels);

/// Collective. The label that most of each row's neighbours have, of training rows with `labels` on their
/// ranks; the lower one where two are as frequent.
std::vector<std::int32_t> labels_of_most_neighbours(const Communicator& comm, const DistributedGraph& graph,
                                                    const std::vector<std::int32_t>& labels,
                                                    const KnnGraph& edges);

}  // namespace lapatlas
