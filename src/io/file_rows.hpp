#pragma once

#include <algorithm>
#include <cstdint>

#include "dist/block_range.hpp"
#include "dist/communicator.hpp"

namespace lapatlas {

/// Where a file's cells stand in an atlas of one or several files: the atlas is dealt to ranks in blocks
/// (block_of_rank), of which each holds some rows of the file, perhaps none.
struct FileRows {
    std::int64_t first = 0;        ///< the atlas's cell that is the file's first
    std::int64_t atlas_cells = 0;  ///< 0: the file is the atlas

    /// This rank's rows of the file, in the file's numbering.
    BlockRange of_rank(const Communicator& comm, std::int64_t file_cells) const {
        const BlockRange block =
            block_of_rank(atlas_cells == 0 ? file_cells : atlas_cells, comm.size(), comm.rank());
        const std::int64_t begin = std::clamp<std::int64_t>(block.begin - first, 0, file_cells);
        return {begin, std::clamp<std::int64_t>(block.end - first, begin, file_cells)};
    }
    int owner(const Communicator& comm, std::int64_t file_cells, std::int64_t row) const {
        return rank_of_row(atlas_cells == 0 ? file_cells : atlas_cells, comm.size(), first + row);
    }
};

}  // namespace lapatlas
