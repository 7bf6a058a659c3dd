#include "src/io/packed_counts.hpp"

#include <algorithm>
#include <cstring>

#include "dist/error.hpp"

namespace lapatlas {

PackedCounts::PackedCounts(const CountMatrix& counts) : num_genes_(counts.num_genes) {
    reserve(counts.num_rows(), counts.num_nonzeros());
    append(counts);
}

PackedCounts::PackedCounts(std::int64_t num_genes, Arrays arrays)
    : num_genes_(num_genes), arrays_(std::move(arrays)) {
    const auto entries = static_cast<std::size_t>(arrays_.row_offsets.back());
    ensure(arrays_.counts.size() == entries && arrays_.large_entries.size() == arrays_.large_values.size() &&
               (has_short_genes() ? arrays_.genes16.size() : arrays_.genes32.size()) == entries,
           "arrays of packed counts fit together");
}

PackedCounts::PackedCounts(std::int64_t num_genes, Arrays rest, std::vector<InFile> pieces)
    : num_genes_(num_genes), pieces_(std::move(pieces)), arrays_(std::move(rest)) {
    for (const InFile& piece : pieces_) {
        entries_in_files_ += piece.entries;
        ensure(piece.genes->size() == piece.entries * gene_bytes() && piece.counts->size() == piece.entries,
               "pieces of packed counts are of a length");
    }
    ensure(arrays_.row_offsets.back() == entries_in_files_ && arrays_.counts.empty() &&
               arrays_.large_entries.size() == arrays_.large_values.size(),
           "pieces of packed counts fit together");
}

const PackedCounts::Arrays& PackedCounts::arrays() const {
    ensure(pieces_.empty(), "all packed counts are in memory");
    return arrays_;
}

PackedCounts::Place PackedCounts::place_of(std::int64_t entry) const {
    for (const InFile& piece : pieces_) {
        if (entry < piece.entries)
            return {piece.genes->data() + entry * gene_bytes(),
                    reinterpret_cast<const std::uint8_t*>(piece.counts->data()) + entry};
        entry -= piece.entries;
    }
    const auto* const genes = has_short_genes() ? reinterpret_cast<const std::byte*>(arrays_.genes16.data())
                                                : reinterpret_cast<const std::byte*>(arrays_.genes32.data());
    return {genes + entry * gene_bytes(), arrays_.counts.data() + entry};
}

template <class Visit>
void PackedCounts::for_each_piece(std::int64_t begin_row, std::int64_t end_row, const Visit& visit) const {
    std::int64_t begin = arrays_.row_offsets[static_cast<std::size_t>(begin_row)],
                 end = arrays_.row_offsets[static_cast<std::size_t>(end_row)];
    for (const InFile& piece : pieces_) {
        const std::int64_t from = std::max<std::int64_t>(begin, 0), to = std::min(end, piece.entries);
        if (from < to) {
            visit(*piece.genes, from * gene_bytes(), to * gene_bytes());
            visit(*piece.counts, from, to);
        }
        begin -= piece.entries;
        end -= piece.entries;
    }
}

void PackedCounts::prefetch(std::int64_t begin, std::int64_t end) const {
    for_each_piece(begin, end, [](const MappedFile& file, std::int64_t from, std::int64_t to) {
        file.prefetch(from, to);
    });
}

void PackedCounts::release(std::int64_t begin, std::int64_t end) const {
    for_each_piece(begin, end, [](const MappedFile& file, std::int64_t from, std::int64_t to) {
        file.release(from, to);
    });
}

SparseCounts PackedCounts::row(std::int64_t row, RowBuffer& buffer) const {
    const auto first = static_cast<std::size_t>(arrays_.row_offsets[static_cast<std::size_t>(row)]);
    const auto size = static_cast<std::size_t>(row_size(row));
    if (buffer.genes.size() < size) {
        buffer.genes.resize(size);
        buffer.values.resize(size);
    }
    std::int32_t* const genes = buffer.genes.data();
    float* const values = buffer.values.data();
    const auto [packed, counts] = place_of(static_cast<std::int64_t>(first));
    if (has_short_genes()) {
        for (std::size_t i = 0; i < size; ++i) {
            std::uint16_t gene = 0;
            std::memcpy(&gene, packed + i * sizeof(gene), sizeof(gene));
            genes[i] = gene;
        }
    } else if (size > 0) {
        std::memcpy(genes, packed, size * sizeof(std::int32_t));
    }
    for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<float>(counts[i]);
    const std::vector<std::int64_t>& large = arrays_.large_entries;
    if (!large.empty()) {
        const auto begin = static_cast<std::int64_t>(first), end = static_cast<std::int64_t>(first + size);
        for (auto at = std::lower_bound(large.begin(), large.end(), begin); at != large.end() && *at < end;
             ++at)
            values[*at - begin] = arrays_.large_values[static_cast<std::size_t>(at - large.begin())];
    }
    return {genes, values, static_cast<std::int64_t>(size)};
}

CountMatrix PackedCounts::rows(std::int64_t first, std::int64_t count) const {
    CountMatrix matrix;
    matrix.num_genes = num_genes_;
    const auto entries =
        static_cast<std::size_t>(arrays_.row_offsets[static_cast<std::size_t>(first + count)] -
                                 arrays_.row_offsets[static_cast<std::size_t>(first)]);
    matrix.gene_indices.reserve(entries);
    matrix.values.reserve(entries);
    RowBuffer buffer;
    for (std::int64_t r = first; r < first + count; ++r) append_row(matrix, row(r, buffer));
    return matrix;
}

void PackedCounts::reserve(std::int64_t rows, std::int64_t entries) {
    const auto size = static_cast<std::size_t>(entries);
    arrays_.row_offsets.reserve(static_cast<std::size_t>(rows) + 1);
    arrays_.counts.reserve(size);
    if (has_short_genes())
        arrays_.genes16.reserve(size);
    else
        arrays_.genes32.reserve(size);
}

void PackedCounts::append(const SparseCounts& row) {
    const std::size_t first = arrays_.counts.size(), size = static_cast<std::size_t>(row.size);
    const auto before = static_cast<std::size_t>(entries_in_files_);
    arrays_.counts.resize(first + size);
    if (has_short_genes()) {
        arrays_.genes16.resize(first + size);
        std::uint16_t* const to = arrays_.genes16.data() + first;
        for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<std::uint16_t>(row.genes[i]);
    } else {
        arrays_.genes32.insert(arrays_.genes32.end(), row.genes, row.genes + size);
    }
    bool any_large = false;
    std::uint8_t* const to = arrays_.counts.data() + first;
    for (std::size_t i = 0; i < size; ++i) {
        const float value = std::min(row.values[i], static_cast<float>(kLarge));
        to[i] = static_cast<std::uint8_t>(value);
        any_large = any_large || to[i] == kLarge;
    }
    for (std::size_t i = 0; any_large && i < size; ++i)
        if (to[i] == kLarge) {
            arrays_.large_entries.push_back(static_cast<std::int64_t>(before + first + i));
            arrays_.large_values.push_back(row.values[i]);
        }
    arrays_.row_offsets.push_back(static_cast<std::int64_t>(before + first + size));
}

void PackedCounts::append(const CountMatrix& rows) {
    for (std::int64_t row = 0; row < rows.num_rows(); ++row) append(row_of(rows, row));
}

void PackedCounts::append(const PackedCounts& rows) {
    ensure(rows.num_genes_ == num_genes_, "rows of packed counts have the same genes");
    const std::int64_t base = num_nonzeros();
    const Arrays& from = rows.arrays_;
    ensure(rows.pieces_.empty() || arrays_.counts.empty(), "entries in files come before those in memory");
    pieces_.insert(pieces_.end(), rows.pieces_.begin(), rows.pieces_.end());
    entries_in_files_ += rows.entries_in_files_;
    reserve(num_rows() + rows.num_rows(), base + rows.num_nonzeros() - entries_in_files_);
    arrays_.genes16.insert(arrays_.genes16.end(), from.genes16.begin(), from.genes16.end());
    arrays_.genes32.insert(arrays_.genes32.end(), from.genes32.begin(), from.genes32.end());
    arrays_.counts.insert(arrays_.counts.end(), from.counts.begin(), from.counts.end());
    for (const std::int64_t entry : from.large_entries) arrays_.large_entries.push_back(base + entry);
    arrays_.large_values.insert(arrays_.large_values.end(), from.large_values.begin(),
                                from.large_values.end());
    for (std::size_t r = 1; r < from.row_offsets.size(); ++r)
        arrays_.row_offsets.push_back(base + from.row_offsets[r]);
}

}  // namespace lapatlas
