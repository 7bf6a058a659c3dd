#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <optional>

// Shared by the sources of Hdf5File alone: gzip chunks packed and unpacked by all threads of a rank, where
// HDF5's own filters use one. Threads are those of OpenMP; HDF5 itself is called by the caller's alone.
namespace lapatlas::hdf5_detail {

/// A 1-D dataset whose chunks this code can pack and unpack as HDF5 would.
struct PackedChunks {
    hid_t dataset = -1;
    std::int64_t num_rows = 0;    ///< of the dataset
    std::int64_t chunk_rows = 0;  ///< items of a chunk
    std::size_t item_bytes = 0;
    bool shuffles = false;  ///< bytes of like significance lie together before gzip
    int gzip_level = 0;
};

/// Rank-local. None unless the dataset has one dimension, holds its items as `type` does in memory, its
/// filters are gzip or shuffle and gzip, rows [first, first + count) touch several of its chunks, and this
/// rank has several threads.
std::optional<PackedChunks> packed_chunks(hid_t dataset, hid_t type, std::int64_t first, std::int64_t count);

/// Rank-local. Rows [first, first + count) into `out`. False, `out` then undefined, if a chunk is not what
/// its dataset says, for HDF5 to say why.
bool read_packed_chunks(const PackedChunks& chunks, std::int64_t first, std::int64_t count, void* out);

/// Rank-local; no other rank may have the file open. Whole chunks from row `first`, the first of one. False
/// if HDF5 could not write, its error stack then tells.
bool write_packed_chunks(const PackedChunks& chunks, std::int64_t first, std::int64_t count,
                         const void* values);

}  // namespace lapatlas::hdf5_detail
