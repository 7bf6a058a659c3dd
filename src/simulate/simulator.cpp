#include "src/simulate/simulator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "dist/error.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

constexpr double kGeneMeanSigma = 2.0;
constexpr double kMarkerShare = 0.04;
constexpr double kMarkerFold = 1.2, kMarkerFoldSigma = 0.6;
constexpr double kDownShare = 0.3;
constexpr double kFoldShrinkage = 0.8;
constexpr double kBatchSigma = 0.1;
constexpr double kLibrarySigma = 0.35;
constexpr double kBcvFloor = 0.1, kBcvRise = 0.3;
constexpr int kBcvDegrees = 60;
constexpr double kProteinShare = 0.4, kHighProtein = 60, kLowProtein = 3;
constexpr double kProteinSigma = 0.4, kProteinBcv = 0.3;
constexpr double kProgramShare = 0.05, kProgramSigma = 0.6, kCourseSigma = 2.4, kTreatmentSigma = 1.2;

// Which numbers are meant: the step of a PlacedRandom place, so that genes, cells, branches and batches never
// meet.
constexpr std::uint32_t kGeneStep = 1, kCellStep = 2, kCountStep = 3;
constexpr std::uint32_t kActivityStep = 4, kProteinStep = 5, kProteinCountStep = 6;
constexpr std::uint32_t kBranchStep = 1u << 20, kCourseStep = 1u << 27, kTreatmentStep = 1u << 28,
                        kProgramStep = 1u << 29, kBatchStep = 1u << 30;

void require(bool holds, const char* message) {
    if (!holds) throw ConfigError(message);
}

/// Branches from the root to leaf `type` of the balanced binary tree over `types` leaves, as heap indices
/// (root 1, left out: everybody shares it).
std::vector<std::uint32_t> branches_of(std::int64_t type, std::int64_t types) {
    std::vector<std::uint32_t> path;
    std::uint32_t node = 1;
    std::int64_t begin = 0, end = types;
    while (end - begin > 1) {
        const std::int64_t middle = begin + (end - begin + 1) / 2;
        node = 2 * node + (type >= middle ? 1 : 0);
        (type >= middle ? begin : end) = middle;
        path.push_back(node);
    }
    return path;
}

double negative_binomial_log_probability(double count, double mean, double size) {
    return std::lgamma(count + size) - std::lgamma(size) - std::lgamma(count + 1) -
           size * std::log1p(mean / size) + count * std::log(mean / (mean + size));
}

}  // namespace

std::int64_t negative_binomial_by_inversion(double uniform, double mean, double dispersion) {
    // P(0) >= exp(-mean) >= 1 - mean: decides nearly every gene of a sparse cell without an exponential.
    if (uniform <= 1 - mean) return 0;
    const double size = 1 / dispersion;
    const double odds = mean / (mean + size);
    constexpr double kNegligible = 1e-20;
    constexpr double kFromZeroBelow = 64;
    if (mean < kFromZeroBelow) {
        double probability = std::exp(-size * std::log1p(mean * dispersion));
        std::int64_t count = 0;
        while (uniform > probability && (probability > kNegligible || static_cast<double>(count) < mean)) {
            uniform -= probability;
            probability *= (static_cast<double>(count) + size) / (static_cast<double>(count) + 1) * odds;
            ++count;
        }
        return count;
    }
    // Outwards from the mode, both sides in turn: any order of the support inverts, this one is short.
    const auto mode = static_cast<std::int64_t>(std::max(0.0, std::floor(mean * (1 - dispersion))));
    double up_probability =
        std::exp(negative_binomial_log_probability(static_cast<double>(mode), mean, size));
    double down_probability = up_probability;
    std::int64_t up = mode, down = mode;
    uniform -= up_probability;
    while (uniform > 0 && (up_probability > kNegligible || (down > 0 && down_probability > kNegligible))) {
        up_probability *= (static_cast<double>(up) + size) / (static_cast<double>(up) + 1) * odds;
        ++up;
        uniform -= up_probability;
        if (uniform <= 0) return up;
        if (down == 0) continue;
        down_probability *= static_cast<double>(down) / ((static_cast<double>(down) - 1 + size) * odds);
        --down;
        uniform -= down_probability;
        if (uniform <= 0) return down;
    }
    return mode;
}

Simulator::Simulator(const SimulateOptions& options, std::uint64_t seed) : options_(options), seed_(seed) {
    require(options.cells >= 1, "simulate.cells must be at least 1");
    require(options.genes >= 1 && options.genes < (std::int64_t{1} << 31),
            "simulate.genes must be in [1, 2^31)");
    require(options.types >= 1 && options.types <= (1 << 16), "simulate.types must be in [1, 65536]");
    require(options.batches >= 1 && options.batches <= (1 << 16), "simulate.batches must be in [1, 65536]");
    require(options.median_counts > 0 && options.median_counts < 1e7,
            "simulate.median_counts must be in (0, 1e7)");
    require(options.programs >= 0 && options.programs <= 1024, "simulate.programs must be in [0, 1024]");
    require(options.treatments >= 0 && options.treatments <= 1024,
            "simulate.treatments must be in [0, 1024]");
    require(options.proteins >= 0 && options.proteins <= 4096, "simulate.proteins must be in [0, 4096]");
    require(options.protein_missing_fraction >= 0 && options.protein_missing_fraction <= 1,
            "simulate.protein_missing_fraction must be in [0, 1]");
    require(options.label_missing_fraction >= 0 && options.label_missing_fraction <= 1,
            "simulate.label_missing_fraction must be in [0, 1]");
    double total = 0;
    for (std::int64_t type = 0; type < options.types; ++type) {
        total += 1 / std::sqrt(static_cast<double>(type) + 1);
        type_bounds_.push_back(total);
    }
    for (double& bound : type_bounds_) bound /= total;
    make_profiles();
    make_programs();
}

std::vector<double> Simulator::base_means() const {
    const PlacedRandom random(seed_, RandomStream::kSimulate);
    std::vector<double> means;
    double sum = 0;
    for (std::int64_t gene = 0; gene < options_.genes; ++gene) {
        means.push_back(
            std::exp(kGeneMeanSigma * random.normals(static_cast<std::uint64_t>(gene), kGeneStep)[0]));
        sum += means.back();
    }
    for (double& mean : means) mean /= sum;
    return means;
}

void Simulator::make_profiles() {
    const PlacedRandom random(seed_, RandomStream::kSimulate);
    const std::vector<double> base = base_means();
    make_dispersions(base);
    const auto genes = static_cast<std::size_t>(options_.genes);
    profiles_.resize(static_cast<std::size_t>(options_.types * options_.batches) * genes);
    std::vector<double> of_type(genes), of_batch(genes);
    for (std::int64_t type = 0; type < options_.types; ++type) {
        const std::vector<std::uint32_t> branches = branches_of(type, options_.types);
        for (std::size_t gene = 0; gene < genes; ++gene) {
            double log_fold = 0, shrinkage = 1;
            for (const std::uint32_t branch : branches) {
                if (random.uniform(gene, kBranchStep + branch, 0) < kMarkerShare) {
                    const double sign = random.uniform(gene, kBranchStep + branch, 1) < kDownShare ? -1 : 1;
                    log_fold +=
                        sign * shrinkage *
                        (kMarkerFold + kMarkerFoldSigma * random.normals(gene, kBranchStep + branch, 2)[0]);
                }
                shrinkage *= kFoldShrinkage;
            }
            of_type[gene] = base[gene] * std::exp(log_fold);
        }
        for (std::int64_t batch = 0; batch < options_.batches; ++batch) {
            double sum = 0;
            for (std::size_t gene = 0; gene < genes; ++gene) {
                const auto step = kBatchStep + static_cast<std::uint32_t>(batch);
                const double shift = batch == 0 ? 0 : kBatchSigma * random.normals(gene, step)[0];
                of_batch[gene] = of_type[gene] * std::exp(shift);
                sum += of_batch[gene];
            }
            float* out = profiles_.data() + static_cast<std::size_t>(type * options_.batches + batch) * genes;
            for (std::size_t gene = 0; gene < genes; ++gene)
                out[gene] = static_cast<float>(of_batch[gene] / sum);
        }
    }
}

std::vector<Simulator::Loading> Simulator::loadings(std::uint32_t step, double sigma) const {
    const PlacedRandom random(seed_, RandomStream::kSimulate);
    std::vector<Loading> chosen;
    for (std::int64_t gene = 0; gene < options_.genes; ++gene) {
        const auto place = static_cast<std::uint64_t>(gene);
        if (random.uniform(place, step, 0) < kProgramShare)
            chosen.push_back({gene, static_cast<float>(sigma * random.normals(place, step, 1)[0])});
    }
    return chosen;
}

void Simulator::make_programs() {
    for (std::int64_t program = 0; program < options_.programs; ++program)
        programs_.push_back(loadings(kProgramStep + static_cast<std::uint32_t>(program), kProgramSigma));
    if (options_.time_course) course_ = loadings(kCourseStep, kCourseSigma);
    for (std::int64_t treatment = 1; treatment < options_.treatments; ++treatment)
        treatments_.push_back(
            loadings(kTreatmentStep + static_cast<std::uint32_t>(treatment), kTreatmentSigma));
}

double Simulator::pseudotime(std::uint64_t cell) const {
    return PlacedRandom(seed_, RandomStream::kSimulate).uniform(cell, kCellStep, 4);
}

std::int32_t Simulator::treatment(std::uint64_t cell) const {
    return static_cast<std::int32_t>(
        PlacedRandom(seed_, RandomStream::kSimulate).uniform(cell, kCellStep, 5) *
        static_cast<double>(std::max<std::int64_t>(1, options_.treatments)));
}

double Simulator::protein_mean(std::int64_t protein, std::int64_t type) const {
    const double place =
        PlacedRandom(seed_, RandomStream::kSimulate)
            .uniform(static_cast<std::uint64_t>(protein), kProteinStep, static_cast<std::uint32_t>(type));
    return place < kProteinShare ? kHighProtein : kLowProtein;
}

void Simulator::append_proteins(std::uint64_t cell, std::int64_t type, std::vector<float>& proteins) const {
    const PlacedRandom random(seed_, RandomStream::kSimulate);
    const bool is_withheld = random.uniform(cell, kCellStep, 6) < options_.protein_missing_fraction;
    for (std::int64_t protein = 0; protein < options_.proteins; ++protein) {
        if (is_withheld) {
            proteins.push_back(std::numeric_limits<float>::quiet_NaN());
            continue;
        }
        const auto draw = static_cast<std::uint32_t>(2 * protein);
        const double mean = protein_mean(protein, type) *
                            std::exp(kProteinSigma * random.normals(cell, kProteinCountStep, draw)[0]);
        proteins.push_back(static_cast<float>(negative_binomial_by_inversion(
            random.uniform(cell, kProteinCountStep, draw + 1), mean, kProteinBcv * kProteinBcv)));
    }
}

void Simulator::move_shares(std::uint64_t cell, std::span<float> shares) const {
    const PlacedRandom random(seed_, RandomStream::kSimulate);
    std::vector<float> log_fold(shares.size(), 0.0f);
    for (std::size_t program = 0; program < programs_.size(); ++program) {
        const auto activity =
            static_cast<float>(random.normals(cell, kActivityStep, static_cast<std::uint32_t>(program))[0]);
        // Less half the square: a gene's mean over cells stays.
        for (const Loading& loading : programs_[program])
            log_fold[static_cast<std::size_t>(loading.gene)] +=
                loading.log_fold * (activity - loading.log_fold / 2);
    }
    const auto time = static_cast<float>(pseudotime(cell) - 0.5);
    for (const Loading& loading : course_)
        log_fold[static_cast<std::size_t>(loading.gene)] += loading.log_fold * time;
    if (const std::int32_t of_cell = treatment(cell); of_cell > 0)
        for (const Loading& loading : treatments_[static_cast<std::size_t>(of_cell - 1)])
            log_fold[static_cast<std::size_t>(loading.gene)] += loading.log_fold;
    double sum = 0;
    for (std::size_t gene = 0; gene < shares.size(); ++gene) {
        if (log_fold[gene] != 0) shares[gene] *= std::exp(log_fold[gene]);
        sum += static_cast<double>(shares[gene]);
    }
    for (float& share : shares) share = static_cast<float>(static_cast<double>(share) / sum);
}

void Simulator::make_dispersions(const std::vector<double>& base) {
    const PlacedRandom random(seed_, RandomStream::kSimulate);
    for (std::size_t gene = 0; gene < base.size(); ++gene) {
        double chi_squared = 0;
        for (int i = 0; i < kBcvDegrees / 2; ++i) {
            const auto pair = random.normals(gene, kGeneStep, static_cast<std::uint32_t>(1 + i));
            chi_squared += pair[0] * pair[0] + pair[1] * pair[1];
        }
        const double mean = base[gene] * options_.median_counts;
        const double bcv =
            (kBcvFloor + kBcvRise / std::sqrt(1 + mean)) * std::sqrt(kBcvDegrees / chi_squared);
        dispersions_.push_back(static_cast<float>(bcv * bcv));
    }
}

SimulatedBlock Simulator::block(std::int64_t first_cell, std::int64_t num_cells) const {
    const PlacedRandom random(seed_, RandomStream::kSimulate);
    SimulatedBlock block;
    block.counts.num_genes = options_.genes;
    std::vector<float> moved;
    for (std::int64_t i = 0; i < num_cells; ++i) {
        const auto cell = static_cast<std::uint64_t>(first_cell + i);
        const auto above = std::upper_bound(type_bounds_.begin(), type_bounds_.end() - 1,
                                            random.uniform(cell, kCellStep, 0));
        const auto type = static_cast<std::int32_t>(above - type_bounds_.begin());
        const auto batch = std::min(static_cast<std::int32_t>(options_.batches - 1),
                                    static_cast<std::int32_t>(random.uniform(cell, kCellStep, 1) *
                                                              static_cast<double>(options_.batches)));
        const double library =
            options_.median_counts * std::exp(kLibrarySigma * random.normals(cell, kCellStep, 2)[0]);
        const bool withheld = random.uniform(cell, kCellStep, 3) < options_.label_missing_fraction;
        block.types.push_back(type);
        block.labels.push_back(withheld ? -1 : type);
        block.batches.push_back(batch);
        block.libraries.push_back(static_cast<float>(library));

        const float* shares = profile(type, batch);
        if (options_.time_course) block.pseudotimes.push_back(static_cast<float>(pseudotime(cell)));
        if (options_.treatments > 1) block.treatments.push_back(treatment(cell));
        if (options_.proteins > 0) append_proteins(cell, type, block.proteins);
        if (!programs_.empty() || !course_.empty() || !treatments_.empty()) {
            moved.assign(shares, shares + options_.genes);
            move_shares(cell, moved);
            shares = moved.data();
        }
        std::array<std::uint32_t, 4> words{};
        for (std::int64_t gene = 0; gene < options_.genes; ++gene) {
            const bool second = gene % 2 == 1;
            if (!second) words = random.words(cell, kCountStep, static_cast<std::uint32_t>(gene / 2));
            const double uniform =
                second ? uniform_double(words[2], words[3]) : uniform_double(words[0], words[1]);
            const std::int64_t count = negative_binomial_by_inversion(
                uniform, library * static_cast<double>(shares[gene]), static_cast<double>(dispersion(gene)));
            if (count == 0) continue;
            block.counts.gene_indices.push_back(static_cast<std::int32_t>(gene));
            block.counts.values.push_back(static_cast<float>(count));
        }
        block.counts.row_offsets.push_back(static_cast<std::int64_t>(block.counts.values.size()));
    }
    return block;
}

SimulatedBlock simulate_block(const SimulateOptions& options, std::uint64_t seed, std::int64_t first_cell,
                              std::int64_t num_cells) {
    return Simulator(options, seed).block(first_cell, num_cells);
}

}  // namespace lapatlas
