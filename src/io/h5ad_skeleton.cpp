#include "src/io/h5ad_skeleton.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

void encode(Hdf5File& file, const std::string& object, const std::string& type, const std::string& version) {
    file.write_attribute(object, "encoding-type", type);
    file.write_attribute(object, "encoding-version", version);
}

void write_text_array(Hdf5File& file, const std::string& name, const std::vector<std::string>& texts) {
    file.write_strings(name, texts);
    encode(file, name, "string-array", "0.2.0");
}

void make_dict(Hdf5File& file, const std::string& name) {
    if (file.exists(name)) return;
    file.create_group(name);
    encode(file, name, "dict", "0.1.0");
}

void make_frame(Hdf5File& file, const std::string& name, const std::vector<std::string>& columns) {
    file.create_group(name);
    encode(file, name, "dataframe", "0.2.0");
    file.write_attribute(name, "_index", "_index");
    file.write_attribute(name, "column-order", columns);
}

template <class T>
void make_array(Hdf5File& file, const std::string& name, std::vector<std::int64_t> shape) {
    file.create_dataset<T>(name, std::move(shape));
    encode(file, name, "array", "0.2.0");
}

void make_categorical(Hdf5File& file, const H5adHeader::Categorical& column, std::int64_t num_cells) {
    const std::string name = "obs/" + column.name;
    file.create_group(name);
    encode(file, name, "categorical", "0.2.0");
    file.write_boolean_attribute(name, "ordered", false);
    write_text_array(file, name + "/categories", column.categories);
    // The narrowest signed type, as pandas has it.
    if (column.categories.size() <= 127)
        make_array<std::int8_t>(file, name + "/codes", {num_cells});
    else if (column.categories.size() <= 32767)
        make_array<std::int16_t>(file, name + "/codes", {num_cells});
    else
        make_array<std::int32_t>(file, name + "/codes", {num_cells});
}

void make_matrix(Hdf5File& file, const H5adHeader& header, std::int64_t num_cells) {
    file.create_group("X");
    encode(file, "X", "csr_matrix", "0.1.0");
    const std::array<std::int64_t, 2> shape{num_cells, static_cast<std::int64_t>(header.gene_names.size())};
    file.write_attribute<std::int64_t>("X", "shape", shape);
    file.create_dataset<std::int32_t>("X/indptr", {num_cells + 1});
}

/// var: names, ids, and the columns that came with the input.
void write_genes(Hdf5File& file, const H5adHeader& header) {
    std::vector<std::string> columns;
    const auto is_new = [&](const std::string& name) {
        return name != "_index" && std::find(columns.begin(), columns.end(), name) == columns.end();
    };
    if (!header.gene_ids.empty()) columns.emplace_back("gene_ids");
    std::vector<const GeneColumn*> written;
    for (const GeneColumn& column : header.gene_columns)
        if (is_new(column.name)) {
            columns.push_back(column.name);
            written.push_back(&column);
        }
    make_frame(file, "var", columns);
    write_text_array(file, "var/_index", header.gene_names);
    if (!header.gene_ids.empty()) write_text_array(file, "var/gene_ids", header.gene_ids);
    for (const GeneColumn* column : written) {
        const std::string name = "var/" + column->name;
        if (column->kind == GeneColumn::Kind::kText) {
            write_text_array(file, name, column->texts);
            continue;
        }
        const bool whole = std::all_of(column->numbers.begin(), column->numbers.end(),
                                       [](double v) { return v == std::floor(v) && std::abs(v) < 9e15; });
        if (column->kind == GeneColumn::Kind::kBoolean)
            file.write_booleans(name, {column->numbers.begin(), column->numbers.end()});
        else if (whole)
            file.write<std::int64_t>(
                name, std::vector<std::int64_t>(column->numbers.begin(), column->numbers.end()));
        else
            file.write<double>(name, column->numbers);
        encode(file, name, "array", "0.2.0");
    }
}

void write_uns(Hdf5File& file, const std::map<std::string, std::string>& uns, bool synthetic) {
    make_dict(file, "uns");
    if (synthetic) {
        file.write_boolean("uns/synthetic", true);
        encode(file, "uns/synthetic", "numeric-scalar", "0.2.0");
    }
    for (const auto& [key, text] : uns) {
        for (std::size_t slash = key.find('/'); slash != std::string::npos; slash = key.find('/', slash + 1))
            make_dict(file, "uns/" + key.substr(0, slash));
        file.write_string("uns/" + key, text);
        encode(file, "uns/" + key, "string", "0.2.0");
    }
}

/// Column names become HDF5 links, which know '/' as a separator.
void require_usable_names(const H5adHeader& header, const std::vector<std::string>& columns) {
    std::set<std::string> seen{"_index"};
    for (const std::string& column : columns)
        if (column.empty() || column.find('/') != std::string::npos || !seen.insert(column).second)
            throw InputError("obs column '" + column +
                             "' cannot be written: names must be unique and have no '/'");
    ensure(header.gene_ids.empty() || header.gene_ids.size() == header.gene_names.size(), "one id a gene");
}

}  // namespace

void create_h5ad_skeleton(const std::filesystem::path& path, const H5adHeader& header,
                          std::int64_t num_cells) {
    std::vector<std::string> columns;
    for (const auto& column : header.categorical_obs) columns.push_back(column.name);
    columns.insert(columns.end(), header.numeric_obs.begin(), header.numeric_obs.end());
    if (header.synthetic) columns.emplace_back("synthetic");
    require_usable_names(header, columns);

    Hdf5File file = Hdf5File::create(path);
    encode(file, "/", "anndata", "0.1.0");
    make_matrix(file, header, num_cells);
    make_frame(file, "obs", columns);
    for (const auto& column : header.categorical_obs) make_categorical(file, column, num_cells);
    for (const std::string& column : header.numeric_obs)
        make_array<float>(file, "obs/" + column, {num_cells});
    if (header.synthetic) {
        file.write_booleans("obs/synthetic",
                            std::vector<std::int8_t>(static_cast<std::size_t>(num_cells), 1));
        encode(file, "obs/synthetic", "array", "0.2.0");
    }
    write_genes(file, header);
    for (const char* dict : {"layers", "obsm", "varm", "obsp", "varp"}) make_dict(file, dict);
    for (const H5adHeader::Obsm& array : header.obsm)
        make_array<float>(file, "obsm/" + array.name, {num_cells, array.width});
    if (!header.dense_layer.empty())
        make_array<float>(file, "layers/" + header.dense_layer,
                          {num_cells, static_cast<std::int64_t>(header.gene_names.size())});
    write_uns(file, header.uns, header.synthetic);
    for (const H5adHeader::Obsm& array : header.obsm)
        if (!array.columns.empty()) write_text_array(file, "uns/" + array.name + "_names", array.columns);
    file.close();
}

}  // namespace lapatlas
