#include "src/io/h5ad_writer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "src/io/h5ad_skeleton.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

/// Collective: one write of all ranks, then whether it worked for all.
template <class T>
void write_agreed(const Communicator& comm, Hdf5File& file, const std::string& dataset, std::int64_t first,
                  std::span<const T> values) {
    agreed(comm, [&] { file.write_rows<T>(dataset, first, values); });
}

/// Collective: the same, as a narrower type that the values fit in.
template <class T, class Wide>
void write_as(const Communicator& comm, Hdf5File& file, const std::string& dataset, std::int64_t first,
              const std::vector<Wide>& values) {
    const std::vector<T> narrow(values.begin(), values.end());
    write_agreed<T>(comm, file, dataset, first, narrow);
}

}  // namespace

H5adWriter::H5adWriter(const Communicator& comm, fs::path path, H5adHeader header, std::int64_t num_cells)
    : comm_(comm),
      path_(std::move(path)),
      partial_(partial_path(path_)),
      header_(std::move(header)),
      num_cells_(num_cells),
      data_(comm, "X/data", header_.chunk_entries),
      indices_(comm, "X/indices", header_.chunk_entries) {
    ensure(num_cells > 0, "an atlas has cells");
    try {
        agreed(comm_, [&] {
            if (!comm_.is_root()) return;
            require_writable(path_);
            create_h5ad_skeleton(partial_, header_, num_cells_);
        });
        agreed(comm_, [&] { file_.emplace(Hdf5File::open_parallel(comm_, partial_)); });
        const Hdf5Layout packed{
            .chunk_rows = header_.chunk_entries, .gzip_level = header_.gzip_level, .growable = true};
        agreed(comm_, [&] { file_->create_dataset<float>("X/data", {0}, packed); });
        agreed(comm_, [&] { file_->create_dataset<std::int32_t>("X/indices", {0}, packed); });
    } catch (...) {
        file_.reset();
        remove_partial();
        throw;
    }
}

H5adWriter::~H5adWriter() {
    if (finished_) return;
    file_.reset();
    remove_partial();
}

void H5adWriter::remove_partial() const noexcept {
    std::error_code ignored;
    if (!comm_.is_root()) return;
    fs::remove(partial_, ignored);
    fs::remove(names_path(), ignored);
}

void H5adWriter::check_rows(const H5adRows& rows) const {
    ensure(rows.counts != nullptr &&
               rows.counts->num_genes == static_cast<std::int64_t>(header_.gene_names.size()),
           "rows have the header's genes");
    const auto num_rows = static_cast<std::size_t>(rows.counts->num_rows());
    const auto all_have = [&](const auto& columns) {
        return std::all_of(columns.begin(), columns.end(),
                           [&](const auto& c) { return c.size() == num_rows; });
    };
    ensure(rows.codes.size() == header_.categorical_obs.size() && all_have(rows.codes),
           "one code a row and column");
    ensure(rows.numbers.size() == header_.numeric_obs.size() && all_have(rows.numbers),
           "one number a row and column");
    ensure(rows.obsm.size() == header_.obsm.size(), "one array for each of obsm");
    for (std::size_t i = 0; i < rows.obsm.size(); ++i)
        ensure(rows.obsm[i].size() == num_rows * static_cast<std::size_t>(header_.obsm[i].width),
               "one row of obsm a cell");
    ensure(rows.dense.size() == (header_.dense_layer.empty() ? 0 : num_rows * header_.gene_names.size()),
           "one row of the dense layer a cell");
    ensure(rows.names.empty() || rows.names.size() == num_rows, "one name a row, or none at all");
}

void H5adWriter::append(const H5adRows& rows) {
    agreed(comm_, [&] { check_rows(rows); });
    const CountMatrix& counts = *rows.counts;
    const std::int64_t num_rows = counts.num_rows();
    const std::int64_t round_rows = all_reduce_sum(comm_, num_rows);
    const std::int64_t first = cells_written_ + exclusive_sum(comm_, num_rows);
    const std::int64_t first_entry = entries_written_ + exclusive_sum(comm_, counts.num_nonzeros());
    agreed(comm_, [&] { ensure(cells_written_ + round_rows <= num_cells_, "no more cells than announced"); });

    append_row_starts(counts, first, first_entry);
    data_.append(*file_, counts.values);
    indices_.append(*file_, counts.gene_indices);

    for (std::size_t c = 0; c < rows.codes.size(); ++c) {
        const std::string dataset = "obs/" + header_.categorical_obs[c].name + "/codes";
        const std::size_t categories = header_.categorical_obs[c].categories.size();
        if (categories <= 127)
            write_as<std::int8_t>(comm_, *file_, dataset, first, rows.codes[c]);
        else if (categories <= 32767)
            write_as<std::int16_t>(comm_, *file_, dataset, first, rows.codes[c]);
        else
            write_as<std::int32_t>(comm_, *file_, dataset, first, rows.codes[c]);
    }
    for (std::size_t c = 0; c < rows.numbers.size(); ++c)
        write_agreed<float>(comm_, *file_, "obs/" + header_.numeric_obs[c], first, rows.numbers[c]);
    for (std::size_t i = 0; i < header_.obsm.size(); ++i)
        write_agreed<float>(comm_, *file_, "obsm/" + header_.obsm[i].name, first, rows.obsm[i]);
    if (!header_.dense_layer.empty())
        write_agreed<float>(comm_, *file_, "layers/" + header_.dense_layer, first, rows.dense);
    append_names(rows, round_rows);

    cells_written_ += round_rows;
    entries_written_ = data_.num_items();
}

void H5adWriter::append_row_starts(const CountMatrix& counts, std::int64_t first, std::int64_t first_entry) {
    const std::int64_t round_entries = all_reduce_sum(comm_, counts.num_nonzeros());
    if (!is_wide_ && entries_written_ + round_entries > header_.narrow_entries) widen_row_starts();
    // Start i + 1 is the end of row i; the very first zero comes from the first rank.
    const bool writes_zero = cells_written_ == 0 && comm_.is_root();
    std::vector<std::int64_t> starts(counts.row_offsets.begin() + (writes_zero ? 0 : 1),
                                     counts.row_offsets.end());
    for (std::int64_t& start : starts) start += first_entry;
    const std::int64_t place = first + (writes_zero ? 0 : 1);
    if (is_wide_)
        write_agreed<std::int64_t>(comm_, *file_, "X/indptr", place, starts);
    else
        write_as<std::int32_t>(comm_, *file_, "X/indptr", place, starts);
}

void H5adWriter::widen_row_starts() {
    constexpr std::int64_t kStartsABlock = 1 << 20;
    const std::int64_t written = cells_written_ == 0 ? 0 : cells_written_ + 1;
    agreed(comm_, [&] { file_->create_dataset<std::int64_t>("X/indptr64", {num_cells_ + 1}); });
    for (std::int64_t begin = 0; begin < written; begin += kStartsABlock * comm_.size()) {
        const std::int64_t block = std::min(kStartsABlock * comm_.size(), written - begin);
        const BlockRange mine = block_of_rank(block, comm_.size(), comm_.rank());
        const auto starts = agreed(comm_, [&] {
            return file_->read_rows<std::int64_t>("X/indptr", begin + mine.begin, mine.size());
        });
        write_agreed<std::int64_t>(comm_, *file_, "X/indptr64", begin + mine.begin, starts);
    }
    agreed(comm_, [&] { file_->rename("X/indptr64", "X/indptr"); });
    is_wide_ = true;
}

void H5adWriter::append_names(const H5adRows& rows, std::int64_t round_rows) {
    const std::int64_t named = all_reduce_sum(comm_, static_cast<std::int64_t>(rows.names.size()));
    agreed(comm_, [&] {
        ensure((named == round_rows || named == 0) && (cells_written_ == 0 || has_names_ == (named > 0)),
               "all cells have names or none has");
    });
    has_names_ = named > 0;
    if (!has_names_) return;
    std::string mine;
    for (const std::string& name : rows.names) mine += name + '\0';
    const std::vector<char> all = gather_v<char>(comm_, mine);
    agreed(comm_, [&] {
        if (!comm_.is_root()) return;
        if (!names_.is_open()) names_.open(names_path(), std::ios::binary);
        if (!names_.write(all.data(), static_cast<std::streamsize>(all.size())).flush())
            throw ResourceError(names_path().string() + ": cannot be written; is the disk full?");
    });
}

void H5adWriter::write_cell_names() const {
    constexpr std::int64_t kNamesABlock = 1 << 16;
    Hdf5File file = Hdf5File::open_for_update(partial_);
    file.create_string_dataset("obs/_index", num_cells_);
    file.write_attribute("obs/_index", "encoding-type", "string-array");
    file.write_attribute("obs/_index", "encoding-version", "0.2.0");
    std::ifstream given;
    if (has_names_) given.open(names_path(), std::ios::binary);
    for (std::int64_t first = 0; first < num_cells_; first += kNamesABlock) {
        std::vector<std::string> names;
        for (std::int64_t cell = first; cell < std::min(num_cells_, first + kNamesABlock); ++cell) {
            names.push_back(header_.cell_prefix + "_" + std::to_string(header_.first_name + cell));
            if (has_names_ && !std::getline(given, names.back(), '\0'))
                throw ResourceError(names_path().string() + ": cannot be read back");
        }
        file.write_string_rows("obs/_index", first, names);
    }
    file.close();
}

void H5adWriter::verify() const {
    const auto require = [&](bool holds, const std::string& what) {
        if (!holds) throw Hdf5Error(partial_.string() + ": was not written whole (" + what + ")");
    };
    const Hdf5File file = Hdf5File::open(partial_);
    const auto size_is = [&](const std::string& name, std::int64_t size) {
        require(file.is_dataset(name) && file.shape(name).at(0) == size, name);
    };
    size_is("X/data", entries_written_);
    size_is("X/indices", entries_written_);
    size_is("X/indptr", num_cells_ + 1);
    size_is("obs/_index", num_cells_);
    const BlockRange rows = block_of_rank(num_cells_, comm_.size(), comm_.rank());
    const auto num_genes = static_cast<std::int64_t>(header_.gene_names.size());
    constexpr std::int64_t kRowsABlock = 1 << 16, kEntriesABlock = 1 << 20;
    for (std::int64_t row = rows.begin; row < rows.end; row += kRowsABlock) {
        const std::int64_t count = std::min(kRowsABlock, rows.end - row);
        const auto starts = file.read_rows<std::int64_t>("X/indptr", row, count + 1);
        require(std::is_sorted(starts.begin(), starts.end()) && starts.front() >= 0, "X/indptr");
        require(row > 0 || starts.front() == 0, "X/indptr");
        require(starts.back() <= entries_written_, "X/indptr");
        require(row + count < num_cells_ || starts.back() == entries_written_, "X/indptr");
        for (std::int64_t first = starts.front(); first < starts.back(); first += kEntriesABlock) {
            const std::int64_t entries = std::min(kEntriesABlock, starts.back() - first);
            for (const std::int32_t gene : file.read_rows<std::int32_t>("X/indices", first, entries))
                require(gene >= 0 && gene < num_genes, "X/indices");
            for (const float value : file.read_rows<float>("X/data", first, entries))
                require(std::isfinite(value) && value != 0, "X/data");  // what was not written is 0
        }
    }
}

void H5adWriter::finish() {
    agreed(comm_, [&] { ensure(cells_written_ == num_cells_, "all announced cells are written"); });
    data_.finish(*file_);
    indices_.finish(*file_);
    agreed(comm_, [&] { file_->close(); });
    file_.reset();
    agreed(comm_, [&] {
        if (comm_.is_root()) write_cell_names();
    });
    agreed(comm_, [&] { verify(); });
    agreed(comm_, [&] {
        if (!comm_.is_root()) return;
        std::error_code ignored;
        names_.close();
        fs::remove(names_path(), ignored);
        commit_file(partial_, path_);
    });
    finished_ = true;
}

}  // namespace lapatlas
