#include "src/train/embedding_phase.hpp"

#include <cmath>
#include <string>
#include <utility>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

constexpr double kExplodedNorm = 1e9;

}  // namespace

void require_finite(const LossTerms& terms, double gradient_norm, const char* phase, std::int64_t step) {
    const std::pair<const char*, double> named[] = {{"reconstruction loss", terms.reconstruction},
                                                    {"KL term", terms.kl},
                                                    {"diffusion loss", terms.diffusion},
                                                    {"gradient norm", gradient_norm}};
    for (const auto& [name, value] : named)
        if (!std::isfinite(value) || (std::string(name) == "gradient norm" && value > kExplodedNorm))
            throw InternalError(
                std::string("training stopped at ") + phase + " step " + std::to_string(step) + ": " + name +
                " is " + std::to_string(value) +
                "; a checkpoint written before stays; lower its learning rate or train.clip_norm");
}

}  // namespace lapatlas
