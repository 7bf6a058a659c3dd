// What a trainer keeps in a checkpoint, and takes from one.
#include <algorithm>
#include <numeric>
#include <tuple>

#include "dist/collectives.hpp"
#include "src/config/config.hpp"
#include "src/train/trainer.hpp"

namespace lapatlas {

namespace {

/// Collective. Library sizes and covariates of all training cells on the root, grouped by label (unlabelled
/// last), within a label by batch, and there in the order of global rows: the same table on any number of
/// ranks.
void gather_libraries(const Communicator& comm, const RankData& data, Checkpoint& checkpoint) {
    struct Entry {
        std::int64_t row;
        std::int64_t condition;
        float library;
    };
    const auto num_labels = static_cast<std::int64_t>(data.summary.label_names.size());
    const auto num_batches =
        std::max<std::int64_t>(1, static_cast<std::int64_t>(data.summary.batch_names.size()));
    std::vector<Entry> mine;
    for (std::int64_t r = 0; r < data.num_train_rows; ++r) {
        const auto index = static_cast<std::size_t>(r);
        const std::int64_t label = data.labels[index] < 0 ? num_labels : data.labels[index];
        mine.push_back({data.train_graph.owned_ids[index], label * num_batches + data.batches[index],
                        data.library[index]});
    }
    std::vector<Entry> all = gather_v<Entry>(comm, mine);
    const std::size_t columns = data.summary.covariate_columns.size();
    const std::vector<float> covariates =
        gather_v<float>(comm, std::span<const float>(data.covariates)
                                  .subspan(0, static_cast<std::size_t>(data.num_train_rows) * columns));
    if (!comm.is_root()) return;
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::tie(all[a].condition, all[a].row) < std::tie(all[b].condition, all[b].row);
    });
    checkpoint.library_offsets.assign(static_cast<std::size_t>((num_labels + 1) * num_batches) + 1, 0);
    checkpoint.covariate_columns = data.summary.covariate_columns;
    checkpoint.protein_names = data.summary.protein_names;
    for (const std::size_t place : order) {
        const Entry& entry = all[place];
        const auto own = covariates.begin() + static_cast<std::ptrdiff_t>(place * columns);
        checkpoint.covariates.insert(checkpoint.covariates.end(), own,
                                     own + static_cast<std::ptrdiff_t>(columns));
        ++checkpoint.library_offsets[static_cast<std::size_t>(entry.condition) + 1];
        checkpoint.libraries.push_back(entry.library);
    }
    for (std::size_t l = 1; l < checkpoint.library_offsets.size(); ++l)
        checkpoint.library_offsets[l] += checkpoint.library_offsets[l - 1];
}

/// Collective. One frozen draw of at most kMostReferences training cells, spread evenly over the global rows,
/// on the root in their order.
void gather_references(const Communicator& comm, const RankData& data, const FrozenLatents& frozen,
                       Checkpoint& checkpoint) {
    constexpr std::int64_t kMostReferences = 4096;
    const std::int64_t total = data.summary.num_train, most = std::min(total, kMostReferences);
    const std::vector<std::int64_t> rows = even_training_rows(data, most);
    std::vector<std::int64_t> places;
    std::vector<std::int32_t> labels;
    for (const std::int64_t row : rows) {
        places.push_back(data.train_graph.owned_ids[static_cast<std::size_t>(row)] * most / total);
        labels.push_back(data.labels[static_cast<std::size_t>(row)]);
    }
    const torch::Tensor drawn = frozen.reference(rows, places).cpu().contiguous();
    const std::int64_t width = drawn.size(1);
    const auto all_places = gather_v<std::int64_t>(comm, places);
    const auto all_labels = gather_v<std::int32_t>(comm, labels);
    const auto all_latents = gather_v<float>(
        comm, std::span<const float>(drawn.data_ptr<float>(), static_cast<std::size_t>(drawn.numel())));
    if (!comm.is_root()) return;
    checkpoint.reference_latents = torch::empty({most, width});
    checkpoint.reference_labels.resize(static_cast<std::size_t>(most));
    for (std::size_t i = 0; i < all_places.size(); ++i) {
        const std::int64_t place = all_places[i];
        checkpoint.reference_labels[static_cast<std::size_t>(place)] = all_labels[i];
        std::copy_n(all_latents.begin() + static_cast<std::ptrdiff_t>(i) * width, width,
                    checkpoint.reference_latents.data_ptr<float>() + place * width);
    }
}

}  // namespace

Checkpoint Trainer::checkpoint() const {
    Checkpoint checkpoint;
    gather_libraries(comm_, data_, checkpoint);
    embedding_->store(checkpoint);
    if (frozen_) gather_references(comm_, data_, *frozen_, checkpoint);
    if (!comm_.is_root()) return {};
    checkpoint.config = dump_config(config_);
    checkpoint.fingerprint = train_fingerprint(config_);
    checkpoint.gene_names = data_.summary.gene_names;
    checkpoint.gene_ids = data_.summary.gene_ids;
    checkpoint.gene_columns = data_.summary.gene_columns;
    checkpoint.label_names = data_.summary.label_names;
    checkpoint.batch_names = data_.summary.batch_names;
    checkpoint.counters.insert({{"joint_steps_done", joint_steps_done_},
                                {"score_steps_done", score_steps_done_},
                                {"average_updates", average_->updates()},
                                {"complete", is_complete() ? 1 : 0},
                                {"num_train", data_.summary.num_train},
                                {"num_cells", data_.summary.num_cells}});
    checkpoint.numbers.insert({{"latent_mean", model_.latent_mean},
                               {"latent_std", model_.latent_std},
                               {"log_library_mean", model_.log_library_mean},
                               {"log_library_std", model_.log_library_std}});
    store_embedding(checkpoint, model_);
    store_module(checkpoint, "score_net", *model_.score_net);
    store_tensors(checkpoint, "score_net_buffers", model_.score_net->buffers());
    store_tensors(checkpoint, "score_net_average", average_->averages());
    if (score_optimiser_ != nullptr) store_optimiser(checkpoint, "score_optimiser", *score_optimiser_);
    if (!model_.classifier.is_empty()) store_classifier(checkpoint, model_.classifier);
    if (classifier_ != nullptr) classifier_->store(checkpoint);
    return checkpoint;
}

void Trainer::restore(const Checkpoint& checkpoint, const std::string& name) {
    if (checkpoint.fingerprint != train_fingerprint(config_))
        throw ConfigError(name +
                          " was trained with other data or options; choose another output.dir, or remove its "
                          "checkpoints/ to train again");
    if (checkpoint.gene_names != data_.summary.gene_names ||
        checkpoint.label_names != data_.summary.label_names)
        throw ConfigError(
            name +
            " knows other genes or types than the prepared data; choose another output.dir, or remove its "
            "checkpoints/ to train again");
    restore_embedding(checkpoint, model_);
    restore_module(checkpoint, "score_net", *model_.score_net);
    restore_tensors(checkpoint, "score_net_average", average_->averages());
    average_->set_updates(checkpoint.counters.at("average_updates"));
    embedding_->restore(checkpoint);
    joint_steps_done_ = checkpoint.counters.at("joint_steps_done");
    score_steps_done_ = checkpoint.counters.at("score_steps_done");
    if (checkpoint.counters.contains("score_optimiser_steps")) {
        make_score_phase();
        restore_optimiser(checkpoint, "score_optimiser", *score_optimiser_);
    }
    model_.latent_mean = checkpoint.numbers.at("latent_mean");
    model_.latent_std = checkpoint.numbers.at("latent_std");
    if (!model_.classifier.is_empty()) restore_classifier(checkpoint, model_.classifier);
    if (checkpoint.counters.contains("classifier_epochs_done")) classifier().restore(checkpoint);
}

}  // namespace lapatlas
