#include "src/heldout_latents.hpp"

#include "dist/agreement.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/generate/generate.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/encode.hpp"

namespace lapatlas {

std::optional<std::vector<double>> heldout_latent_distances(const Communicator& comm, const Config& config,
                                                            const RunFolder& run,
                                                            const std::filesystem::path& atlas) {
    const bool is_its_own = agreed(comm, [&] {
        if (!std::filesystem::exists(run.checkpoint())) return false;
        const std::string id = weights_id_of_atlas(atlas);
        return !id.empty() && id == read_checkpoint_status(run.checkpoint()).weights_id;
    });
    if (!is_its_own) return std::nullopt;
    const Checkpoint checkpoint =
        agreed(comm, [&] { return read_trained_checkpoint(run.checkpoint(), config); });
    const RankData data = load_rank_data(comm, run.prepared(), config);
    Model model = make_model(config.model, sizes_of(data.summary), 0);
    agreed(comm, [&] { restore_embedding(checkpoint, model); });
    const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
    const std::shared_ptr<const Backend> backend = make_cpu_backend(comm);
    const Posterior posterior =
        encode_rows(PlacedData(backend, data), model, config.train, config.train.mask_fraction, seed);

    const std::int64_t first = data.num_train_rows, num_heldout = data.num_rows() - first;
    const std::vector<std::int64_t> ids(data.full_graph.owned_ids.begin() + first,
                                        data.full_graph.owned_ids.end());
    const torch::Tensor drawn = sample_normal(*backend, posterior.mean.narrow(0, first, num_heldout),
                                              posterior.deviation().narrow(0, first, num_heldout),
                                              {seed, 0, backend->tensor(ids)}, RandomStream::kReferenceNoise)
                                    .contiguous();
    const LatentManifold manifold = training_manifold(checkpoint);
    std::vector<double> distances;
    for (std::int64_t i = 0; i < num_heldout; ++i)
        distances.push_back(manifold.distance(drawn.data_ptr<float>() + i * drawn.size(1),
                                              data.labels[static_cast<std::size_t>(first + i)]));
    return distances;
}

}  // namespace lapatlas
