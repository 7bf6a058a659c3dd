#pragma once

#include <cstdint>

#include "src/config/input_options.hpp"

namespace lapatlas {

/// How large an atlas is, as its file's headers say.
struct AtlasSize {
    std::int64_t cells = 0;
    std::int64_t genes = 0;
    double nonzeros = 0;  ///< of a dense matrix: by a sample of its rows
};

/// Rank-local. Of what read_atlas would read; nothing is read whole. InputError as read_atlas.
AtlasSize read_atlas_size(const InputOptions& options);

}  // namespace lapatlas
