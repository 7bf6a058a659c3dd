#include "tests/fuzz/parsers.hpp"

#include <cmath>
#include <stdexcept>

#include "dist/sealed_file.hpp"
#include "src/config/config.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/generate/part_store.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/io/prepared_file.hpp"
#include "src/run_history.hpp"
#include "src/run_status.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/metrics_file.hpp"

namespace lapatlas::fuzz {

namespace fs = std::filesystem;

namespace {

void promise(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

void check_counts(const PackedCounts& counts, std::int64_t rows, std::size_t genes) {
    promise(counts.num_rows() == rows, "a row of counts a cell");
    promise(static_cast<std::size_t>(counts.num_genes()) == genes, "a column of counts a gene");
    for_each_row(counts, [&](std::int64_t, const SparseCounts& row) {
        for (std::int64_t i = 0; i < row.size; ++i) {
            promise(row.genes[i] >= 0 && row.genes[i] < counts.num_genes(), "genes within the matrix");
            promise(i == 0 || row.genes[i - 1] < row.genes[i], "genes ascend");
            promise(row.values[i] > 0 && std::floor(row.values[i]) == row.values[i],
                    "whole counts above zero");
        }
    });
}

void read_cells(const fs::path& path, const std::string& label_key) {
    InputOptions options;
    options.path = path;
    options.label_key = label_key;
    Log log = Log::silent();
    const AtlasShard shard = read_atlas(Communicator::self(), options, log);
    check_counts(shard.counts, shard.num_cells, shard.gene_names.size());
    const auto cells = static_cast<std::size_t>(shard.num_cells);
    promise(shard.cell_names.size() == cells, "a name a cell");
    promise(shard.labels.size() == cells, "a label a cell");
    for (const std::int32_t label : shard.labels)
        promise(label >= -1 && label < static_cast<std::int32_t>(shard.label_names.size()),
                "labels with a name");
}

/// As part 0 of an atlas in the making.
void read_part(const fs::path& path) {
    fs::path output = path.parent_path() / "atlas.h5ad";
    const fs::path place = output.string() + ".parts/part-000000000.h5";
    fs::create_directories(place.parent_path());
    fs::copy_file(path, place, fs::copy_options::overwrite_existing);
    PartStore store(Communicator::self(), output, kPartMaker);
    if (store.missing(1).empty()) store.read(0);
}

void read_prepared(const fs::path& path) {
    const PreparedSummary summary = read_prepared_summary(path);
    const IndexMap map = place_on_ranks(summary, 1);
    read_prepared_rows(path, summary, map, 0, true);
    read_heldout_rows(path, summary, map, 0);
}

}  // namespace

const std::vector<Parser>& parsers() {
    static const std::vector<Parser> all = {
        {"h5ad", [](const fs::path& path) { read_cells(path, "cell_type"); }},
        {"tenx_h5", [](const fs::path& path) { read_cells(path, ""); }},
        {"mtx", [](const fs::path& path) { read_cells(path, ""); }},
        {"config", [](const fs::path& path) { check_config(read_config(path)); }},
        {"checkpoint", [](const fs::path& path) { read_checkpoint(path); }},
        {"part", read_part},
        {"prepared", read_prepared},
        {"evaluation", [](const fs::path& path) { read_evaluation_json(path); }},
        {"metrics", [](const fs::path& path) { read_metrics(path); }},
        {"status", [](const fs::path& path) { run_status(RunFolder{path.parent_path()}); }},
        {"history", [](const fs::path& path) { read_history(path); }},
    };
    return all;
}

}  // namespace lapatlas::fuzz
