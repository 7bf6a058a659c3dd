#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// The synthetic setups of DICE (its section 4): X = V U + noise with V [2000, 15] standard normal and U of
/// two clusters. The reference's are N(0, 1.5 I) and N(1, 1.3 I), its noise N(0, I). The query's are those of
/// the reference but for noise N(0, 10 I) (setup 2), a multivariate t of 4 degrees of freedom and scale I as
/// noise (3), or both clusters N(1, 1.5 I) and a multivariate t of 4 degrees and scale 1.3 I, with noise N(0,
/// 10 I) (4).
class FactorModel {
  public:
    static constexpr std::int64_t kGenes = 2000, kLatent = 15, kReferenceCells = 1600, kQueryCells = 400;

    /// `setup` 1 to 4. Every number is a pure function of (seed, cell or gene); the reference is that of
    /// every setup.
    FactorModel(std::int64_t setup, std::uint64_t seed);

    struct Cells {
        CountMatrix values;                // [cells, kGenes], all of them
        std::vector<std::int32_t> labels;  // [cells] 0: Cluster 1 (centred at 1), 1: Cluster 2
    };
    /// Cells [first, first + count) of the reference or the query.
    Cells cells(bool of_query, std::int64_t first, std::int64_t count) const;

  private:
    std::int64_t setup_;
    std::uint64_t seed_;
    std::vector<double> loadings_;  // [kGenes, kLatent]
};

/// Collective. Reference at `path` and query beside it ("-query" before the ending), obs cell_type Cluster 1
/// and 2.
void simulate_factor_model(const Communicator& comm, std::int64_t setup, std::uint64_t seed,
                           const std::filesystem::path& path, Log& log,
                           const std::map<std::string, std::string>& provenance);

}  // namespace lapatlas
