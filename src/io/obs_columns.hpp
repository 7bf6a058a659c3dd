#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/io/h5ad_writer.hpp"

namespace lapatlas {

/// What a file says of this rank's cells beside their counts, as H5adHeader and H5adRows have it.
struct ObsColumns {
    std::vector<H5adHeader::Categorical> categorical;
    std::vector<std::vector<std::int32_t>> codes;  // [categorical][local rows], -1: missing
    std::vector<std::string> numeric;
    std::vector<std::vector<float>> numbers;  // [numeric][local rows], NaN: missing
};

/// Collective. The obs columns of the file at `path` for its rows [first, first + count) of this rank:
/// numbers as such, all others as categories, which are sorted. A column that cannot be read is left out,
/// with a warning. None of what is no single .h5ad: 10x files and lists of files have no obs columns of one
/// kind.
ObsColumns read_obs_columns(const Communicator& comm, const std::filesystem::path& path, std::int64_t first,
                            std::int64_t count, Log& log);

/// Puts them behind the columns that are in `header` and `rows` already, but for those of the same names.
void append_obs_columns(ObsColumns columns, H5adHeader& header, H5adRows& rows);

}  // namespace lapatlas
