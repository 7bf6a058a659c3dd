#include "src/simulate/factor_model.hpp"

#include <array>
#include <cmath>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "src/io/h5ad_writer.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

constexpr int kDegrees = 4;

// Whose numbers a step of the stream holds.
enum Step : std::uint32_t { kLoadings, kLabel, kLatents, kNoise, kLatentTail, kNoiseTail };

/// What a normal vector is divided by to be of a multivariate t: sqrt(chi^2 / degrees).
double tail_divisor(const PlacedRandom& random, std::uint64_t cell, Step step) {
    std::array<double, kDegrees> normals{};
    random.fill_normals(cell, step, normals.data(), kDegrees);
    double sum = 0;
    for (const double x : normals) sum += x * x;
    return std::sqrt(sum / kDegrees);
}

}  // namespace

FactorModel::FactorModel(std::int64_t setup, std::uint64_t seed)
    : setup_(setup), seed_(seed), loadings_(static_cast<std::size_t>(kGenes * kLatent)) {
    const PlacedRandom random(seed, RandomStream::kSetup);
    for (std::int64_t gene = 0; gene < kGenes; ++gene)
        random.fill_normals(static_cast<std::uint64_t>(gene), kLoadings, loadings_.data() + gene * kLatent,
                            kLatent);
}

FactorModel::Cells FactorModel::cells(bool of_query, std::int64_t first, std::int64_t count) const {
    const PlacedRandom random(seed_, RandomStream::kSetup);
    const bool moved = of_query && setup_ == 4, heavy_noise = of_query && setup_ == 3;
    const double noise = of_query && (setup_ == 2 || setup_ == 4) ? std::sqrt(10.0) : 1;
    Cells made;
    made.values.num_genes = kGenes;
    std::array<double, kLatent> latent{};
    std::vector<double> values(static_cast<std::size_t>(kGenes));
    for (std::int64_t i = first; i < first + count; ++i) {
        // Behind the loadings' places and, for the query, behind the reference's.
        const auto cell = static_cast<std::uint64_t>(kGenes + i + (of_query ? kReferenceCells : 0));
        const bool is_first = random.uniform(cell, kLabel) < 0.5;
        made.labels.push_back(is_first ? 0 : 1);
        random.fill_normals(cell, kLatents, latent.data(), kLatent);
        double scale = std::sqrt(is_first != moved ? 1.3 : 1.5);
        if (moved && !is_first) scale /= tail_divisor(random, cell, kLatentTail);
        for (double& u : latent) u = u * scale + (is_first ? 1 : 0);
        random.fill_normals(cell, kNoise, values.data(), kGenes);
        const double deviation = heavy_noise ? noise / tail_divisor(random, cell, kNoiseTail) : noise;
        for (std::int64_t gene = 0; gene < kGenes; ++gene) {
            double x = values[static_cast<std::size_t>(gene)] * deviation;
            for (std::int64_t j = 0; j < kLatent; ++j)
                x += loadings_[static_cast<std::size_t>(gene * kLatent + j)] *
                     latent[static_cast<std::size_t>(j)];
            made.values.gene_indices.push_back(static_cast<std::int32_t>(gene));
            made.values.values.push_back(static_cast<float>(x));
        }
        made.values.row_offsets.push_back(std::ssize(made.values.values));
    }
    return made;
}

void simulate_factor_model(const Communicator& comm, std::int64_t setup, std::uint64_t seed,
                           const std::filesystem::path& path, Log& log,
                           const std::map<std::string, std::string>& provenance) {
    const FactorModel model(setup, seed);
    std::filesystem::path query = path;
    query.replace_filename(path.stem().string() + "-query" + path.extension().string());
    for (const bool of_query : {false, true}) {
        const std::int64_t total = of_query ? FactorModel::kQueryCells : FactorModel::kReferenceCells;
        const BlockRange mine = block_of_rank(total, comm.size(), comm.rank());
        const FactorModel::Cells cells =
            agreed(comm, [&] { return model.cells(of_query, mine.begin, mine.size()); });
        H5adHeader header;
        for (std::int64_t gene = 0; gene < FactorModel::kGenes; ++gene)
            header.gene_names.push_back("gene_" + std::to_string(gene));
        header.categorical_obs = {{"cell_type", {"Cluster 1", "Cluster 2"}}};
        for (const auto& [key, text] : provenance) header.uns["lapatlas/" + key] = text;
        H5adWriter writer(comm, of_query ? query : path, header, total);
        writer.append({.counts = &cells.values, .codes = {cells.labels}});
        writer.finish();
        log.info("setup " + std::to_string(setup) + " of DICE: " + std::to_string(total) + " cells of the " +
                 (of_query ? "query in " + query.string() : "reference in " + path.string()));
    }
}

}  // namespace lapatlas
