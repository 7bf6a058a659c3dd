#include "tests/bench/scaling/trainer_point.hpp"

#include <algorithm>

#include "dist/collectives.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "tests/bench/scaling/step_program.hpp"

namespace lapatlas::bench {

namespace {

StepSizes sizes_of(Trainer& trainer) {
    const Config& config = trainer.config();
    StepSizes sizes;
    sizes.genes = trainer.data().counts.num_genes();
    sizes.hidden = config.model.hidden;
    sizes.latent = config.model.latent;
    sizes.order = config.model.cheb_order;
    sizes.encodings = trainer.data().summary.num_encodings;
    for (const torch::Tensor& weight : trainer.model().score_net->parameters())
        sizes.score_weights += static_cast<double>(weight.numel());
    sizes.perturb = config.train.perturb;
    sizes.power_iterations = config.train.power_iterations;
    sizes.gradients = trainer.gradient_sizes();
    sizes.encoder_gradients = static_cast<std::int64_t>(trainer.model().encoder->parameters().size());
    return sizes;
}

/// Collective. What every rank has of the whole training graph.
std::vector<RankLoad> gather_loads(const Communicator& comm, const RankData& data, double loss_share) {
    const GraphShard& shard = data.train_graph;
    double nonzeros = 0;
    const LogCounts seen(data.counts, data.input_target_sum, data.encoder_genes);
    RowBuffer buffer;
    for (std::int64_t row = 0; row < data.num_train_rows; ++row)
        nonzeros += static_cast<double>(seen.row(row, buffer).size);
    double boundary = 0;
    for (const std::int32_t r : shard.boundary_rows)
        boundary += static_cast<double>(shard.neighbours(r).size());
    const std::vector<double> mine{static_cast<double>(shard.num_owned),
                                   loss_share * static_cast<double>(shard.num_owned), nonzeros,
                                   static_cast<double>(shard.num_edges()) - boundary, boundary};
    const std::vector<double> all = all_gather_v<double>(comm, mine);
    struct Send {
        int from, to;
        std::int64_t rows;
    };
    std::vector<Send> sends;
    for (std::size_t s = 0; s < shard.plan.send_ranks.size(); ++s)
        sends.push_back({comm.rank(), shard.plan.send_ranks[s],
                         shard.plan.send_offsets[s + 1] - shard.plan.send_offsets[s]});
    const std::vector<Send> all_sends = all_gather_v<Send>(comm, sends);
    std::vector<RankLoad> loads;
    for (std::size_t i = 0; i + 5 <= all.size(); i += 5)
        loads.push_back({all[i], all[i + 1], all[i + 2], all[i + 3], all[i + 4], {}});
    for (const Send& send : all_sends)
        loads[static_cast<std::size_t>(send.from)].sends.emplace_back(send.to, send.rows);
    return loads;
}

}  // namespace

StudyPoint study_point_of(const Communicator& comm, Trainer& trainer, const MachineSpeed& speed) {
    const Config& config = trainer.config();
    if (config.train.batch != "full")
        throw ConfigError("train.batch = " + config.train.batch +
                          ": a scaling study is of whole-graph steps");
    const auto cells = static_cast<double>(trainer.data().summary.num_train);
    const double loss_share = config.train.loss_cells == 0
                                  ? 1.0
                                  : std::min(1.0, static_cast<double>(config.train.loss_cells) / cells);
    const StepSizes sizes = sizes_of(trainer);
    return {.series = "",
            .placement = "a run on " + std::to_string(comm.size()) + " ranks",
            .extrapolated = false,
            .cells = cells,
            .gradients = sizes.gradients,
            .step = joint_step_program(sizes, speed),
            .loads = gather_loads(comm, trainer.data(), loss_share)};
}

}  // namespace lapatlas::bench
