#include "src/embed/parameter_init.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <string>

#include "dist/error.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

struct ParameterName {
    std::string owner;  // the innermost submodule, e.g. "zero_output"
    std::string own;    // e.g. "weight"
};

ParameterName split_name(const std::string& path) {
    const auto dot = path.rfind('.');
    if (dot == std::string::npos) return {"", path};
    const std::string module_path = path.substr(0, dot);
    const auto inner = module_path.rfind('.');
    return {inner == std::string::npos ? module_path : module_path.substr(inner + 1), path.substr(dot + 1)};
}

/// value(element) for every element, in row-major order.
template <class F>
void fill(at::Tensor& parameter, F&& value) {
    at::Tensor values = at::empty(parameter.sizes(), at::kFloat);
    float* out = values.data_ptr<float>();
    for (std::int64_t i = 0; i < values.numel(); ++i)
        out[i] = static_cast<float>(value(static_cast<std::uint64_t>(i)));
    parameter.copy_(values);
}

}  // namespace

void initialise_parameters(torch::nn::Module& module, std::uint64_t seed, std::uint32_t module_tag) {
    const at::NoGradGuard no_gradient;
    const PlacedRandom random(seed, RandomStream::kParameterInit);
    std::uint32_t index = 0;
    for (auto& item : module.named_parameters()) {
        const std::uint32_t step = index++;
        at::Tensor parameter = item.value();
        const ParameterName name = split_name(item.key());
        const bool of_layer = name.own == "weight";
        if (name.own == "bias" || name.own.ends_with("_bias")) {
            parameter.zero_();
        } else if (name.own.find("weight") == std::string::npos) {
            continue;
        } else if (of_layer && name.owner.starts_with("zero_")) {
            parameter.zero_();
        } else if (of_layer && name.owner.ends_with("embedding")) {
            fill(parameter,
                 [&](std::uint64_t element) { return random.normals(element, step, module_tag)[0]; });
        } else if (of_layer && parameter.dim() == 1) {
            parameter.fill_(1);
        } else {
            ensure(parameter.dim() == 2 || (parameter.dim() == 3 && !of_layer),
                   "the shape of a weight is known");
            const std::int64_t fan_in =
                of_layer ? parameter.size(1) : parameter.numel() / parameter.size(parameter.dim() - 1);
            const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
            fill(parameter, [&](std::uint64_t element) {
                return bound * (2 * random.uniform(element, step, module_tag) - 1);
            });
        }
    }
}

}  // namespace lapatlas
