#include "src/io/h5ad_reader.hpp"
#include "src/config/text_list.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/io/count_check.hpp"
#include "src/io/count_recovery.hpp"
#include "src/io/h5ad_frame.hpp"
#include "src/io/h5ad_matrix.hpp"
#include "src/io/near_names.hpp"
#include "src/io/proteins.hpp"
#include "src/io/row_assembler.hpp"
#include "src/io/text_exchange.hpp"

namespace lapatlas {

namespace {

std::vector<std::string> names_of(const std::vector<StoredMatrix>& matrices) {
    std::vector<std::string> names;
    for (const StoredMatrix& matrix : matrices) names.push_back(matrix.name);
    return names;
}

/// The matrix called input.layer; "raw" and a bare layer name are understood.
StoredMatrix find_matrix(const std::vector<StoredMatrix>& matrices, const InputOptions& options) {
    for (const std::string& name : {options.layer, "layers/" + options.layer, options.layer + "/X"})
        for (const StoredMatrix& matrix : matrices)
            if (matrix.name == name) return matrix;
    throw InputError(options.path + ": no matrix '" + options.layer + "' (input.layer)" +
                     suggest_names(options.layer, names_of(matrices)));
}

/// Place in the order in which matrices are looked at for counts; -1: never without being asked for.
int preference(const StoredMatrix& matrix) {
    if (matrix.name == "X") return 0;
    if (matrix.name == "layers/counts") return 1;
    if (matrix.name.starts_with("layers/raw")) return 2;
    return matrix.name == "raw/X" ? 3 : -1;
}

/// Matrices worth reading, best first.
std::vector<StoredMatrix> candidates(const Hdf5File& file, const std::vector<StoredMatrix>& matrices,
                                     const InputOptions& options) {
    if (!options.layer.empty()) return {find_matrix(matrices, options)};
    if (options.values == "as_given") return {matrices.front()};
    std::vector<StoredMatrix> in_order;
    for (int place = 0; place <= 3; ++place)
        for (const StoredMatrix& matrix : matrices)
            if (preference(matrix) == place) in_order.push_back(matrix);
    for (const StoredMatrix& matrix : in_order)
        if (look_at(file, matrix).holds_counts) return {matrix};
    std::vector<StoredMatrix> logged;
    if (options.recover_counts)
        for (const StoredMatrix& matrix : matrices)
            if (look_at(file, matrix).may_be_log_counts) logged.push_back(matrix);
    if (!logged.empty()) return logged;
    return {in_order.empty() ? matrices.front() : in_order.front()};
}

/// The end of the error about a matrix that does not hold counts: where counts are to be had.
std::string advice_about(const Hdf5File& file, const std::vector<StoredMatrix>& matrices,
                         const std::string& taken, bool recovery_tried) {
    std::string with_counts, logged;
    for (const StoredMatrix& matrix : matrices) {
        const MatrixLook look = look_at(file, matrix);
        if (look.holds_counts && matrix.name != taken)
            with_counts += (with_counts.empty() ? "'" : ", '") + matrix.name + "'";
        if (look.may_be_log_counts) logged += (logged.empty() ? "'" : ", '") + matrix.name + "'";
    }
    std::string advice;
    if (!with_counts.empty()) advice += "; counts are in " + with_counts + " (set input.layer)";
    if (!logged.empty() && !recovery_tried)
        advice += "; " + logged +
                  " looks log-normalised (input.recover_counts = true proves and recovers its counts)";
    if (advice.empty()) advice = "; no other matrix of the file holds counts";
    return advice;
}

void require_column(const H5adFrame& obs, const std::string& path, const std::string& option,
                    const std::string& key) {
    if (!obs.has(key))
        throw InputError(path + ": no obs column '" + key + "' (" + option + ")" +
                         suggest_names(key, obs.columns()));
}

/// This rank's texts of an obs column.
std::vector<std::string> read_column(const Communicator& comm, const H5adFrame& obs,
                                     const InputOptions& options, const std::string& option,
                                     const std::string& key, const BlockRange& mine) {
    return agreed(comm, [&] {
        require_column(obs, options.path, option, key);
        return obs.texts(key, mine.begin, mine.size());
    });
}

std::vector<CellTotals> read_totals(const H5adFrame& obs, const BlockRange& mine) {
    std::vector<CellTotals> totals;
    for (const char* column : {"n_counts", "total_counts", "nCount_RNA", "n_umis", "nUMI", "n_UMIs", "n_umi"})
        if (obs.has(column) && obs.is_number(column))
            totals.push_back({column, obs.numbers(column, mine.begin, mine.size())});
    return totals;
}

/// Ensembl gene ids: ENSG00000141510, ENSMUSG00000059552.3
bool looks_like_ensembl(const std::string& name) {
    if (!name.starts_with("ENS")) return false;
    const std::size_t digits = name.find_first_of("0123456789");
    return digits != std::string::npos && name[digits - 1] == 'G' && name.size() >= digits + 11;
}

struct Genes {
    std::vector<std::string> names, ids;
    std::vector<GeneColumn> columns;
};

/// Every column of var that can be read and was not taken as names or ids.
std::vector<GeneColumn> other_columns(const H5adFrame& var, const std::vector<std::string>& taken) {
    std::vector<GeneColumn> columns;
    for (const std::string& name : var.columns()) {
        if (std::find(taken.begin(), taken.end(), name) != taken.end()) continue;
        GeneColumn column{name, GeneColumn::Kind::kText, {}, {}};
        try {
            if (var.is_boolean(name)) {
                column.kind = GeneColumn::Kind::kBoolean;
                for (const std::string& text : var.texts(name, 0, var.num_rows()))
                    column.numbers.push_back(text == "True" ? 1 : 0);
            } else if (var.is_number(name)) {
                column.kind = GeneColumn::Kind::kNumber;
                column.numbers = var.numbers(name, 0, var.num_rows());
            } else {
                column.texts = var.texts(name, 0, var.num_rows());
            }
        } catch (const InputError&) {
            continue;  // of a kind that we do not know: it is no part of the counts
        }
        columns.push_back(std::move(column));
    }
    return columns;
}

Genes read_genes(const Hdf5File& file, const StoredMatrix& matrix) {
    const H5adFrame var(file, matrix.var);
    if (var.num_rows() != matrix.num_genes)
        throw InputError(file.path().string() + ": '" + matrix.var + "' has " +
                         std::to_string(var.num_rows()) + " genes but '" + matrix.name + "' has " +
                         std::to_string(matrix.num_genes));
    Genes genes{var.index(0, var.num_rows()), {}, {}};
    std::vector<std::string> taken;
    const auto column = [&](std::initializer_list<const char*> usual) -> std::vector<std::string> {
        for (const char* name : usual)
            if (var.has(name)) {
                taken.emplace_back(name);
                return var.texts(name, 0, var.num_rows());
            }
        return {};
    };
    const auto ensembl = std::count_if(genes.names.begin(), genes.names.end(), looks_like_ensembl);
    if (2 * ensembl > static_cast<std::ptrdiff_t>(genes.names.size())) {
        genes.ids = genes.names;
        const auto symbols = column({"feature_name", "gene_name", "gene_names", "gene_symbols", "gene_symbol",
                                     "gene_short_name", "symbol"});
        for (std::size_t i = 0; i < symbols.size(); ++i)
            if (!symbols[i].empty()) genes.names[i] = symbols[i];
    } else {
        genes.ids = column({"gene_ids", "gene_id", "feature_id", "ensembl", "ensembl_id", "ensembl_ids"});
    }
    genes.columns = other_columns(var, taken);
    return genes;
}

void read_covariates(const Communicator& comm, const H5adFrame& obs, const InputOptions& options,
                     const BlockRange& mine, AtlasShard& shard) {
    const std::vector<std::string> keys = split_text(options.covariate_keys, ',');
    const std::size_t width = keys.size();
    shard.covariates.assign(static_cast<std::size_t>(mine.size()) * width,
                            std::numeric_limits<float>::quiet_NaN());
    for (std::size_t c = 0; c < width; ++c) {
        CovariateColumn column{.name = keys[c], .categories = {}};
        const bool is_number = agreed(comm, [&] { return obs.has(keys[c]) && obs.is_number(keys[c]); });
        if (is_number) {
            const std::vector<double> numbers =
                agreed(comm, [&] { return obs.numbers(keys[c], mine.begin, mine.size()); });
            for (std::size_t r = 0; r < numbers.size(); ++r)
                shard.covariates[r * width + c] = static_cast<float>(numbers[r]);
        } else {
            const EncodedTexts texts =
                encode_texts(comm, read_column(comm, obs, options, "input.covariate_keys", keys[c], mine));
            for (std::size_t r = 0; r < texts.codes.size(); ++r)
                if (texts.codes[r] >= 0) shard.covariates[r * width + c] = static_cast<float>(texts.codes[r]);
            column.categories = texts.categories;
        }
        shard.covariate_columns.push_back(std::move(column));
    }
}

void read_obs(const Communicator& comm, const H5adFrame& obs, const InputOptions& options,
              const BlockRange& mine, AtlasShard& shard) {
    shard.num_cells = obs.num_rows();
    shard.first_cell = mine.begin;
    shard.cell_names = agreed(comm, [&] { return obs.index(mine.begin, mine.size()); });
    shard.labels.assign(static_cast<std::size_t>(mine.size()), -1);
    if (!options.label_key.empty()) {
        EncodedTexts labels =
            encode_texts(comm, read_column(comm, obs, options, "input.label_key", options.label_key, mine));
        shard.labels = std::move(labels.codes);
        shard.label_names = std::move(labels.categories);
    }
    if (!options.batch_key.empty()) {
        EncodedTexts batches =
            encode_texts(comm, read_column(comm, obs, options, "input.batch_key", options.batch_key, mine));
        shard.batches = std::move(batches.codes);
        shard.batch_names = std::move(batches.categories);
    }
    if (!options.covariate_keys.empty()) read_covariates(comm, obs, options, mine, shard);
    if (!options.split_key.empty())
        shard.split_values = read_column(comm, obs, options, "input.split_key", options.split_key, mine);
    if (!options.split_group_key.empty())
        shard.split_groups =
            read_column(comm, obs, options, "input.split_group_key", options.split_group_key, mine);
}

/// What only the first rank looked for, on every rank.
std::vector<StoredMatrix> choose_on_root(const Communicator& comm, const Hdf5File& file,
                                         const std::vector<StoredMatrix>& matrices,
                                         const InputOptions& options) {
    auto chosen = agreed(comm, [&] {
        return comm.is_root() ? names_of(candidates(file, matrices, options)) : std::vector<std::string>{};
    });
    broadcast(comm, chosen);
    std::vector<StoredMatrix> result;
    for (const std::string& name : chosen)
        for (const StoredMatrix& matrix : matrices)
            if (matrix.name == name) result.push_back(matrix);
    return result;
}

}  // namespace

AtlasShard read_h5ad(const Communicator& comm, const InputOptions& options, const FileRows& rows, Log& log) {
    const Hdf5File file = agreed(comm, [&] { return Hdf5File::open(options.path); });
    const H5adFrame obs = agreed(comm, [&] { return H5adFrame(file, "obs"); });
    const auto matrices = agreed(comm, [&] {
        std::vector<StoredMatrix> found = list_matrices(file);
        if (found.empty())
            throw InputError(options.path + ": holds no matrix of counts (X, layers/NAME or raw/X)");
        return found;
    });
    AtlasShard shard;
    const BlockRange mine = rows.of_rank(comm, obs.num_rows());
    read_obs(comm, obs, options, mine, shard);
    if (!options.protein_key.empty()) read_protein_obsm(comm, file, options.protein_key, shard);

    std::string why_not;
    for (const StoredMatrix& matrix : choose_on_root(comm, file, matrices, options)) {
        shard.matrix_name = matrix.name;
        Genes genes = agreed(comm, [&] {
            if (matrix.num_cells != obs.num_rows())
                throw InputError(options.path + ": 'obs' has " + std::to_string(obs.num_rows()) +
                                 " cells but '" + matrix.name + "' has " + std::to_string(matrix.num_cells));
            return read_genes(file, matrix);
        });
        shard.gene_names = std::move(genes.names);
        shard.gene_ids = std::move(genes.ids);
        shard.gene_columns = std::move(genes.columns);
        if (options.values == "as_given") {
            shard.values = read_matrix(comm, file, matrix, rows);
            tidy_rows(shard.values);
            check_finite(comm, shard.values, shard, options.path + ": '" + matrix.name + "'");
            shard.counts = PackedCounts(matrix.num_genes);
            log.info("values taken from '" + matrix.name + "' of " + options.path + " as they are");
            return shard;
        }
        StoredCounts read = read_counts(comm, file, matrix, rows);
        CountMatrix stored;  // where the matrix does not hold counts
        if (!read.are_counts) {
            read = {};
            stored = read_matrix(comm, file, matrix, rows);
            read.merged = all_reduce_sum(comm, tidy_rows(stored));
        }
        if (read.merged > 0)
            log.warning(options.path + ": '" + matrix.name + "': " + std::to_string(read.merged) +
                        " entries are stored more than once for the same cell and gene; they were added up");
        if (read.are_counts) {
            shard.counts = std::move(read.counts);
            log.info("counts taken from '" + matrix.name + "' of " + options.path);
            return shard;
        }
        if (!options.recover_counts) {
            check_counts(comm, stored, shard, options.path + ": '" + matrix.name + "'",
                         [&] { return advice_about(file, matrices, matrix.name, false); });
            throw InternalError("a matrix was refused for no reason");
        }
        const auto totals = agreed(comm, [&] { return read_totals(obs, mine); });
        const Recovery recovery = recover_counts(comm, stored, totals, shard.cell_names);
        if (recovery.recovered) {
            shard.counts = PackedCounts(stored);
            shard.matrix_name += ", counts recovered as " + recovery.how;
            log.info("counts recovered from '" + matrix.name + "' of " + options.path + " as " +
                     recovery.how + "; every value is whole");
            return shard;
        }
        why_not += (why_not.empty() ? "" : "; ") + ("'" + matrix.name + "': ") + recovery.why_not;
    }
    throw InputError(options.path + ": counts cannot be recovered (input.recover_counts): " + why_not +
                     advice_about(file, matrices, shard.matrix_name, true));
}

}  // namespace lapatlas
