#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/denoise/denoise_input.hpp"
#include "src/denoise/denoiser.hpp"
#include "src/denoise/label_votes.hpp"
#include "src/evaluate/space_figures.hpp"

namespace lapatlas {

/// How confidence sets hold the truth.
struct Calibration {
    double level = 0;      ///< asked for
    double holds = 0;      ///< share of cells whose set holds their label
    double mean_size = 0;  ///< labels in a set
};

struct DenoiseFigures {
    std::int64_t num_cells = 0;           ///< of the query with a label, or a sample of them; 0: it has none
    SpaceFigures pca, dice;               ///< NaN where the query has no labels
    std::optional<SpaceFigures> aligned;  ///< of projected latents after the alignment of batches
    double accuracy = 0;                  ///< of the neighbours' label; NaN where either side has none
    std::vector<Calibration> calibration;
    double shift = 0;       ///< mean distance of a cell's denoised from its projected (aligned) latent
    double spread = 0;      ///< root mean square of the standard deviations over repeats
    double entropy = 0;     ///< mean of the label votes', nats; NaN where the reference has no labels
    double acceptance = 1;  ///< of the likelihood step's proposals
};

/// Collective. The label figures are of an even sample of the query's labelled cells. On the root; elsewhere
/// nothing is filled in.
DenoiseFigures judge_query(const Communicator& comm, const DenoiseInput& input, const DenoisedQuery& denoised,
                           std::uint64_t seed);

/// Of cells whose truth [cells] is a label of the reference; empty where none is. `votes` of those cells.
std::vector<Calibration> calibrate(const LabelVotes& votes, const std::vector<std::int32_t>& truth);

std::string table_of(const DenoiseFigures& figures);
void write_denoise_figures(const std::filesystem::path& path, const DenoiseFigures& figures,
                           const std::map<std::string, std::string>& provenance);

}  // namespace lapatlas
