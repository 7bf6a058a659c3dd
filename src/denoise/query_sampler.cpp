#include "src/denoise/query_sampler.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/stop_request.hpp"
#include "dist/timer.hpp"

namespace lapatlas {

namespace {

struct Interval {
    std::int64_t begin, end;
};

/// Of the cells that are not there yet, runs of at most `most`.
std::vector<Interval> missing_runs(const std::vector<bool>& there, std::int64_t most) {
    std::vector<Interval> runs;
    for (std::int64_t cell = 0; cell < std::ssize(there); ++cell) {
        if (there[static_cast<std::size_t>(cell)]) continue;
        if (runs.empty() || runs.back().end != cell || runs.back().end - runs.back().begin == most)
            runs.push_back({cell, cell});
        runs.back().end = cell + 1;
    }
    return runs;
}

}  // namespace

std::vector<float> sample_query(const std::shared_ptr<const Backend>& backend, LatentPrior& prior,
                                const LikelihoodOfCells& likelihood, const DenoiseOptions& options,
                                const ProjectedQuery& query, const SampleStore& store, double keep_minutes,
                                std::uint64_t seed, Log& log) {
    const Communicator& comm = backend->comm();
    const std::int64_t repeats = options.repeats, a_cell = repeats * query.width;
    const std::int64_t cells = std::ssize(query.latents) / query.width;
    std::vector<float> samples(static_cast<std::size_t>(cells * a_cell));
    const std::vector<bool> kept = agreed(comm, [&] { return store.read(query.first_cell, samples); });
    std::int64_t done = all_reduce_sum(comm, static_cast<std::int64_t>(std::ranges::count(kept, true)));
    if (done > 0) log.info("goes on: " + std::to_string(done) + " cells are sampled already");
    const std::vector<Interval> runs =
        missing_runs(kept, std::max<std::int64_t>(1, backend->block_cells() / repeats));

    Interval unsaved{0, 0};
    const auto save = [&] {
        if (unsaved.begin == unsaved.end) return;
        store.write(query.first_cell + unsaved.begin,
                    {samples.begin() + unsaved.begin * a_cell, samples.begin() + unsaved.end * a_cell});
        unsaved.begin = unsaved.end;
    };
    const StepNoisePredictor noise = [&](const torch::Tensor& x, std::int64_t step) {
        return prior.predict(x, step);
    };
    const auto sample = [&](const Interval& run) {
        std::vector<std::int64_t> ids(static_cast<std::size_t>((run.end - run.begin) * repeats));
        std::iota(ids.begin(), ids.end(), (query.first_cell + run.begin) * repeats);
        const std::vector<float> of_cells(query.latents.begin() + run.begin * query.width,
                                          query.latents.begin() + run.end * query.width);
        const torch::Tensor start =
            backend->tensor(of_cells).reshape({-1, query.width}).repeat_interleave(repeats, 0);
        const torch::Tensor last =
            split_gibbs(*backend, prior.schedule(), noise, likelihood(run.begin, run.end, start), options,
                        start, ids, seed)
                .to(torch::kCPU)
                .contiguous();
        std::copy_n(last.data_ptr<float>(), last.numel(), samples.begin() + run.begin * a_cell);
    };

    Log::Progress progress(log, "denoise", "cells", query.num_cells_in_all);
    Timer since_save;
    const std::int64_t rounds = all_reduce_max(comm, std::ssize(runs));
    for (std::int64_t round = 0; round < rounds; ++round) {
        const Interval* run = round < std::ssize(runs) ? &runs[static_cast<std::size_t>(round)] : nullptr;
        const bool stops = all_reduce_max(comm, StopRequest::word()) != 0;
        agreed(comm, [&] {
            const bool follows = run == nullptr || run->begin == unsaved.end;
            if (follows && !stops && since_save.seconds() < 60 * keep_minutes) return;
            save();
            if (run != nullptr) unsaved = {run->begin, run->begin};
            since_save = Timer();
        });
        StopRequest::obey(comm, "what is sampled is kept: the same command goes on from there");
        std::int64_t sampled = 0;
        if (run != nullptr) {
            sample(*run);
            unsaved.end = run->end;
            sampled = run->end - run->begin;
        }
        done += all_reduce_sum(comm, sampled);
        progress.update(done);
    }
    agreed(comm, save);
    return samples;
}

}  // namespace lapatlas
