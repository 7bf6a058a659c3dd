#include <algorithm>
#include <sstream>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "src/io/h5ad_writer.hpp"
#include "src/simulate/simulator.hpp"

namespace lapatlas {

namespace {

/// Options as text, for the file's uns.
struct OptionsAsText {
    std::string prefix;
    std::map<std::string, std::string>& out;

    template <class T, class... Rest>
    void operator()(const char* name, const T& value, const Rest&...) {
        std::ostringstream text;
        text.precision(17);
        text << value;
        out[prefix + name] = text.str();
    }
};

std::vector<std::string> numbered(const std::string& prefix, std::int64_t count) {
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < count; ++i) names.push_back(prefix + "_" + std::to_string(i));
    return names;
}

H5adHeader header_of(SimulateOptions options, std::uint64_t seed,
                     const std::map<std::string, std::string>& provenance) {
    H5adHeader header;
    header.gene_names = numbered("gene", options.genes);
    header.categorical_obs.push_back({"cell_type", numbered("type", options.types)});
    if (options.batches > 1) header.categorical_obs.push_back({"batch", numbered("batch", options.batches)});
    if (options.treatments > 1)
        header.categorical_obs.push_back({"treatment", numbered("treatment", options.treatments)});
    header.numeric_obs = {"library_size"};
    if (options.time_course) header.numeric_obs.emplace_back("pseudotime");
    if (options.proteins > 0)
        header.obsm.push_back(
            {"protein_expression", options.proteins, numbered("protein", options.proteins)});
    for (const auto& [key, text] : provenance) header.uns["lapatlas/" + key] = text;
    header.uns["lapatlas/seed"] = std::to_string(seed);
    options.describe(OptionsAsText{"lapatlas/simulate/", header.uns});
    return header;
}

}  // namespace

void simulate_atlas(const Communicator& comm, const SimulateOptions& options, std::uint64_t seed,
                    const std::filesystem::path& path, Log& log,
                    const std::map<std::string, std::string>& provenance) {
    constexpr std::int64_t kCellsARankAndRound = 1024;
    const Simulator simulator = agreed(comm, [&] { return Simulator(options, seed); });
    H5adWriter writer(comm, path, header_of(options, seed, provenance), options.cells);
    Log::Progress progress(log, "simulating", "cells", options.cells);
    for (std::int64_t done = 0; done < options.cells;) {
        const std::int64_t cells = std::min(kCellsARankAndRound * comm.size(), options.cells - done);
        const BlockRange mine = block_of_rank(cells, comm.size(), comm.rank());
        const SimulatedBlock block =
            agreed(comm, [&] { return simulator.block(done + mine.begin, mine.size()); });
        H5adRows rows{.counts = &block.counts, .codes = {block.labels}, .numbers = {block.libraries}};
        if (options.batches > 1) rows.codes.push_back(block.batches);
        if (options.treatments > 1) rows.codes.push_back(block.treatments);
        if (options.time_course) rows.numbers.push_back(block.pseudotimes);
        if (options.proteins > 0) rows.obsm.push_back(block.proteins);
        writer.append(rows);
        done += cells;
        progress.update(done);
    }
    writer.finish();
}

}  // namespace lapatlas
