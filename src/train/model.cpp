#include "src/train/model.hpp"

#include <algorithm>
#include <cmath>

#include "src/config/derived.hpp"
#include "src/embed/parameter_init.hpp"
#include "src/embed/tensor_of.hpp"
#include "src/train/rank_data.hpp"

namespace lapatlas {

void Model::to(const torch::Device& device) {
    encoder->to(device);
    decoder->to(device);
    score_net->to(device);
    if (!classifier.is_empty()) classifier->to(device);
    if (loss_log_variances.defined())
        loss_log_variances = loss_log_variances.detach().to(device).set_requires_grad(true);
}

torch::Tensor Model::diffused(const torch::Tensor& z, std::span<const float> library) const {
    const torch::Tensor standardised = (z - latent_mean) / latent_std;
    if (!joint_library) return standardised;
    std::vector<float> coordinate;
    for (const float size : library)
        coordinate.push_back(static_cast<float>(
            (std::log(std::max(1.0, static_cast<double>(size))) - log_library_mean) / log_library_std));
    return torch::cat({standardised, tensor_of(coordinate, z.device()).unsqueeze(1)}, 1);
}

ModelSizes sizes_of(const PreparedSummary& summary) {
    return {static_cast<std::int64_t>(summary.gene_names.size()), summary.num_encodings,
            static_cast<std::int64_t>(summary.label_names.size()),
            static_cast<std::int64_t>(summary.batch_names.size())};
}

namespace {

ForwardProcess process_of(const ModelOptions& options) {
    if (options.diffusion == "sde") return ForwardProcess::continuous(options.diffusion_time);
    return ForwardProcess::discrete(
        DdpmSchedule(options.diffusion_steps, options.first_beta, options.last_beta));
}

}  // namespace

Model make_model(const ModelOptions& options, const ModelSizes& sizes, std::uint64_t seed) {
    Model model;
    model.encoder = SpectralEncoder(SpectralEncoderOptions{num_encoder_genes(options, sizes.genes),
                                                           sizes.encodings, options.hidden, options.latent,
                                                           options.cheb_order, options.latent_noise});
    model.decoder = CountDecoder(CountDecoderOptions{options.latent, options.hidden, sizes.genes,
                                                     options.likelihood == "negative_binomial",
                                                     options.library == "size_factor", sizes.batches,
                                                     options.dispersion == "gene_label" ? sizes.labels : 0});
    model.process = process_of(options);
    model.joint_library = options.library_model == "joint";
    model.score_net = ScoreNet(ScoreNetOptions{
        options.latent + (model.joint_library ? 1 : 0), sizes.labels, sizes.batches, options.score_width,
        options.score_blocks,
        options.score_network == "cell_unet" ? unet_widths(options) : std::vector<std::int64_t>{}});
    initialise_parameters(*model.encoder, seed, 1);
    initialise_parameters(*model.decoder, seed, 2);
    initialise_parameters(*model.score_net, seed, 3);
    if (options.classifier != "none") {
        model.classifier = LatentClassifier(LatentClassifierOptions{model.score_net->options().latent,
                                                                    sizes.labels, options.classifier_width});
        initialise_parameters(*model.classifier, seed, 4);
    }
    return model;
}

}  // namespace lapatlas
