#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"
#include "src/denoise/count_observation.hpp"
#include "src/denoise/denoise_input.hpp"
#include "src/denoise/label_votes.hpp"
#include "src/denoise/latent_prior.hpp"
#include "src/denoise/reference_space.hpp"
#include "src/denoise/sample_store.hpp"

namespace lapatlas {

/// This rank's cells of a query, denoised.
struct DenoisedQuery {
    explicit DenoisedQuery(SampleStore kept) : store(std::move(kept)) {}

    std::int64_t width = 0;
    std::vector<float> pca, dice, deviation;  // [cells, width]; mean and spread over repeats
    std::vector<float> aligned;               // [cells, width]; empty: batches are as they are
    LabelVotes votes;                         ///< no labels where the reference has none
    double acceptance = 1;                    ///< of the likelihood step's proposals; 1 where it has none
    SampleStore store;  ///< what is kept of it; to be removed once nobody comes back for it
};

/// The latents that a reference spans, the prior it trains in them and what its cells say of counts: all that
/// does not depend on rho.
class Denoiser {
  public:
    /// Collective. Takes the prior from `prior_path`, or trains it and puts it there. Views `input` and
    /// `config`, which must outlive it.
    Denoiser(std::shared_ptr<const Backend> backend, const Config& config, const DenoiseInput& input,
             const std::filesystem::path& prior_path, const std::map<std::string, std::string>& provenance,
             Log& log);

    /// Collective. The query with these options, of which those that decide the prior and the likelihood
    /// are not looked at. What is sampled is kept beside `output`.
    DenoisedQuery denoise(const DenoiseOptions& options, const std::filesystem::path& output, Log& log);

  private:
    const std::vector<double>& observed() const { return aligned_.empty() ? projected_ : aligned_; }
    std::string made_by(const DenoiseOptions& options) const;

    std::shared_ptr<const Backend> backend_;
    const Config& config_;
    const DenoiseInput& input_;
    ReferenceSpace space_;
    ReferenceLatents reference_;
    std::vector<double> projected_;  // [local cells of the query, components]
    std::vector<double> aligned_;    // as that, moved onto the reference; empty: batches are as they are
    std::optional<LatentPrior> prior_;
    std::string prior_id_;
    std::optional<CountObservation> observation_;  ///< of a likelihood of counts
};

}  // namespace lapatlas
