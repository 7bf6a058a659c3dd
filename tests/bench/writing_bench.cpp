// An atlas's counts written again by all ranks. peers/writing.sh runs it and anndata's write_h5ad in turns.
#include <cstdio>
#include <filesystem>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/timer.hpp"
#include "src/io/h5ad_writer.hpp"
#include "tests/bench/benches.hpp"

namespace lapatlas::bench {

namespace {

CountMatrix rows_of(const Hdf5File& file, std::int64_t num_genes, const BlockRange& rows) {
    CountMatrix counts;
    counts.num_genes = num_genes;
    const auto starts = file.read_rows<std::int64_t>("X/indptr", rows.begin, rows.size() + 1);
    const std::int64_t entries = starts.back() - starts.front();
    counts.gene_indices = file.read_rows<std::int32_t>("X/indices", starts.front(), entries);
    counts.values = file.read_rows<float>("X/data", starts.front(), entries);
    counts.row_offsets.clear();
    for (const std::int64_t start : starts) counts.row_offsets.push_back(start - starts.front());
    return counts;
}

}  // namespace

int writing(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.size() != 2) throw ConfigError("lapatlas-bench writing ATLAS.h5ad COPY.h5ad");
    constexpr std::int64_t kRowsARound = 4096;
    const std::filesystem::path copy = arguments[1];
    const Hdf5File file = agreed(comm, [&] { return Hdf5File::open(arguments[0]); });
    H5adHeader header;
    header.gene_names = agreed(comm, [&] { return file.read_strings("var/_index"); });
    const auto genes = static_cast<std::int64_t>(header.gene_names.size());
    const std::int64_t cells = file.shape("X/indptr").at(0) - 1;
    // All in memory first, in the rounds that are written: reading is not what is timed.
    std::vector<CountMatrix> rounds = agreed(comm, [&] {
        std::vector<CountMatrix> mine;
        for (std::int64_t first = 0; first < cells; first += kRowsARound * comm.size()) {
            const std::int64_t begin = std::min(cells, first + comm.rank() * kRowsARound);
            mine.push_back(rows_of(file, genes, {begin, std::min(cells, begin + kRowsARound)}));
        }
        return mine;
    });
    barrier(comm);
    const Timer timer;
    {
        H5adWriter writer(comm, copy, header, cells);
        for (const CountMatrix& counts : rounds) writer.append({.counts = &counts});
        writer.finish();
    }
    const double seconds = all_reduce_max(comm, timer.seconds());
    const bool is_same = agreed(comm, [&] {
        const Hdf5File written = Hdf5File::open(copy);
        const BlockRange mine = block_of_rank(cells, comm.size(), comm.rank());
        const CountMatrix before = rows_of(file, genes, mine), after = rows_of(written, genes, mine);
        return before.row_offsets == after.row_offsets && before.gene_indices == after.gene_indices &&
               before.values == after.values;
    });
    if (all_reduce_min(comm, is_same ? 1 : 0) == 0) throw InternalError("what was written is something else");
    if (comm.is_root())
        std::printf("{\"cells\": %lld, \"ranks\": %d, \"seconds\": %.3f, \"bytes\": %lld}\n",
                    static_cast<long long>(cells), comm.size(), seconds,
                    static_cast<long long>(std::filesystem::file_size(copy)));
    return 0;
}

}  // namespace lapatlas::bench
