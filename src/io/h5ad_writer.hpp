#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dist/chunked_appender.hpp"
#include "dist/communicator.hpp"
#include "dist/hdf5_file.hpp"
#include "src/io/count_matrix.hpp"
#include "src/io/gene_columns.hpp"

namespace lapatlas {

/// Everything about an .h5ad file that is known before its first cell.
struct H5adHeader {
    struct Categorical {
        std::string name;
        std::vector<std::string> categories;
    };
    std::vector<std::string> gene_names;
    std::vector<std::string> gene_ids;         ///< as many as genes, or empty: var column gene_ids
    std::vector<GeneColumn> gene_columns;      ///< further columns of var
    std::vector<Categorical> categorical_obs;  ///< obs columns
    bool synthetic = false;                    ///< marks every cell (obs `synthetic`) and the file (uns)
    std::vector<std::string> numeric_obs;      ///< float32 obs columns
    struct Obsm {
        std::string name;
        std::int64_t width = 0;
        std::vector<std::string> columns{};  ///< what they are called, in uns["NAME_names"]; or empty
    };
    std::vector<Obsm> obsm;                  ///< float32 arrays of cells
    std::string dense_layer;                 ///< name of a dense float32 layer; empty: none
    std::map<std::string, std::string> uns;  ///< text, nested by '/'
    std::string cell_prefix = "cell";        ///< cells without names are prefix_0, prefix_1, ...
    std::int64_t first_name = 0;             ///< ... or from this number on
    int gzip_level = 1;                      ///< of X, 0 to 9
    /// X/indptr has 32 bits up to this many entries (scikit-learn wants indices and indptr alike), then 64.
    std::int64_t narrow_entries = 0x7fffffff;
    std::int64_t chunk_entries = 1 << 16;  ///< entries of X compressed together
};

/// One rank's rows of one round.
struct H5adRows {
    const CountMatrix* counts = nullptr;
    std::vector<std::vector<std::int32_t>> codes{};  // [categorical][rows], -1 = missing
    std::vector<std::vector<float>> numbers{};       // [numeric][rows]
    std::vector<std::vector<float>> obsm{};          // [obsm][rows, width]
    std::vector<float> dense{};                      // [rows, genes], for the dense layer
    std::vector<std::string> names{};                // [rows], or empty in every round and on every rank
};

/// Writes an .h5ad (anndata 0.1.0: CSR float32 X, int32 indices) round by round by parallel HDF5. Memory does
/// not grow with the number of cells. The file is built under partial_path(path) and takes its name in
/// finish(), after it was closed, read back and synced; if that is not reached, the destructor removes it.
class H5adWriter {
  public:
    /// Collective. Starts the file. InputError if it cannot be created there, or a name is not usable.
    H5adWriter(const Communicator& comm, std::filesystem::path path, H5adHeader header,
               std::int64_t num_cells);
    /// Collective in effect: on an unfinished writer all ranks must get here, as they do when errors are
    /// agreed.
    ~H5adWriter();
    H5adWriter(const H5adWriter&) = delete;
    H5adWriter& operator=(const H5adWriter&) = delete;

    /// Collective. This round's rows are the next global cells, in rank order; a rank may have none.
    void append(const H5adRows& rows);
    /// Collective. Closes the file, checks it, syncs and names it.
    void finish();

  private:
    void check_rows(const H5adRows& rows) const;
    void append_row_starts(const CountMatrix& counts, std::int64_t first, std::int64_t first_entry);
    void widen_row_starts();
    void append_names(const H5adRows& rows, std::int64_t num_rows);
    void write_cell_names() const;
    void verify() const;
    void remove_partial() const noexcept;
    std::filesystem::path names_path() const { return partial_.string() + ".names"; }

    Communicator comm_;
    std::filesystem::path path_, partial_;
    H5adHeader header_;
    std::int64_t num_cells_;
    std::int64_t cells_written_ = 0;
    std::int64_t entries_written_ = 0;
    bool is_wide_ = false;  // X/indptr has 64 bits
    bool has_names_ = false;
    bool finished_ = false;
    std::optional<Hdf5File> file_;
    ChunkedAppender<float> data_;
    ChunkedAppender<std::int32_t> indices_;
    std::ofstream names_;  // rank 0: given names wait here, since MPI-IO cannot write text
};

}  // namespace lapatlas
