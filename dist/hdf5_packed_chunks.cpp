#include "dist/hdf5_packed_chunks.hpp"

#include <omp.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "dist/hdf5_file.hpp"

namespace lapatlas::hdf5_detail {

namespace {

using Bytes = std::vector<unsigned char>;

/// HDF5's shuffle: byte b of item i at b * items + i.
void shuffle(const unsigned char* items, std::size_t count, std::size_t width, unsigned char* out) {
    for (std::size_t b = 0; b < width; ++b)
        for (std::size_t i = 0; i < count; ++i) out[b * count + i] = items[i * width + b];
}

void unshuffle(const unsigned char* shuffled, std::size_t count, std::size_t width, unsigned char* out) {
    for (std::size_t b = 0; b < width; ++b)
        for (std::size_t i = 0; i < count; ++i) out[i * width + b] = shuffled[b * count + i];
}

/// Chunks in the making at a time: each thread has some, and memory is bounded.
std::int64_t chunks_at_a_time() { return 4 * omp_get_max_threads(); }

/// Chunk `index` into `out`; false if its bytes are not those of one.
bool unpack(const PackedChunks& chunks, Bytes& packed, Bytes& shuffled, unsigned char* out) {
    const std::size_t size = static_cast<std::size_t>(chunks.chunk_rows) * chunks.item_bytes;
    if (chunks.shuffles) shuffled.resize(size);
    unsigned char* target = chunks.shuffles ? shuffled.data() : out;
    uLongf unpacked = size;
    if (uncompress(target, &unpacked, packed.data(), packed.size()) != Z_OK || unpacked != size) return false;
    if (chunks.shuffles)
        unshuffle(target, static_cast<std::size_t>(chunks.chunk_rows), chunks.item_bytes, out);
    return true;
}

bool pack(const PackedChunks& chunks, const unsigned char* items, Bytes& shuffled, Bytes& packed) {
    const std::size_t size = static_cast<std::size_t>(chunks.chunk_rows) * chunks.item_bytes;
    if (chunks.shuffles) {
        shuffled.resize(size);
        shuffle(items, static_cast<std::size_t>(chunks.chunk_rows), chunks.item_bytes, shuffled.data());
        items = shuffled.data();
    }
    packed.resize(compressBound(size));
    uLongf length = packed.size();
    if (compress2(packed.data(), &length, items, size, chunks.gzip_level) != Z_OK) return false;
    packed.resize(length);
    return true;
}

}  // namespace

std::optional<PackedChunks> packed_chunks(hid_t dataset, hid_t type, std::int64_t first, std::int64_t count) {
    if (omp_get_max_threads() < 2 || omp_in_parallel() != 0) return std::nullopt;
    const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
    const Hdf5Handle layout(H5Dget_create_plist(dataset), H5Pclose);
    const Hdf5Handle held(H5Dget_type(dataset), H5Tclose);
    if (H5Sget_simple_extent_ndims(space.get()) != 1 || H5Pget_layout(layout.get()) != H5D_CHUNKED ||
        H5Tequal(held.get(), type) <= 0)
        return std::nullopt;
    PackedChunks chunks{.dataset = dataset, .item_bytes = H5Tget_size(type)};
    hsize_t rows = 0, chunk_rows = 0;
    H5Sget_simple_extent_dims(space.get(), &rows, nullptr);
    H5Pget_chunk(layout.get(), 1, &chunk_rows);
    chunks.num_rows = static_cast<std::int64_t>(rows);
    chunks.chunk_rows = static_cast<std::int64_t>(chunk_rows);
    if (count <= 0 || first / chunks.chunk_rows == (first + count - 1) / chunks.chunk_rows)
        return std::nullopt;
    const int filters = H5Pget_nfilters(layout.get());
    for (int f = 0; f < filters; ++f) {
        unsigned flags = 0, value = 0, config = 0;
        std::size_t values = 1;
        const H5Z_filter_t filter = H5Pget_filter2(layout.get(), static_cast<unsigned>(f), &flags, &values,
                                                   &value, 0, nullptr, &config);
        if (filter == H5Z_FILTER_SHUFFLE && f == 0 && filters == 2)
            chunks.shuffles = true;
        else if (filter == H5Z_FILTER_DEFLATE && f == filters - 1 && filters <= 2)
            chunks.gzip_level = static_cast<int>(value);
        else
            return std::nullopt;
    }
    return filters > 0 ? std::optional(chunks) : std::nullopt;
}

bool read_packed_chunks(const PackedChunks& chunks, std::int64_t first, std::int64_t count, void* out) {
    const std::int64_t begin = first / chunks.chunk_rows, end = (first + count - 1) / chunks.chunk_rows + 1;
    const std::int64_t at_a_time = std::min(chunks_at_a_time(), end - begin);
    std::vector<Bytes> packed(static_cast<std::size_t>(at_a_time)), shuffled(packed.size()),
        whole(packed.size());
    for (std::int64_t from = begin; from < end; from += at_a_time) {
        const std::int64_t some = std::min(at_a_time, end - from);
        for (std::int64_t c = 0; c < some; ++c) {
            const auto offset = static_cast<hsize_t>((from + c) * chunks.chunk_rows);
            hsize_t bytes = 0;
            std::uint32_t skipped = 0;
            if (H5Dget_chunk_storage_size(chunks.dataset, &offset, &bytes) < 0 || bytes == 0) return false;
            Bytes& into = packed[static_cast<std::size_t>(c)];
            into.resize(bytes);
            if (H5Dread_chunk(chunks.dataset, H5P_DEFAULT, &offset, &skipped, into.data()) < 0 ||
                skipped != 0)
                return false;
        }
        std::atomic<bool> is_good = true;
#pragma omp parallel for schedule(dynamic)
        for (std::int64_t c = 0; c < some; ++c) {
            const auto slot = static_cast<std::size_t>(c);
            const std::int64_t row = (from + c) * chunks.chunk_rows;
            const std::int64_t low = std::max(row, first),
                               high = std::min(row + chunks.chunk_rows, first + count);
            unsigned char* place =
                static_cast<unsigned char*>(out) + static_cast<std::size_t>(low - first) * chunks.item_bytes;
            const bool is_whole = high - low == chunks.chunk_rows;
            if (!is_whole)
                whole[slot].resize(static_cast<std::size_t>(chunks.chunk_rows) * chunks.item_bytes);
            unsigned char* target = is_whole ? place : whole[slot].data();
            if (!unpack(chunks, packed[slot], shuffled[slot], target))
                is_good = false;
            else if (!is_whole)
                std::memcpy(place, target + static_cast<std::size_t>(low - row) * chunks.item_bytes,
                            static_cast<std::size_t>(high - low) * chunks.item_bytes);
        }
        if (!is_good) return false;
    }
    return true;
}

bool write_packed_chunks(const PackedChunks& chunks, std::int64_t first, std::int64_t count,
                         const void* values) {
    const std::int64_t num_chunks = count / chunks.chunk_rows;
    const std::int64_t at_a_time = std::min(chunks_at_a_time(), num_chunks);
    std::vector<Bytes> packed(static_cast<std::size_t>(at_a_time)), shuffled(packed.size());
    for (std::int64_t from = 0; from < num_chunks; from += at_a_time) {
        const std::int64_t some = std::min(at_a_time, num_chunks - from);
        std::atomic<bool> is_good = true;
#pragma omp parallel for schedule(dynamic)
        for (std::int64_t c = 0; c < some; ++c) {
            const auto slot = static_cast<std::size_t>(c);
            const auto* items = static_cast<const unsigned char*>(values) +
                                static_cast<std::size_t>((from + c) * chunks.chunk_rows) * chunks.item_bytes;
            if (!pack(chunks, items, shuffled[slot], packed[slot])) is_good = false;
        }
        if (!is_good) return false;
        for (std::int64_t c = 0; c < some; ++c) {
            const auto offset = static_cast<hsize_t>(first + (from + c) * chunks.chunk_rows);
            const Bytes& bytes = packed[static_cast<std::size_t>(c)];
            if (H5Dwrite_chunk(chunks.dataset, H5P_DEFAULT, 0, &offset, bytes.size(), bytes.data()) < 0)
                return false;
        }
    }
    return true;
}

}  // namespace lapatlas::hdf5_detail
