#include "src/io/obs_columns.hpp"

#include <optional>
#include <set>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/io/h5ad_frame.hpp"
#include "src/io/text_exchange.hpp"

namespace lapatlas {

namespace {

/// One column of this rank's rows, as numbers or as texts.
struct Column {
    bool is_number = false;
    std::vector<float> numbers;
    std::vector<std::string> texts;
};

Column read_column(const H5adFrame& obs, const std::string& name, std::int64_t first, std::int64_t count) {
    Column column;
    column.is_number = obs.is_number(name);
    if (!column.is_number) {
        column.texts = obs.texts(name, first, count);
    } else if (count > 0) {
        const std::vector<double> values = obs.numbers(name, first, count);
        column.numbers.assign(values.begin(), values.end());
    }
    return column;
}

/// Rank-local. Whether it is one .h5ad; without an obs there is nothing to read.
bool has_obs(const std::filesystem::path& path) {
    return std::filesystem::is_regular_file(path) && Hdf5File::open(path).exists("obs");
}

}  // namespace

ObsColumns read_obs_columns(const Communicator& comm, const std::filesystem::path& path, std::int64_t first,
                            std::int64_t count, Log& log) {
    ObsColumns columns;
    if (!root_decides(comm, [&] { return has_obs(path); })) return columns;
    const Hdf5File file = agreed(comm, [&] { return Hdf5File::open(path); });
    const H5adFrame obs = agreed(comm, [&] { return H5adFrame(file, "obs"); });
    for (const std::string& name : obs.columns()) {
        // In a table of records names are free; among ours they are names in a folder.
        if (name == "_index" || name.find('/') != std::string::npos) {
            log.warning(path.string() + ": obs column '" + name + "' cannot be written; it is not kept");
            continue;
        }
        std::optional<Column> column;
        try {
            column = read_column(obs, name, first, count);
        } catch (const InputError&) {
            // All ranks hear of it below.
        }
        const bool is_read = all_reduce_min(comm, column ? 1.0 : 0.0) > 0;
        if (!is_read) {
            log.warning(path.string() + ": obs column '" + name + "' cannot be read; it is not kept");
        } else if (column->is_number) {
            columns.numeric.push_back(name);
            columns.numbers.push_back(std::move(column->numbers));
        } else {
            EncodedTexts encoded = encode_texts(comm, column->texts);
            columns.categorical.push_back({name, std::move(encoded.categories)});
            columns.codes.push_back(std::move(encoded.codes));
        }
    }
    return columns;
}

void append_obs_columns(ObsColumns columns, H5adHeader& header, H5adRows& rows) {
    std::set<std::string> taken(header.numeric_obs.begin(), header.numeric_obs.end());
    for (const H5adHeader::Categorical& column : header.categorical_obs) taken.insert(column.name);
    for (std::size_t c = 0; c < columns.categorical.size(); ++c) {
        if (!taken.insert(columns.categorical[c].name).second) continue;
        header.categorical_obs.push_back(std::move(columns.categorical[c]));
        rows.codes.push_back(std::move(columns.codes[c]));
    }
    for (std::size_t c = 0; c < columns.numeric.size(); ++c) {
        if (!taken.insert(columns.numeric[c]).second) continue;
        header.numeric_obs.push_back(std::move(columns.numeric[c]));
        rows.numbers.push_back(std::move(columns.numbers[c]));
    }
}

}  // namespace lapatlas
