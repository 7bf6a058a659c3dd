#pragma once

#include <hdf5.h>

#include <cstdint>
#include <string>

// Shared by the sources of Hdf5File alone.
namespace lapatlas::hdf5_detail {

/// The innermost message of HDF5's error stack: usually the one that says why. The next HDF5 call may clear
/// it.
std::string innermost_message();

/// Selects rows [first, first + rows) of the leading dimension; nothing when rows is 0.
void select_rows(hid_t space, std::int64_t first, std::int64_t rows);

}  // namespace lapatlas::hdf5_detail
