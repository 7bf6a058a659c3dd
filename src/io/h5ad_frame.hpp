#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/hdf5_file.hpp"

namespace lapatlas {

/// An obs or var table of an .h5ad file, whatever wrote it: a group of columns (anndata >= 0.7, categories by
/// group, by reference or under __categories) or a dataset of records (anndata < 0.7, categories in uns).
/// Rank-local.
class H5adFrame {
  public:
    /// `name` is "obs", "var", "raw/var" or "raw.var". No such table: InputError.
    H5adFrame(const Hdf5File& file, std::string name);

    std::int64_t num_rows() const { return num_rows_; }
    /// Columns without the index, in the table's order.
    const std::vector<std::string>& columns() const { return columns_; }
    bool has(const std::string& column) const;
    /// Rows [first, first + count) of the index as text.
    std::vector<std::string> index(std::int64_t first, std::int64_t count) const;
    /// The same of a column: categories by name, numbers and booleans as pandas prints them, missing as "".
    std::vector<std::string> texts(const std::string& column, std::int64_t first, std::int64_t count) const;
    bool is_number(const std::string& column) const;
    bool is_boolean(const std::string& column) const;
    /// NaN where missing. Precondition: is_number.
    std::vector<double> numbers(const std::string& column, std::int64_t first, std::int64_t count) const;

  private:
    /// Category names of a column whose codes are stored; empty if it is not categorical.
    std::vector<std::string> categories(const std::string& column) const;
    std::vector<std::string> plain_texts(const std::string& path, std::int64_t first,
                                         std::int64_t count) const;
    std::string path(const std::string& column) const { return name_ + "/" + column; }
    [[noreturn]] void unreadable(const std::string& column) const;

    const Hdf5File& file_;
    std::string name_;
    bool is_records_ = false;
    std::string index_name_;
    std::vector<std::string> columns_;
    std::int64_t num_rows_ = 0;
};

/// Rank-local. `column` where the file at `path` is an .h5ad with that column of obs, else "": what may be
/// there and need not (labels to compare with). "" too where `column` is empty or `path` is no single file.
std::string obs_column_if_there(const std::filesystem::path& path, const std::string& column);

}  // namespace lapatlas
