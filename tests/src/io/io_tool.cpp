// Reads atlases as a list says and writes what each rank got as JSON, or writes .h5ad files, for
// anndata_roundtrip.py to compare with anndata's own reading.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dist/block_range.hpp"
#include "dist/environment.hpp"
#include "dist/error.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/io/h5ad_writer.hpp"
#include "src/simulate/simulator.hpp"

namespace lapatlas {

nlohmann::json to_json(const AtlasShard& shard) {
    const CountMatrix counts = shard.counts.rows(0, shard.counts.num_rows());
    return {{"num_cells", shard.num_cells},
            {"first_cell", shard.first_cell},
            {"offsets", counts.row_offsets},
            {"genes", counts.gene_indices},
            {"values", counts.values},
            {"cell_names", shard.cell_names},
            {"labels", shard.labels},
            {"label_names", shard.label_names},
            {"batches", shard.batches},
            {"batch_names", shard.batch_names},
            {"split_values", shard.split_values},
            {"split_groups", shard.split_groups},
            {"gene_names", shard.gene_names},
            {"gene_ids", shard.gene_ids},
            {"matrix_name", shard.matrix_name}};
}

/// Each line of `list` is one JSON object with the fields of InputOptions.
void read_all(const Communicator& comm, const std::string& list, const std::string& output_prefix) {
    std::ifstream lines(list);
    std::ofstream out(output_prefix + "." + std::to_string(comm.rank()));
    for (std::string line; std::getline(lines, line);) {
        const auto asked = nlohmann::json::parse(line);
        InputOptions options;
        options.path = asked.at("path");
        options.layer = asked.value("layer", "");
        options.label_key = asked.value("label_key", "");
        options.batch_key = asked.value("batch_key", "");
        options.split_key = asked.value("split_key", "");
        options.split_group_key = asked.value("split_group_key", "");
        options.join_genes = asked.value("join_genes", "inner");
        options.batch_from_file = asked.value("batch_from_file", false);
        options.recover_counts = asked.value("recover_counts", false);
        Log log = Log(Log::Options{true, true, {}});
        nlohmann::json result;
        try {
            result = to_json(read_atlas(comm, options, log));
        } catch (const Error& error) {
            result = {{"error", error.what()}, {"exit_code", error.exit_code()}};
        }
        result["warnings"] = log.warnings();
        out << result.dump() << '\n';
    }
}

/// An .h5ad with everything the writer knows: ids, all kinds of obs, latents, nested uns, own names; `wide`:
/// with 64-bit row starts from the second round on.
void write_everything(const Communicator& comm, const std::string& path, bool wide) {
    SimulateOptions options;
    options.genes = 120;
    options.types = 3;
    const std::int64_t cells = 50;
    H5adHeader header;
    for (int gene = 0; gene < 120; ++gene) {
        header.gene_names.push_back(std::string("g") + std::to_string(gene));
        header.gene_ids.push_back(std::string("ENSG") + std::to_string(10000000000 + gene));
    }
    header.categorical_obs = {{"cell_type", {"a", "b", "µ c"}}, {"none", {}}};
    header.numeric_obs = {"library_size"};
    header.gene_columns = {{"chromosome", GeneColumn::Kind::kText, std::vector<std::string>(120, "chr1"), {}},
                           {"length", GeneColumn::Kind::kNumber, {}, std::vector<double>(120, 250)},
                           {"score", GeneColumn::Kind::kNumber, {}, std::vector<double>(120, 0.5)},
                           {"coding", GeneColumn::Kind::kBoolean, {}, std::vector<double>(120, 1)}};
    header.synthetic = true;
    header.obsm = {{"X_latent", 4}};
    header.dense_layer = "rates";
    header.uns = {{"lapatlas/config/input.path", "x.h5ad"}, {"lapatlas/version", "1"}, {"title", ""}};
    header.chunk_entries = 64;
    header.narrow_entries = wide ? 100 : header.narrow_entries;
    H5adWriter writer(comm, path, header, cells);
    const Simulator simulator(options, 5);
    for (std::int64_t done = 0; done < cells; done += 25) {
        const BlockRange mine = block_of_rank(25, comm.size(), comm.rank());
        const SimulatedBlock block = simulator.block(done + mine.begin, mine.size());
        H5adRows rows{.counts = &block.counts,
                      .codes = {block.types, std::vector<std::int32_t>(block.types.size(), -1)},
                      .numbers = {block.libraries},
                      .obsm = {{}}};
        for (std::int64_t row = mine.begin; row < mine.end; ++row) {
            rows.names.push_back(std::string("µ-") + std::to_string(done + row));
            for (int d = 0; d < 4; ++d) rows.obsm[0].push_back(static_cast<float>(10 * (done + row) + d));
            rows.dense.insert(rows.dense.end(), 120, static_cast<float>(done + row));
        }
        writer.append(rows);
    }
    writer.finish();
}

}  // namespace lapatlas

int main(int argc, char** argv) {
    using namespace lapatlas;
    const MpiEnvironment mpi(argc, argv);
    const auto comm = Communicator::world();
    const std::string what = argc > 1 ? argv[1] : "";
    try {
        if (what == "read" && argc == 4) {
            read_all(comm, argv[2], argv[3]);
        } else if (what == "simulate" && argc == 3) {
            SimulateOptions options;
            options.cells = 400;
            options.genes = 500;
            options.types = 4;
            options.batches = 2;
            options.median_counts = 300;
            options.label_missing_fraction = 0.1;
            Log log = Log::silent();
            simulate_atlas(comm, options, 7, argv[2], log, {{"version", "test"}});
        } else if (what == "write" && argc == 3) {
            write_everything(comm, argv[2], false);
        } else if (what == "write-wide" && argc == 3) {
            write_everything(comm, argv[2], true);
        } else {
            std::cerr << "usage: io_tool read LIST PREFIX | simulate FILE | write[-wide] FILE\n";
            return 2;
        }
    } catch (const Error& error) {
        if (comm.is_root()) std::cerr << "error: " << error.what() << '\n';
        return error.exit_code();
    }
    return 0;
}
