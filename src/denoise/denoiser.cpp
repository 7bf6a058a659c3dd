#include "src/denoise/denoiser.hpp"

#include <cmath>
#include <cstdio>
#include <utility>

#include "dist/collectives.hpp"
#include "dist/fnv1a.hpp"
#include "src/config/config.hpp"
#include "src/denoise/harmony.hpp"
#include "src/denoise/prior_training.hpp"
#include "src/denoise/proximal_step.hpp"
#include "src/denoise/query_sampler.hpp"

namespace lapatlas {

namespace {

/// Rows of one matrix as the latents are made of them.
class Expression {
  public:
    Expression(const CountMatrix& matrix, const SharedGenes& shared, const Config& config) {
        if (config.input.values == "as_given") {
            rows_ = std::make_unique<MatrixRows>(matrix);
        } else {
            counts_ = PackedCounts(matrix);
            rows_ = std::make_unique<LogCounts>(counts_, config.prepare.target_sum, shared.used);
        }
    }
    const ExpressionRows& rows() const { return *rows_; }

  private:
    PackedCounts counts_;
    std::unique_ptr<ExpressionRows> rows_;
};

/// Mean and standard deviation over the repeats of each cell.
void summarise(const std::vector<float>& samples, std::int64_t repeats, DenoisedQuery& query) {
    const std::int64_t a_cell = repeats * query.width;
    for (std::int64_t cell = 0; cell < std::ssize(samples) / a_cell; ++cell)
        for (std::int64_t j = 0; j < query.width; ++j) {
            const auto value = [&](std::int64_t r) {
                return static_cast<double>(
                    samples[static_cast<std::size_t>(cell * a_cell + r * query.width + j)]);
            };
            double mean = 0, squares = 0;
            for (std::int64_t r = 0; r < repeats; ++r) mean += value(r) / static_cast<double>(repeats);
            for (std::int64_t r = 0; r < repeats; ++r) squares += (value(r) - mean) * (value(r) - mean);
            query.dice.push_back(static_cast<float>(mean));
            query.deviation.push_back(
                repeats > 1 ? static_cast<float>(std::sqrt(squares / static_cast<double>(repeats - 1))) : 0);
        }
}

}  // namespace

Denoiser::Denoiser(std::shared_ptr<const Backend> backend, const Config& config, const DenoiseInput& input,
                   const std::filesystem::path& prior_path,
                   const std::map<std::string, std::string>& provenance, Log& log)
    : backend_(std::move(backend)), config_(config), input_(input) {
    const Communicator& comm = backend_->comm();
    const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
    log.stage("principal components of the reference");
    {
        const Expression rows(input.shared.reference, input.shared, config);
        space_ = fit_reference_space(*backend_, rows.rows(), config.denoise, seed);
    }
    reference_.width = space_.pca.num_components;
    log.info(std::to_string(reference_.width) + " components of " + std::to_string(input.shared.used.size()) +
             " genes");
    projected_ = latents_in(space_, Expression(input.shared.query, input.shared, config).rows());
    if (config.denoise.align_batches) {
        log.stage("align batches");
        Harmonised aligned = harmonise(comm, space_.latents, reference_.width, input.reference_batches,
                                       input.num_batches, seed);
        space_.latents = std::move(aligned.points);
        aligned_ = map_onto(comm, aligned.clusters, projected_);
    }
    reference_.values =
        all_gather_v<float>(comm, std::vector<float>(space_.latents.begin(), space_.latents.end()));
    reference_.labels = all_gather_v<std::int32_t>(comm, input.reference_labels);
    prior_.emplace(backend_, config.denoise, reference_.width, reference_, seed);
    prior_id_ = train_prior(comm, config, prior_path, provenance, reference_, *prior_, log);
    if (config.denoise.likelihood != "gaussian")
        observation_ =
            fit_count_observation(*backend_, space_, input.shared, config.denoise, config.prepare.target_sum);
}

std::string Denoiser::made_by(const DenoiseOptions& options) const {
    // Of the query by its latents: the sum over cells is that of any number of ranks.
    const auto width = static_cast<std::size_t>(reference_.width);
    std::int64_t sum = 0;
    for (std::size_t cell = 0; cell < observed().size() / width; ++cell) {
        const std::int64_t id = input_.query.first_cell + static_cast<std::int64_t>(cell);
        const std::uint64_t of_id = fnv1a(std::span<const std::int64_t>(&id, 1));
        sum += static_cast<std::int64_t>(
            fnv1a(std::span<const double>(observed()).subspan(cell * width, width), of_id) >> 24);
    }
    char text[256];
    std::snprintf(text, sizeof text,
                  ";query=%lld of %lld;%s rho=%s %.17g %.17g;noise=%.17g;x%lld;p%lld;r%lld",
                  static_cast<long long>(all_reduce_sum(backend_->comm(), sum)),
                  static_cast<long long>(input_.query.num_cells), config_.denoise.likelihood.c_str(),
                  options.rho_schedule.c_str(), options.rho, options.last_rho, options.noise,
                  static_cast<long long>(options.iterations), static_cast<long long>(options.prior_steps),
                  static_cast<long long>(options.repeats));
    return prior_id_ + text;
}

DenoisedQuery Denoiser::denoise(const DenoiseOptions& options, const std::filesystem::path& output,
                                Log& log) {
    const Communicator& comm = backend_->comm();
    const std::int64_t width = reference_.width;
    DenoisedQuery query(SampleStore(comm, output, made_by(options), options.repeats * width));
    query.width = width;
    Acceptance acceptance;
    const LikelihoodOfCells likelihood = [&](std::int64_t begin, std::int64_t end,
                                             const torch::Tensor& projected) -> LikelihoodStep {
        if (!observation_) return gaussian_likelihood(backend_, projected, options.noise);
        return proximal_likelihood(backend_, *observation_,
                                   observed_cells(*backend_, input_.shared.query, input_.shared.used, begin,
                                                  end, options.repeats, config_.prepare.target_sum),
                                   acceptance);
    };
    const std::vector<float> samples =
        sample_query(backend_, *prior_, likelihood, options,
                     {observed(), width, input_.query.first_cell, input_.query.num_cells}, query.store,
                     config_.train.checkpoint_minutes, static_cast<std::uint64_t>(config_.runtime.seed), log);

    query.pca.assign(projected_.begin(), projected_.end());
    query.aligned.assign(aligned_.begin(), aligned_.end());
    summarise(samples, options.repeats, query);
    const double proposed = all_reduce_sum(comm, acceptance.proposed);
    if (proposed > 0) {
        query.acceptance = all_reduce_sum(comm, acceptance.taken) / proposed;
        char text[80];
        std::snprintf(text, sizeof text, "%.1f %% of the likelihood step's proposals were taken",
                      100 * query.acceptance);
        log.info(text);
    }
    if (!input_.label_names.empty())
        query.votes = vote_on_labels(comm, std::vector<double>(samples.begin(), samples.end()),
                                     options.repeats, space_.latents, width, reference_.labels,
                                     std::ssize(input_.label_names), options.neighbours);
    return query;
}

}  // namespace lapatlas
