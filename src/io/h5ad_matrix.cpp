#include "src/io/h5ad_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/io/count_check.hpp"
#include "src/io/row_assembler.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kEntriesARound = std::int64_t{1} << 20;

[[noreturn]] void damaged(const Hdf5File& file, const StoredMatrix& matrix, const std::string& how) {
    throw InputError(file.path().string() + ": matrix '" + matrix.name + "' is damaged: " + how);
}

/// Empty if there is no matrix of a known kind at `path`.
std::optional<StoredMatrix> describe(const Hdf5File& file, const std::string& name, const std::string& path) {
    StoredMatrix matrix{.name = name, .path = path};
    std::vector<std::int64_t> shape;
    if (file.is_dataset(path)) {
        shape = file.shape(path);
        const H5T_class_t kind = file.type_class(path);
        if (shape.size() != 2 || (kind != H5T_INTEGER && kind != H5T_FLOAT && kind != H5T_ENUM))
            return std::nullopt;
        matrix.storage = MatrixStorage::kDense;
    } else if (file.is_group(path)) {
        std::string kind = file.string_attribute(path, "encoding-type").value_or("");
        if (kind.empty()) kind = file.string_attribute(path, "h5sparse_format").value_or("");
        if (kind.starts_with("csr"))
            matrix.storage = MatrixStorage::kCsr;
        else if (kind.starts_with("csc"))
            matrix.storage = MatrixStorage::kCsc;
        else
            return std::nullopt;
        auto extent = file.attribute<std::int64_t>(path, "shape");
        if (!extent) extent = file.attribute<std::int64_t>(path, "h5sparse_shape");
        if (!extent || extent->size() != 2) return std::nullopt;
        for (const char* part : {"/data", "/indices", "/indptr"})
            if (!file.is_dataset(path + part) || file.shape(path + part).size() != 1)
                damaged(file, matrix, "it has no list '" + path + part + "'");
        shape = *extent;
    } else {
        return std::nullopt;
    }
    matrix.num_cells = shape[0];
    matrix.num_genes = shape[1];
    if (matrix.num_cells < 0 || matrix.num_genes < 0 || matrix.num_cells >= std::int64_t{1} << 48)
        damaged(
            file, matrix,
            "its shape is " + std::to_string(matrix.num_cells) + " x " + std::to_string(matrix.num_genes));
    if (matrix.num_genes > std::numeric_limits<std::int32_t>::max())
        throw InputError(file.path().string() + ": '" + name + "' has more than 2^31 genes");
    return matrix;
}

/// Reads [first, last] of the row or column starts and checks them.
std::vector<std::int64_t> read_starts(const Hdf5File& file, const StoredMatrix& matrix, std::int64_t first,
                                      std::int64_t last) {
    const std::int64_t lines = matrix.storage == MatrixStorage::kCsr ? matrix.num_cells : matrix.num_genes;
    const std::int64_t entries = file.num_rows(matrix.path + "/data");
    if (file.num_rows(matrix.path + "/indptr") != lines + 1 ||
        file.num_rows(matrix.path + "/indices") != entries)
        damaged(file, matrix, "data, indices, indptr and shape do not fit together");
    auto starts = file.read_rows<std::int64_t>(matrix.path + "/indptr", first, last - first + 1);
    if (!std::is_sorted(starts.begin(), starts.end()) || starts.front() < 0 || starts.back() > entries)
        damaged(file, matrix, "indptr does not ascend to the number of entries");
    return starts;
}

/// Whole rows of about kEntriesARound entries at a time, so that little lies in memory twice.
void visit_csr(const Hdf5File& file, const StoredMatrix& matrix, const BlockRange& mine,
               const VisitRows& visit) {
    const std::vector<std::int64_t> starts = read_starts(file, matrix, mine.begin, mine.end);
    for (std::size_t row = 0; row + 1 < starts.size();) {
        std::size_t next = row + 1;
        while (next + 1 < starts.size() && starts[next + 1] - starts[row] <= kEntriesARound) ++next;
        const std::int64_t first = starts[row], num_entries = starts[next] - first;
        CountMatrix piece;
        piece.num_genes = matrix.num_genes;
        for (std::size_t r = row + 1; r <= next; ++r) piece.row_offsets.push_back(starts[r] - first);
        piece.values = file.read_rows<float>(matrix.path + "/data", first, num_entries);
        piece.gene_indices.reserve(static_cast<std::size_t>(num_entries));
        for (const std::int64_t gene :
             file.read_rows<std::int64_t>(matrix.path + "/indices", first, num_entries)) {
            if (gene < 0 || gene >= matrix.num_genes)
                damaged(file, matrix,
                        "it has an entry in column " + std::to_string(gene) + " of " +
                            std::to_string(matrix.num_genes));
            piece.gene_indices.push_back(static_cast<std::int32_t>(gene));
        }
        if (!visit(std::move(piece))) return;
        row = next;
    }
}

void visit_dense(const Hdf5File& file, const StoredMatrix& matrix, const BlockRange& mine,
                 const VisitRows& visit) {
    const std::int64_t rows_a_round =
        std::max<std::int64_t>(1, 8 * kEntriesARound / std::max<std::int64_t>(1, matrix.num_genes));
    for (std::int64_t row = mine.begin; row < mine.end; row += rows_a_round) {
        const std::int64_t rows = std::min(rows_a_round, mine.end - row);
        const auto values = file.read_rows<float>(matrix.path, row, rows);
        CountMatrix piece;
        piece.num_genes = matrix.num_genes;
        const float* value = values.data();
        for (std::int64_t r = 0; r < rows; ++r) {
            for (std::int64_t gene = 0; gene < matrix.num_genes; ++gene, ++value) {
                if (*value == 0.0f) continue;
                piece.gene_indices.push_back(static_cast<std::int32_t>(gene));
                piece.values.push_back(*value);
            }
            piece.row_offsets.push_back(static_cast<std::int64_t>(piece.values.size()));
        }
        if (!visit(std::move(piece))) return;
    }
}

/// Entries [first, first + count) of a CSC matrix; `starts` are all column starts.
std::vector<MatrixEntry> read_csc_entries(const Hdf5File& file, const StoredMatrix& matrix,
                                          const std::vector<std::int64_t>& starts, std::int64_t first,
                                          std::int64_t count) {
    const auto values = file.read_rows<float>(matrix.path + "/data", first, count);
    const auto rows = file.read_rows<std::int64_t>(matrix.path + "/indices", first, count);
    std::vector<MatrixEntry> entries(static_cast<std::size_t>(count));
    std::int64_t gene = std::upper_bound(starts.begin(), starts.end(), first) - starts.begin() - 1;
    for (std::int64_t i = 0; i < count; ++i) {
        while (first + i >= starts[static_cast<std::size_t>(gene) + 1]) ++gene;
        const auto k = static_cast<std::size_t>(i);
        if (rows[k] < 0 || rows[k] >= matrix.num_cells)
            damaged(file, matrix,
                    "it has an entry in row " + std::to_string(rows[k]) + " of " +
                        std::to_string(matrix.num_cells));
        entries[k] = {rows[k], static_cast<std::int32_t>(gene), values[k]};
    }
    return entries;
}

CountMatrix read_csc(const Communicator& comm, const Hdf5File& file, const StoredMatrix& matrix,
                     const FileRows& dealt) {
    const BlockRange mine = dealt.of_rank(comm, matrix.num_cells);
    const auto starts = agreed(comm, [&] { return read_starts(file, matrix, 0, matrix.num_genes); });
    const BlockRange share = block_of_rank(starts.back(), comm.size(), comm.rank());
    const std::int64_t rounds = all_reduce_max(comm, (share.size() + kEntriesARound - 1) / kEntriesARound);
    RowAssembler rows(mine.begin, mine.size(), matrix.num_genes);
    for (std::int64_t round = 0; round < rounds; ++round) {
        const auto entries = agreed(comm, [&] {
            const std::int64_t first = std::min(share.end, share.begin + round * kEntriesARound);
            return read_csc_entries(file, matrix, starts, first, std::min(kEntriesARound, share.end - first));
        });
        std::vector<int> owners;
        owners.reserve(entries.size());
        for (const MatrixEntry& entry : entries)
            owners.push_back(dealt.owner(comm, matrix.num_cells, entry.row));
        rows.add(send_to<MatrixEntry>(comm, entries, owners).items);
    }
    return rows.finish();
}

}  // namespace

std::vector<StoredMatrix> list_matrices(const Hdf5File& file) {
    std::vector<StoredMatrix> found;
    if (auto x = describe(file, "X", "X")) found.push_back(*x);
    if (file.is_group("layers"))
        for (const std::string& layer : file.children("layers"))
            if (auto matrix = describe(file, "layers/" + layer, "layers/" + layer)) found.push_back(*matrix);
    for (const std::string raw : {"raw/", "raw."}) {
        if (auto matrix = describe(file, "raw/X", raw + "X")) {
            matrix->var = raw + "var";
            found.push_back(*matrix);
        }
    }
    return found;
}

MatrixLook look_at(const Hdf5File& file, const StoredMatrix& matrix) {
    const bool dense = matrix.storage == MatrixStorage::kDense;
    const std::string data = dense ? matrix.path : matrix.path + "/data";
    const std::int64_t rows = file.num_rows(data);
    constexpr std::int64_t kStripes = 8, kValuesAStripe = 1 << 14;
    const std::int64_t stripe =
        dense ? std::max<std::int64_t>(1, kValuesAStripe / std::max<std::int64_t>(1, matrix.num_genes))
              : kValuesAStripe;
    bool sound = true, whole = true;
    float largest = 0;
    for (std::int64_t s = 0; s < kStripes; ++s) {
        const BlockRange part = block_of_rank(rows, static_cast<int>(kStripes), static_cast<int>(s));
        for (const float value : file.read_rows<float>(data, part.begin, std::min(stripe, part.size()))) {
            sound = sound && std::isfinite(value) && value >= 0;
            whole = whole && value == std::nearbyint(value);
            largest = std::max(largest, value);
        }
    }
    // log1p of the 1e6 that some scale cells to is 13.8.
    return {.holds_counts = sound && whole, .may_be_log_counts = sound && !whole && largest < 20};
}

void visit_rows(const Communicator& comm, const Hdf5File& file, const StoredMatrix& matrix,
                const FileRows& rows, const VisitRows& visit) {
    const BlockRange mine = rows.of_rank(comm, matrix.num_cells);
    if (matrix.storage == MatrixStorage::kCsc) {
        CountMatrix all = read_csc(comm, file, matrix, rows);
        agreed(comm, [&] { visit(std::move(all)); });
        return;
    }
    agreed(comm, [&] {
        if (matrix.storage == MatrixStorage::kCsr)
            visit_csr(file, matrix, mine, visit);
        else
            visit_dense(file, matrix, mine, visit);
    });
}

StoredCounts read_counts(const Communicator& comm, const Hdf5File& file, const StoredMatrix& matrix,
                         const FileRows& rows) {
    StoredCounts read{PackedCounts(matrix.num_genes), 0, true};
    const BlockRange mine = rows.of_rank(comm, matrix.num_cells);
    if (matrix.storage == MatrixStorage::kCsr) {
        const auto starts = agreed(comm, [&] { return read_starts(file, matrix, mine.begin, mine.end); });
        read.counts.reserve(mine.size(), starts.back() - starts.front());
    }
    visit_rows(comm, file, matrix, rows, [&](CountMatrix piece) {
        read.merged += tidy_rows(piece);
        read.are_counts = all_are_counts(piece);
        if (read.are_counts) read.counts.append(piece);
        return read.are_counts;
    });
    read.merged = all_reduce_sum(comm, read.merged);
    read.are_counts = all_reduce_min<std::int32_t>(comm, read.are_counts ? 1 : 0) == 1;
    return read;
}

CountMatrix read_matrix(const Communicator& comm, const Hdf5File& file, const StoredMatrix& matrix,
                        const FileRows& rows) {
    CountMatrix all;
    all.num_genes = matrix.num_genes;
    visit_rows(comm, file, matrix, rows, [&](const CountMatrix& piece) {
        const std::int64_t base = all.num_nonzeros();
        for (std::size_t r = 1; r < piece.row_offsets.size(); ++r)
            all.row_offsets.push_back(base + piece.row_offsets[r]);
        all.gene_indices.insert(all.gene_indices.end(), piece.gene_indices.begin(), piece.gene_indices.end());
        all.values.insert(all.values.end(), piece.values.begin(), piece.values.end());
        return true;
    });
    return all;
}

}  // namespace lapatlas
