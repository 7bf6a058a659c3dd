#pragma once

#include <cstdint>
#include <string>

#include "src/config/options.hpp"
#include "src/io/atlas_size.hpp"
#include "src/io/prepared_file.hpp"

namespace lapatlas {

/// What there is to do, as far as memory and time depend on it.
struct Workload {
    Config config;          ///< with what the data's size decides
    double read_cells = 0;  ///< of the atlas that is read
    double read_nonzeros = 0;
    double train_cells = 0;
    double heldout_cells = 0;
    double genes = 0;     ///< that are kept
    double nonzeros = 0;  ///< of training and held-out cells over kept genes
    double encoder_genes = 0;
    double encoder_nonzeros = 0;  ///< of all cells over the encoder's genes
    double edges = 0;             ///< of the training graph, each in both directions
    double labels = 0, batches = 0;
    int ranks = 1;
    int ranks_a_machine = 1;
    bool on_gpu = false;

    double cells() const { return train_cells + heldout_cells; }
    /// Whether the embedding looks at each cell alone; otherwise it is of graphs.
    bool is_cellwise() const;
    bool is_zero_inflated() const { return config.model.likelihood == "zinb"; }
    double hidden() const;  ///< width of the encoder
    double latent() const;
    /// Of a step that trains the embedding, on all ranks: cells in its graph or batch, and those whose losses
    /// count.
    double active_cells() const;
    double loss_cells() const;
    double joint_steps() const;
    double generated_cells() const;
    /// Weights of encoder and decoder, of the decoder's output layer alone, and of the ScoreNet.
    double network_weights() const;
    double output_weights() const;
    double score_weights() const;
};

/// Of an atlas that is not prepared: all its genes, the options' shares of its cells.
Workload workload_of(const AtlasSize& size, const Config& config, int ranks, int ranks_a_machine);
/// Of a prepared dataset.
Workload workload_of(const PreparedSummary& summary, const Config& config, int ranks, int ranks_a_machine);

}  // namespace lapatlas
