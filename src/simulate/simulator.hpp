#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/simulate_options.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// Consecutive simulated cells.
struct SimulatedBlock {
    CountMatrix counts;                    // [num_cells, options.genes]
    std::vector<std::int32_t> types;       // [num_cells], in [0, options.types)
    std::vector<std::int32_t> labels;      // types, or -1 where the label is withheld
    std::vector<std::int32_t> batches;     // [num_cells], in [0, options.batches)
    std::vector<float> libraries;          // [num_cells], expected total counts
    std::vector<float> pseudotimes;        // [num_cells] with time_course
    std::vector<std::int32_t> treatments;  // [num_cells] with treatments
    std::vector<float> proteins;           // [num_cells, options.proteins] counts, NaN where withheld
};

/// A simulator of labelled counts in the manner of Splatter (Zappia et al. 2017), with sizes taken from 10x
/// data:
/// - gene means log-normal with sigma 2.0 of the logarithm (2.1 over the expressed genes of 10x PBMC 3k), so
///   that a 20,000-gene atlas at 2,500 counts a cell is 3 to 10 % dense;
/// - types are the leaves of a binary hierarchy; each of its branches carries a marker program: 4 % of the
///   genes change by a log fold of N(1.2, 0.6) shrinking by 0.8 a level, three in ten of them downwards.
///   Frequencies fall as (type + 1)^-1/2;
/// - programs (none by default) vary from cell to cell within a type, and are the same in all types: each
/// moves
///   5 % of the genes by its activity in the cell, N(0, 1), times a log fold of N(0, 0.6); a gene's mean over
///   cells stays, as does a cell's library;
/// - a course (none by default) moves 5 % of the genes by its time less a half, times a log fold of
/// N(0, 2.4);
///   treatments (none by default) but the first move 5 % each by a log fold of N(0, 1.2);
/// - proteins (none by default) are high, 60 counts, in each type with probability 0.4 and low, 3 counts, in
/// the
///   others, times a cell's own log-normal factor of sigma 0.4, with a biological coefficient of variation of
///   0.3;
/// - batches shift genes by log-normal factors of sigma 0.1 (Splat's batch.facScale), batch 0 by none;
/// - libraries log-normal around median_counts with sigma 0.35 (10x PBMC 3k: 0.25 to 0.48 within its larger
///   types);
/// - negative-binomial counts whose biological coefficient of variation falls with the mean m at the median
///   library from 0.4 to 0.1, as (0.1 + 0.3 / sqrt(1 + m)) sqrt(60 / chi^2_60): the form, the floor of 0.1
///   and the 60 degrees of freedom are Splat's (bcv.common, bcv.df), the range that of McCarthy et al. 2012;
///   Splat's own 1 / sqrt(m) is unbounded for rare genes, where UMI counts are nearly Poisson. Every number
///   is a pure function of (seed, cell or gene), so any block can be made anywhere.
class Simulator {
  public:
    /// Rank-local. ConfigError names the option out of range. Holds types x batches x genes means.
    Simulator(const SimulateOptions& options, std::uint64_t seed);

    /// Cells [first_cell, first_cell + num_cells); global indices, not bounded by options.cells.
    SimulatedBlock block(std::int64_t first_cell, std::int64_t num_cells) const;
    /// Expected share of each gene in the counts of a type in a batch. [genes], sums to 1
    const float* profile(std::int64_t type, std::int64_t batch) const {
        return profiles_.data() + (type * options_.batches + batch) * options_.genes;
    }
    /// Cumulative frequencies of the types. [types]
    const std::vector<double>& type_bounds() const { return type_bounds_; }
    /// Puts the shares [genes] that a cell's programs, place in the course and treatment give it in the place
    /// of its type's and batch's.
    void move_shares(std::uint64_t cell, std::span<float> shares) const;
    /// In [0, 1], and in [0, options.treatments).
    double pseudotime(std::uint64_t cell) const;
    std::int32_t treatment(std::uint64_t cell) const;
    /// Expected counts of a protein in cells of a type.
    double protein_mean(std::int64_t protein, std::int64_t type) const;
    /// Squared biological coefficient of variation of a gene.
    float dispersion(std::int64_t gene) const { return dispersions_[static_cast<std::size_t>(gene)]; }

  private:
    struct Loading {
        std::int64_t gene;
        float log_fold;
    };
    void append_proteins(std::uint64_t cell, std::int64_t type, std::vector<float>& proteins) const;
    void make_profiles();
    void make_programs();
    std::vector<Loading> loadings(std::uint32_t step, double sigma) const;
    void make_dispersions(const std::vector<double>& base);
    std::vector<double> base_means() const;

    SimulateOptions options_;
    std::uint64_t seed_;
    std::vector<double> type_bounds_;  // [types]
    std::vector<float> profiles_;      // [types, batches, genes]
    std::vector<float> dispersions_;   // [genes]
    std::vector<std::vector<Loading>> programs_, treatments_;
    std::vector<Loading> course_;
};

/// Rank-local: Simulator(options, seed).block(first_cell, num_cells).
SimulatedBlock simulate_block(const SimulateOptions& options, std::uint64_t seed, std::int64_t first_cell,
                              std::int64_t num_cells);

/// The negative-binomial count of mean `mean` > 0 and variance mean + dispersion mean^2 at quantile-like
/// position `uniform` in (0, 1): inversion, exact to double precision.
std::int64_t negative_binomial_by_inversion(double uniform, double mean, double dispersion);

/// Collective. Simulates options.cells cells into an .h5ad with obs cell_type (and batch where there are
/// several) and library_size, and options and seed in uns["lapatlas"], beside the given `provenance` (keys
/// without the leading "lapatlas/"). The matrix is the same on any number of ranks.
void simulate_atlas(const Communicator& comm, const SimulateOptions& options, std::uint64_t seed,
                    const std::filesystem::path& path, Log& log,
                    const std::map<std::string, std::string>& provenance = {});

}  // namespace lapatlas
