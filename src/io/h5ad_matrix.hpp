#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/hdf5_file.hpp"
#include "src/io/file_rows.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

enum class MatrixStorage { kCsr, kCsc, kDense };

/// A cells x genes matrix of an HDF5 file.
struct StoredMatrix {
    std::string name;  ///< as the user names it: "X", "raw/X", "layers/counts"
    std::string path;  ///< where it is: "raw.X" in files of anndata < 0.7
    MatrixStorage storage = MatrixStorage::kCsr;
    std::int64_t num_cells = 0;
    std::int64_t num_genes = 0;
    std::string var = "var";  ///< the table of its genes
};

/// What a sample of a matrix's values looks like.
struct MatrixLook {
    bool holds_counts = false;  ///< finite, non-negative, whole
    bool may_be_log_counts =
        false;  ///< finite, non-negative, fractional, and none so large that expm1 overflows
};

/// Rank-local. The matrices of an .h5ad file, X first, then layers, then raw/X.
std::vector<StoredMatrix> list_matrices(const Hdf5File& file);

/// Rank-local. Looks at stripes of the values (at most about 10^5).
MatrixLook look_at(const Hdf5File& file, const StoredMatrix& matrix);

/// Takes some rows; false: it wants no more of this rank's.
using VisitRows = std::function<bool(CountMatrix)>;

/// Collective. This rank's rows, columns as stored, in pieces of whole rows in order. CSR and dense: each
/// rank reads its rows; CSC: each rank reads an equal share of the entries, which then travel to the owners
/// of their rows, and its rows come in one piece. Every rank opens the file by itself. Damaged index arrays:
/// InputError.
void visit_rows(const Communicator& comm, const Hdf5File& file, const StoredMatrix& matrix,
                const FileRows& rows, const VisitRows& visit);

struct StoredCounts {
    PackedCounts counts;
    std::int64_t merged = 0;  ///< entries of all ranks that were added to another
    bool are_counts = false;  ///< on all ranks; else reading stopped, and neither is of the whole matrix
};
/// Collective. The rows of visit_rows, tidied (tidy_rows) and packed as they are read.
StoredCounts read_counts(const Communicator& comm, const Hdf5File& file, const StoredMatrix& matrix,
                         const FileRows& rows);

/// Collective. The rows of visit_rows as they are stored.
CountMatrix read_matrix(const Communicator& comm, const Hdf5File& file, const StoredMatrix& matrix,
                        const FileRows& rows);

}  // namespace lapatlas
