#include "src/io/proteins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "partition/row_exchange.hpp"
#include "src/io/h5ad_frame.hpp"
#include "src/io/name_lookup.hpp"
#include "src/io/near_names.hpp"

namespace lapatlas {

namespace {

constexpr float kNotMeasured = std::numeric_limits<float>::quiet_NaN();

std::vector<std::string> names_in_uns(const Hdf5File& file, const std::string& key, std::int64_t proteins) {
    for (const std::string& name : {"uns/" + key + "_names", std::string("uns/protein_names")}) {
        if (!file.is_dataset(name) || file.type_class(name) != H5T_STRING) continue;
        std::vector<std::string> names = file.read_strings(name);
        if (std::ssize(names) == proteins) return names;
    }
    std::vector<std::string> numbered;
    for (std::int64_t p = 0; p < proteins; ++p) numbered.push_back("protein_" + std::to_string(p));
    return numbered;
}

void read_table(const Hdf5File& file, const std::string& path, AtlasShard& shard) {
    const H5adFrame table(file, path);
    const std::int64_t rows = std::ssize(shard.cell_names);
    shard.protein_names = table.columns();
    const std::size_t width = shard.protein_names.size();
    shard.proteins.resize(static_cast<std::size_t>(rows) * width);
    for (std::size_t p = 0; p < width; ++p) {
        if (!table.is_number(shard.protein_names[p]))
            throw InputError(file.path().string() + ": " + path + " column '" + shard.protein_names[p] +
                             "' does not hold numbers (input.protein_key)");
        const std::vector<double> column = table.numbers(shard.protein_names[p], shard.first_cell, rows);
        for (std::size_t r = 0; r < column.size(); ++r)
            shard.proteins[r * width + p] = static_cast<float>(column[r]);
    }
}

void read_array(const Hdf5File& file, const std::string& key, AtlasShard& shard) {
    const std::string path = "obsm/" + key;
    const std::vector<std::int64_t> shape = file.shape(path);
    if (shape.size() != 2 || shape[0] != shard.num_cells)
        throw InputError(file.path().string() + ": " + path + " is no array of " +
                         std::to_string(shard.num_cells) + " cells and some proteins (input.protein_key)");
    shard.protein_names = names_in_uns(file, key, shape[1]);
    shard.proteins = file.read_rows<float>(path, shard.first_cell, std::ssize(shard.cell_names));
}

std::vector<float> dense(const PackedCounts& counts) {
    std::vector<float> values(static_cast<std::size_t>(counts.num_rows() * counts.num_genes()), 0);
    for_each_row(counts, [&](std::int64_t row, const SparseCounts& cell) {
        for (std::int64_t e = 0; e < cell.size; ++e)
            values[static_cast<std::size_t>(row * counts.num_genes() + cell.genes[e])] = cell.values[e];
    });
    return values;
}

}  // namespace

void require_protein_counts(const std::string& where, const AtlasShard& shard) {
    const std::size_t width = shard.protein_names.size();
    for (std::size_t i = 0; i < shard.proteins.size(); ++i) {
        const float value = shard.proteins[i];
        if (std::isnan(value) || (value >= 0 && value < 1e7F && value == std::floor(value))) continue;
        const std::size_t row = i / width;
        throw InputError(where + ": row " +
                         std::to_string(shard.first_cell + static_cast<std::int64_t>(row)) + " (cell '" +
                         shard.cell_names[row] + "'), protein '" + shard.protein_names[i % width] +
                         "': " + std::to_string(value) +
                         " is no count; antibody counts are whole numbers, NaN where not measured");
    }
}

void read_protein_obsm(const Communicator& comm, const Hdf5File& file, const std::string& key,
                       AtlasShard& shard) {
    const std::string path = file.path().string();
    agreed(comm, [&] {
        const std::string name = "obsm/" + key;
        if (!file.exists(name))
            throw InputError(
                path + ": no obsm '" + key + "' (input.protein_key)" +
                suggest_names(key, file.exists("obsm") ? file.children("obsm") : std::vector<std::string>()));
        if (file.is_dataset(name))
            read_array(file, key, shard);
        else
            read_table(file, name, shard);
        if (shard.protein_names.empty()) throw InputError(path + ": " + name + " holds no proteins");
        require_protein_counts(path + ": " + name, shard);
    });
}

void attach_proteins(const Communicator& comm, const InputOptions& options, const AtlasShard& found,
                     AtlasShard& shard, Log& log) {
    const std::string advice = " (input.protein_path: cells are found by their names)";
    require_distinct_names(comm, shard.cell_names, options.path + advice);
    require_distinct_names(comm, found.cell_names, options.protein_path + advice);
    std::vector<std::int64_t> wanted =
        find_by_name(comm, found.cell_names, found.first_cell, shard.cell_names);
    std::vector<std::uint8_t> is_there;
    for (std::int64_t& row : wanted) {
        is_there.push_back(row < 0 ? 0 : 1);
        row = std::max<std::int64_t>(row, 0);
    }
    const std::int64_t cells = all_reduce_sum(
        comm, static_cast<std::int64_t>(std::count(is_there.begin(), is_there.end(), std::uint8_t{1})));
    if (cells == 0)
        throw InputError(options.protein_path + ": none of its " + std::to_string(found.num_cells) +
                         " cells has the name of a cell of " + options.path + " (input.protein_path)");
    log.info(std::to_string(cells) + " of " + std::to_string(shard.num_cells) +
             " cells have antibody counts in " + options.protein_path);
    shard.protein_names = found.gene_names;
    const std::int64_t width = std::ssize(shard.protein_names);
    shard.proteins = fetch_rows<float>(comm, found.num_cells, dense(found.counts), width, wanted);
    for (std::size_t r = 0; r < is_there.size(); ++r)
        if (is_there[r] == 0)
            std::fill_n(shard.proteins.begin() + static_cast<std::ptrdiff_t>(r) * width, width, kNotMeasured);
}

}  // namespace lapatlas
