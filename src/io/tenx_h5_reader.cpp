#include <algorithm>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/io/count_check.hpp"
#include "src/io/h5ad_matrix.hpp"
#include "src/io/row_assembler.hpp"
#include "src/io/tenx_features.hpp"
#include "src/io/tenx_reader.hpp"

namespace lapatlas {

namespace {

/// The groups that hold a feature-barcode matrix.
std::vector<std::string> tenx_groups(const Hdf5File& file) {
    std::vector<std::string> groups;
    for (const std::string& group : file.children("/"))
        if (file.is_group(group) && file.is_dataset(group + "/barcodes") &&
            file.is_dataset(group + "/indptr") && file.is_dataset(group + "/shape"))
            groups.push_back(group);
    return groups;
}

TenxFeatures read_features(const Hdf5File& file, const std::string& group, std::int64_t num_features) {
    const auto column = [&](const std::string& name) {
        std::vector<std::string> texts = file.read_strings(group + name);
        if (std::ssize(texts) != num_features)
            throw InputError(file.path().string() + ": '" + group + name + "' has " +
                             std::to_string(texts.size()) + " entries, and '" + group + "/shape' says " +
                             std::to_string(num_features) + " features");
        return texts;
    };
    const bool version3 = file.is_group(group + "/features");
    TenxFeatures features;
    features.ids = column(version3 ? "/features/id" : "/genes");
    features.names = column(version3 ? "/features/name" : "/gene_names");
    if (version3 && file.is_dataset(group + "/features/feature_type"))
        features.types = column("/features/feature_type");
    return features;
}

}  // namespace

bool is_tenx_h5(const Hdf5File& file) { return !tenx_groups(file).empty(); }

AtlasShard read_tenx_h5(const Communicator& comm, const InputOptions& options, const FileRows& rows,
                        Log& log) {
    const Hdf5File file = agreed(comm, [&] { return Hdf5File::open(options.path); });
    refuse_obs_keys(options);
    StoredMatrix matrix;
    AtlasShard shard;
    BlockRange mine;
    TenxFeatures features = agreed(comm, [&] {
        const std::vector<std::string> groups = tenx_groups(file);
        if (groups.size() != 1)
            throw InputError(options.path + ": holds " + std::to_string(groups.size()) +
                             " 10x matrices (one a genome), expected one");
        const std::string& group = groups.front();
        const auto shape = file.read<std::int64_t>(group + "/shape");
        matrix = {.name = group, .path = group, .storage = MatrixStorage::kCsr};
        constexpr std::int64_t kMost = std::int64_t{1} << 31;
        if (shape.size() != 2 || shape[0] < 0 || shape[1] < 0 || shape[0] >= kMost || shape[1] >= kMost)
            throw InputError(options.path + ": '" + group + "/shape' is not the numbers of genes and cells");
        matrix.num_genes = shape[0];
        matrix.num_cells = shape[1];
        mine = rows.of_rank(comm, matrix.num_cells);
        shard.cell_names = file.read_strings(group + "/barcodes", mine.begin, mine.size());
        return read_features(file, group, matrix.num_genes);
    });
    shard.num_cells = matrix.num_cells;
    shard.first_cell = mine.begin;
    shard.matrix_name = matrix.name;
    shard.labels.assign(static_cast<std::size_t>(mine.size()), -1);
    finish_tenx(comm, options, std::move(features), read_matrix(comm, file, matrix, rows), shard, log);
    return shard;
}

}  // namespace lapatlas
