#include "src/train/model.hpp"

#include "src/embed/parameter_init.hpp"

namespace lapatlas {

Model make_model(const ModelOptions& options, const ModelSizes& sizes, std::uint64_t seed) {
    Model model;
    model.encoder = SpectralEncoder(SpectralEncoderOptions{sizes.genes, sizes.encodings, options.hidden,
                                                           options.latent, options.cheb_order});
    model.decoder = CountDecoder(CountDecoderOptions{options.latent, options.hidden, sizes.genes,
                                                     options.likelihood == "negative_binomial",
                                                     options.library == "size_factor"});
    model.score_net =
        ScoreNet(ScoreNetOptions{options.latent, sizes.labels, options.score_width, options.score_blocks});
    initialise_parameters(*model.encoder, seed, 1);
    initialise_parameters(*model.decoder, seed, 2);
    initialise_parameters(*model.score_net, seed, 3);
    return model;
}

}  // namespace lapatlas
