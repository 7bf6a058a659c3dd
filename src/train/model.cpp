#include "src/train/model.hpp"

#include <algorithm>
#include <cmath>

#include "src/autoencode/autoencoder.hpp"
#include "src/autoencode/joint_embedding.hpp"
#include "src/autoencode/linear_embedding.hpp"
#include "src/autoencode/scanvi.hpp"
#include "src/config/derived.hpp"
#include "src/embed/parameter_init.hpp"
#include "src/embed/tensor_of.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/rank_data.hpp"

namespace lapatlas {

void Model::to(const torch::Device& device) {
    if (!encoder.is_empty()) encoder->to(device);
    if (!decoder.is_empty()) decoder->to(device);
    if (!tag_encoder.is_empty()) tag_encoder->to(device);
    if (!tag_decoder.is_empty()) tag_decoder->to(device);
    if (cellwise) cellwise->module().to(device);
    score_net->to(device);
    if (!classifier.is_empty()) classifier->to(device);
    if (loss_log_variances.defined())
        loss_log_variances = loss_log_variances.detach().to(device).set_requires_grad(true);
}

std::shared_ptr<CountModel> Model::counts() const {
    if (cellwise) return cellwise;
    return tag_decoder.is_empty() ? nullptr : std::static_pointer_cast<CountModel>(tag_decoder.ptr());
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
    return {static_cast<std::int64_t>(summary.gene_names.size()),
            summary.num_encodings,
            static_cast<std::int64_t>(summary.label_names.size()),
            static_cast<std::int64_t>(summary.batch_names.size()),
            summary.covariate_columns,
            static_cast<std::int64_t>(summary.protein_names.size())};
}

namespace {

ForwardProcess process_of(const ModelOptions& options) {
    if (options.diffusion == "sde") return ForwardProcess::continuous(options.diffusion_time);
    return ForwardProcess::discrete(
        DdpmSchedule(options.diffusion_steps, options.first_beta, options.last_beta));
}

ScoreNetwork network_of(const std::string& name) {
    if (name == "mlp") return ScoreNetwork::kMlp;
    if (name == "cell_unet") return ScoreNetwork::kCellUnet;
    return name == "scld_unet" ? ScoreNetwork::kScldUnet : ScoreNetwork::kResidualMlp;
}

/// Times, and how often its condition c latents hold then, z_t = sqrt(1 - beta_t) (z_t-1 + c) + ... (SCLD eq.
/// 9): s_t = sqrt(1 - beta_t) (s_t-1 + 1).
std::vector<std::pair<float, float>> condition_shifts(const DdpmSchedule& schedule) {
    std::vector<std::pair<float, float>> shifts{{0.0F, 0.0F}};
    double sum = 0;
    for (std::int64_t step = 1; step <= schedule.num_steps(); ++step) {
        sum = std::sqrt(1 - schedule.beta(step)) * (sum + 1);
        shifts.emplace_back(static_cast<float>(time_of_step(schedule, step)), static_cast<float>(sum));
    }
    return shifts;
}

/// None for the embedding of LapDDPM.
std::shared_ptr<CellEmbedding> make_cellwise(const ModelOptions& options, const ModelSizes& sizes) {
    const bool negative_binomial = options.likelihood != "poisson";
    if (options.embedding == "autoencoder")
        return Autoencoder(AutoencoderOptions{sizes.genes, options.embedding_width, options.embedding_layers,
                                              options.latent, options.unit_length, negative_binomial})
            .ptr();
    if (options.embedding == "pca")
        return LinearEmbedding(sizes.genes, options.latent, negative_binomial).ptr();
    if (options.embedding == "hvg") return GeneEmbedding(sizes.genes, negative_binomial).ptr();
    if (options.embedding == "scanvi")
        return Scanvi(ScanviOptions{.genes = sizes.genes,
                                    .labels = sizes.labels,
                                    .batches = sizes.batches,
                                    .width = options.embedding_width,
                                    .layers = options.embedding_layers,
                                    .latent = options.latent,
                                    .zero_inflated = options.likelihood == "zinb",
                                    .latent_noise = options.latent_noise})
            .ptr();
    if (options.embedding == "joint")
        return JointEmbedding(JointOptions{.genes = sizes.genes,
                                           .proteins = sizes.proteins,
                                           .batches = sizes.batches,
                                           .width = options.embedding_width,
                                           .layers = options.embedding_layers,
                                           .latent = options.latent,
                                           .zero_inflated = options.likelihood == "zinb",
                                           .latent_noise = options.latent_noise})
            .ptr();
    return nullptr;
}

void make_laplacian(const ModelOptions& options, const ModelSizes& sizes, std::uint64_t seed, Model& model) {
    model.encoder = SpectralEncoder(SpectralEncoderOptions{num_encoder_genes(options, sizes.genes),
                                                           sizes.encodings, options.hidden, options.latent,
                                                           options.cheb_order, options.latent_noise});
    model.decoder = CountDecoder(CountDecoderOptions{options.latent, options.hidden, sizes.genes,
                                                     options.likelihood == "negative_binomial",
                                                     options.library == "size_factor", sizes.batches,
                                                     options.dispersion == "gene_label" ? sizes.labels : 0});
    initialise_parameters(*model.encoder, seed, 1);
    initialise_parameters(*model.decoder, seed, 2);
}

void make_tag(const ModelOptions& options, const ModelSizes& sizes, std::uint64_t seed, Model& model) {
    TagDecoderOptions decoder{
        .genes = sizes.genes, .latent = options.latent, .zero_inflated = options.likelihood == "zinb"};
    if (options.target_clusters > 0)
        decoder.centres = options.target_clusters;
    else if (sizes.labels > 0)
        decoder.centres = sizes.labels;
    model.tag_encoder = TagEncoder(TagEncoderOptions{.genes = num_encoder_genes(options, sizes.genes),
                                                     .hidden = options.embedding_width,
                                                     .latent = options.latent});
    model.tag_decoder = TagDecoder(decoder);
    initialise_parameters(*model.tag_encoder, seed, 6);
    initialise_parameters(*model.tag_decoder, seed, 7);
}

}  // namespace

Model make_model(const ModelOptions& options, const ModelSizes& sizes, std::uint64_t seed) {
    Model model;
    model.cellwise = make_cellwise(options, sizes);
    if (model.cellwise)
        initialise_parameters(model.cellwise->module(), seed, 5);
    else if (options.embedding == "sctag")
        make_tag(options, sizes, seed, model);
    else
        make_laplacian(options, sizes, seed, model);
    const std::int64_t latent = model.cellwise ? model.cellwise->latent() : options.latent;
    model.process = process_of(options);
    model.joint_library = options.library_model == "joint";
    ScoreNetOptions score{.latent = latent + (model.joint_library ? 1 : 0),
                          .num_labels = sizes.labels,
                          .num_batches = sizes.batches,
                          .width = options.score_width,
                          .blocks = options.score_blocks,
                          .network = network_of(options.score_network),
                          .fusion = fusion_from_name(options.fusion),
                          .mean_genes = options.condition == "mean" ? sizes.genes : 0};
    for (const CovariateColumn& column : sizes.covariates)
        score.covariates.push_back({std::ssize(column.categories), column.mean, column.deviation});
    if (has_unet_widths(options)) score.unet_widths = unet_widths(options);
    if (options.condition_shift) score.shifts = condition_shifts(*model.process.schedule());
    model.score_net = ScoreNet(score);
    initialise_parameters(*model.score_net, seed, 3);
    if (options.classifier != "none") {
        model.classifier = LatentClassifier(LatentClassifierOptions{model.score_net->options().latent,
                                                                    sizes.labels, options.classifier_width,
                                                                    options.classifier == "scanvi"});
        initialise_parameters(*model.classifier, seed, 4);
    }
    return model;
}

namespace {

/// With its buffers, which batch norms have.
void store_whole_module(Checkpoint& checkpoint, const std::string& name, const torch::nn::Module& module) {
    store_module(checkpoint, name, module);
    store_tensors(checkpoint, name + "_buffers", module.buffers());
}

void restore_whole_module(const Checkpoint& checkpoint, const std::string& name, torch::nn::Module& module) {
    restore_module(checkpoint, name, module);
    std::vector<torch::Tensor> buffers = module.buffers();
    restore_tensors(checkpoint, name + "_buffers", buffers);
}

}  // namespace

void store_embedding(Checkpoint& checkpoint, const Model& model) {
    if (model.cellwise) store_whole_module(checkpoint, "embedding", model.cellwise->module());
    if (!model.tag_encoder.is_empty()) store_module(checkpoint, "encoder", *model.tag_encoder);
    if (!model.tag_decoder.is_empty()) store_module(checkpoint, "decoder", *model.tag_decoder);
    if (!model.encoder.is_empty()) store_module(checkpoint, "encoder", *model.encoder);
    if (!model.decoder.is_empty()) store_module(checkpoint, "decoder", *model.decoder);
}

void restore_embedding(const Checkpoint& checkpoint, Model& model) {
    if (!model.tag_encoder.is_empty()) restore_module(checkpoint, "encoder", *model.tag_encoder);
    if (!model.encoder.is_empty()) restore_module(checkpoint, "encoder", *model.encoder);
    restore_decoder(checkpoint, model);
}

void restore_decoder(const Checkpoint& checkpoint, Model& model) {
    if (model.cellwise) restore_whole_module(checkpoint, "embedding", model.cellwise->module());
    if (!model.tag_decoder.is_empty()) restore_module(checkpoint, "decoder", *model.tag_decoder);
    if (!model.decoder.is_empty()) restore_module(checkpoint, "decoder", *model.decoder);
}

void restore_score_net_buffers(const Checkpoint& checkpoint, ScoreNet& score_net) {
    std::vector<torch::Tensor> buffers = score_net->buffers();
    restore_tensors(checkpoint, "score_net_buffers", buffers);
}

void store_classifier(Checkpoint& checkpoint, const LatentClassifier& classifier) {
    store_whole_module(checkpoint, "classifier", *classifier);
}

void restore_classifier(const Checkpoint& checkpoint, LatentClassifier& classifier) {
    restore_whole_module(checkpoint, "classifier", *classifier);
    classifier->eval();
}

}  // namespace lapatlas
