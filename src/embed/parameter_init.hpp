#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace lapatlas {

/// Sets every parameter of `module` as a pure function of (seed, module_tag, parameter index, element), so
/// that all ranks start from the same weights without a message and whatever libtorch's own generator holds.
/// `module_tag` keeps the networks of one model apart. Parameters are told apart by name and shape:
/// - "bias", "..._bias": 0;
/// - "weight" of a submodule named zero_...: 0 (output layers that must start silent);
/// - "weight" of a submodule named ...embedding, [rows, width]: N(0, 1);
/// - "weight" with one dimension (LayerNorm): 1;
/// - "weight" with two, [out, in] (Linear): uniform in +-1/sqrt(in);
/// - other names with "weight" in them, [in, out] or [terms, in, out] (Chebyshev convolutions): uniform in
///   +-1/sqrt(in) or +-1/sqrt(terms * in);
/// - any other name: left as its constructor made it, which must be a constant.
/// The index of a parameter is its place in named_parameters(), so adding one at the end moves no other.
/// Values are rounded to float32 whatever the parameter's type.
void initialise_parameters(torch::nn::Module& module, std::uint64_t seed, std::uint32_t module_tag);

}  // namespace lapatlas
