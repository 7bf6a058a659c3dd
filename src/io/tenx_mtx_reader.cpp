#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/io/gz_lines.hpp"
#include "src/io/row_assembler.hpp"
#include "src/io/tenx_features.hpp"
#include "src/io/tenx_reader.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

/// The first of the usual names that exists in the folder, plain or .gz.
fs::path find_part(const fs::path& folder, std::initializer_list<const char*> usual) {
    for (const char* name : usual)
        for (const char* ending : {"", ".gz"}) {
            const fs::path path = folder / (std::string(name) + ending);
            if (fs::is_regular_file(path)) return path;
        }
    throw InputError(folder.string() + ": no " + *usual.begin() +
                     " or .gz in this folder; expected a 10x folder with matrix.mtx, features.tsv (or "
                     "genes.tsv) and barcodes.tsv");
}

std::vector<std::string> split_at_tabs(const std::string& line) {
    std::vector<std::string> fields;
    std::size_t begin = 0;
    for (std::size_t tab = line.find('\t'); tab != std::string::npos; tab = line.find('\t', begin)) {
        fields.push_back(line.substr(begin, tab - begin));
        begin = tab + 1;
    }
    fields.push_back(line.substr(begin));
    return fields;
}

TenxFeatures read_features(const fs::path& path) {
    TenxFeatures features;
    GzLines lines(path);
    for (std::string line; lines.next(line);) {
        const std::vector<std::string> fields = split_at_tabs(line);
        features.ids.push_back(fields[0]);
        features.names.push_back(fields.size() > 1 ? fields[1] : fields[0]);
        if (fields.size() > 2) features.types.push_back(fields[2]);
    }
    if (!features.types.empty() && features.types.size() != features.names.size())
        throw InputError(path.string() + ": some lines have a feature type and some have none");
    return features;
}

/// Barcodes of `mine`; checks that the file names `num_cells` of them.
std::vector<std::string> read_barcodes(const fs::path& path, std::int64_t num_cells, const BlockRange& mine) {
    std::vector<std::string> names;
    GzLines lines(path);
    std::int64_t cell = 0;
    for (std::string line; lines.next(line); ++cell)
        if (mine.contains(cell)) names.push_back(line);
    if (cell != num_cells)
        throw InputError(path.string() + ": names " + std::to_string(cell) + " cells but matrix.mtx has " +
                         std::to_string(num_cells));
    return names;
}

/// Streams the entries of a Matrix Market file of genes x cells.
class MatrixMarketStream {
  public:
    explicit MatrixMarketStream(const fs::path& path) : lines_(path) {
        std::string line;
        if (!lines_.next(line) || !line.starts_with("%%MatrixMarket matrix coordinate ") ||
            !line.ends_with(" general") || line.find("complex") != std::string::npos)
            lines_.fail("expected '%%MatrixMarket matrix coordinate integer general'");
        is_pattern_ = line.find(" pattern ") != std::string::npos;
        do {
            if (!lines_.next(line)) lines_.fail("the sizes are missing");
        } while (line.starts_with("%"));
        const char* place = line.data();
        const char* end = place + line.size();
        if (!number(place, end, num_genes) || !number(place, end, num_cells) ||
            !number(place, end, num_entries) || num_genes < 0 || num_cells < 0 || num_entries < 0)
            lines_.fail("expected the numbers of genes, cells and entries");
    }

    /// Up to `count` further entries; fewer only at the end of the file.
    std::vector<MatrixEntry> next(std::int64_t count) {
        std::vector<MatrixEntry> entries;
        std::string line;
        while (static_cast<std::int64_t>(entries.size()) < count && lines_.next(line)) {
            if (line.empty()) continue;
            const char* place = line.data();
            const char* end = place + line.size();
            std::int64_t gene = 0, cell = 0;
            float value = 1;
            if (!number(place, end, gene) || !number(place, end, cell) ||
                (!is_pattern_ && !number(place, end, value)))
                lines_.fail("expected 'gene cell count', found '" + line.substr(0, 60) + "'");
            if (gene < 1 || gene > num_genes || cell < 1 || cell > num_cells)
                lines_.fail("entry (" + std::to_string(gene) + ", " + std::to_string(cell) +
                            ") is outside the matrix");
            entries.push_back({cell - 1, static_cast<std::int32_t>(gene - 1), value});
        }
        num_read_ += static_cast<std::int64_t>(entries.size());
        if (static_cast<std::int64_t>(entries.size()) < count && num_read_ != num_entries)
            lines_.fail("the file ends after " + std::to_string(num_read_) + " of " +
                        std::to_string(num_entries) + " entries");
        return entries;
    }

    std::int64_t num_genes = 0, num_cells = 0, num_entries = 0;

  private:
    template <class T>
    static bool number(const char*& place, const char* end, T& value) {
        while (place != end && (*place == ' ' || *place == '\t')) ++place;
        const auto [rest, error] = std::from_chars(place, end, value);
        place = rest;
        return error == std::errc();
    }

    GzLines lines_;
    bool is_pattern_ = false;
    std::int64_t num_read_ = 0;
};

}  // namespace

AtlasShard read_tenx_mtx(const Communicator& comm, const InputOptions& options, const FileRows& dealt,
                         Log& log) {
    refuse_obs_keys(options);
    const fs::path folder(options.path);
    std::unique_ptr<MatrixMarketStream> stream;
    agreed(comm, [&] {
        if (comm.is_root()) stream = std::make_unique<MatrixMarketStream>(find_part(folder, {"matrix.mtx"}));
    });
    std::array<std::int64_t, 3> sizes{};
    if (stream) sizes = {stream->num_genes, stream->num_cells, stream->num_entries};
    broadcast(comm, std::span<std::int64_t>(sizes));
    const std::int64_t num_genes = sizes[0], num_cells = sizes[1], num_entries = sizes[2];

    AtlasShard shard;
    const BlockRange mine = dealt.of_rank(comm, num_cells);
    shard.num_cells = num_cells;
    shard.first_cell = mine.begin;
    shard.matrix_name = "matrix.mtx";
    TenxFeatures features = agreed(comm, [&] {
        // Before memory is taken for as many cells as the matrix claims.
        shard.cell_names = read_barcodes(find_part(folder, {"barcodes.tsv"}), num_cells, mine);
        TenxFeatures read = read_features(find_part(folder, {"features.tsv", "genes.tsv"}));
        if (static_cast<std::int64_t>(read.names.size()) != num_genes)
            throw InputError(options.path + ": the features file names " + std::to_string(read.names.size()) +
                             " features but matrix.mtx has " + std::to_string(num_genes));
        return read;
    });
    shard.labels.assign(static_cast<std::size_t>(mine.size()), -1);

    constexpr std::int64_t kEntriesARound = std::int64_t{1} << 20;
    RowAssembler rows(mine.begin, mine.size(), num_genes);
    // One round more than full ones: the last, short one also proves that the file ends where it should.
    for (std::int64_t done = 0; done <= num_entries; done += kEntriesARound) {
        const auto entries =
            agreed(comm, [&] { return stream ? stream->next(kEntriesARound) : std::vector<MatrixEntry>{}; });
        std::vector<int> owners;
        owners.reserve(entries.size());
        for (const MatrixEntry& entry : entries) owners.push_back(dealt.owner(comm, num_cells, entry.row));
        rows.add(send_to<MatrixEntry>(comm, entries, owners).items);
    }
    finish_tenx(comm, options, std::move(features), rows.finish(), shard, log);
    return shard;
}

}  // namespace lapatlas
