#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "dist/block_range.hpp"
#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"
#include "src/generate/cell_plan.hpp"
#include "src/generate/generator.hpp"
#include "src/generate/part_store.hpp"
#include "src/io/h5ad_writer.hpp"

namespace lapatlas {

/// How an atlas is written.
struct AtlasForm {
    H5adHeader header;
    std::vector<std::int32_t> genes;          ///< of the model's, ascending; the header names them
    bool labelled = false, batched = false;   ///< columns of obs, in this order
    std::vector<CovariateColumn> covariates;  ///< then these: categories, and numbers after manifold_distance
    bool with_latents = false;  ///< first of obsm; then antibody counts, where the model has some
    bool filtered = false;      ///< attempts and predicted are among numeric_obs, near the end
    /// Below the plan's number: the plan is of candidates, of which so many stay, the best ones of each label
    /// by their scores; "score" is then the last of numeric_obs.
    std::int64_t stay = 0;
    std::vector<std::int64_t> stay_of_labels;  ///< [labels + 1], or empty: as the candidates have them
    std::string made_by;                       ///< names everything that decides the cells
};

/// Makes the cells of a plan on all ranks and writes them. Blocks and files are the same on any number of
/// ranks. Collective throughout; Stopped where word to stop has come.
class AtlasMaker {
  public:
    /// Views model and plan.
    AtlasMaker(std::shared_ptr<const Backend> backend, const GenerativeModel& model, const Config& config,
               const CellPlan& plan, AtlasForm form, Log& log);

    /// One file. Cells are kept in parts (PartStore) until it is written: a call that was killed goes on.
    void write_file(const std::filesystem::path& output);
    /// `shards` files of whole blocks, one after the other, and their index. Files for which `is_there` are
    /// kept.
    void write_shards(const std::filesystem::path& output, std::int64_t shards,
                      const std::function<bool(const std::filesystem::path&)>& is_there);

  private:
    GeneratedBlock no_cells() const;
    BlockRange cells_of(const BlockRange& blocks) const;
    std::future<GeneratedBlock> begin(std::int64_t block) const;
    template <class IndexOf, class Take>
    void make_blocks(std::int64_t count, const IndexOf& index_of, const Take& take) const;
    void make_parts(const PartStore& store, std::int64_t num_parts);
    void write_blocks(const std::filesystem::path& file, const BlockRange& blocks);
    /// Collective. Which of the candidates in the parts stay, [cells of the plan].
    std::vector<std::uint8_t> choose_best(const PartStore& store, std::int64_t num_parts) const;
    void append(H5adWriter& writer, GeneratedBlock block);
    /// Collective. What the filter took, label by label.
    void tell_acceptance() const;

    std::shared_ptr<const Backend> backend_;
    Communicator comm_;
    const GenerativeModel& model_;
    const CellPlan& plan_;
    AtlasForm form_;
    Log& log_;
    Log::Progress progress_;
    Generator generator_;
    std::int64_t num_blocks_;
    double extrapolations_ = 0;    ///< of this rank
    std::vector<double> tallies_;  // [labels + 1 (unlabelled last), 3]: cells, attempts, predicted cells
};

}  // namespace lapatlas
