#include "src/generate/atlas_maker.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/stop_request.hpp"
#include "src/io/atlas_files.hpp"
#include "src/preprocess/filter.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

/// Enough cells that a file for them is little beside the work in them, few enough to lose.
constexpr std::int64_t kBlocksOfAPart = 8;

}  // namespace

AtlasMaker::AtlasMaker(std::shared_ptr<const Backend> backend, const GenerativeModel& model,
                       const Config& config, const CellPlan& plan, AtlasForm form, Log& log)
    : backend_(std::move(backend)),
      comm_(backend_->comm()),
      model_(model),
      plan_(plan),
      form_(std::move(form)),
      log_(log),
      progress_(log, "generate", "cells", plan.num_cells()),
      generator_(model, config.generate, plan, static_cast<std::uint64_t>(config.runtime.seed)),
      num_blocks_(num_blocks(plan.num_cells(), model.block_cells)),
      tallies_(static_cast<std::size_t>(3 * (model.score_net->options().num_labels + 1)), 0) {}

GeneratedBlock AtlasMaker::no_cells() const {
    GeneratedBlock none;
    none.counts.num_genes = static_cast<std::int64_t>(form_.genes.size());
    return none;
}

BlockRange AtlasMaker::cells_of(const BlockRange& blocks) const {
    return {std::min(plan_.num_cells(), blocks.begin * model_.block_cells),
            std::min(plan_.num_cells(), blocks.end * model_.block_cells)};
}

/// Where the host would be idle meanwhile, a block is made while others are written.
std::future<GeneratedBlock> AtlasMaker::begin(std::int64_t block) const {
    return std::async(backend_->leaves_host_free() ? std::launch::async : std::launch::deferred,
                      [this, block] {
                          if (block >= num_blocks_) return no_cells();
                          backend_->enter_thread();
                          GeneratedBlock made = generator_.block(block);
                          if (static_cast<std::int64_t>(form_.genes.size()) < model_.num_genes)
                              made.counts = select_genes(made.counts, form_.genes);
                          return made;
                      });
}

/// Makes `count` blocks on each rank, the k-th of them index_of(k) (none from the number of blocks on), and
/// calls take(block) for each.
template <class IndexOf, class Take>
void AtlasMaker::make_blocks(std::int64_t count, const IndexOf& index_of, const Take& take) const {
    std::future<GeneratedBlock> coming = begin(index_of(0));
    for (std::int64_t k = 0; k < count; ++k) {
        StopRequest::obey(comm_, "the files that are whole are kept: the same command goes on from them");
        GeneratedBlock block = agreed(comm_, [&] { return coming.get(); });
        if (k + 1 < count) coming = begin(index_of(k + 1));
        take(std::move(block));
    }
}

void AtlasMaker::append(H5adWriter& writer, GeneratedBlock block) {
    for (std::size_t i = 0; i < block.attempts.size(); ++i) {
        const std::size_t kinds = tallies_.size() / 3;
        const std::size_t kind = block.labels[i] < 0 ? kinds - 1 : static_cast<std::size_t>(block.labels[i]);
        tallies_[3 * kind] += 1;
        tallies_[3 * kind + 1] += block.attempts[i];
        tallies_[3 * kind + 2] += block.predicted[i];
    }
    H5adRows rows;
    rows.counts = &block.counts;
    if (form_.labelled) rows.codes.push_back(std::move(block.labels));
    if (form_.batched) rows.codes.push_back(std::move(block.batches));
    rows.numbers.push_back(std::move(block.library));
    if (!model_.manifold.is_empty()) rows.numbers.push_back(std::move(block.manifold_distance));
    const std::size_t columns = form_.covariates.size();
    for (std::size_t c = 0; c < columns; ++c) {
        std::vector<std::int32_t> codes;
        std::vector<float> numbers;
        for (std::size_t i = c; i < block.covariates.size(); i += columns)
            if (form_.covariates[c].is_number())
                numbers.push_back(block.covariates[i]);
            else
                codes.push_back(
                    std::isnan(block.covariates[i]) ? -1 : static_cast<std::int32_t>(block.covariates[i]));
        if (form_.covariates[c].is_number())
            rows.numbers.push_back(std::move(numbers));
        else
            rows.codes.push_back(std::move(codes));
    }
    for (const float one : block.extrapolations) extrapolations_ += static_cast<double>(one);
    if (columns > 0) rows.numbers.push_back(std::move(block.extrapolations));
    if (form_.filtered) {
        rows.numbers.push_back(std::move(block.attempts));
        rows.numbers.push_back(std::move(block.predicted));
    }
    if (form_.stay < plan_.num_cells()) rows.numbers.push_back(std::move(block.scores));
    if (form_.with_latents) rows.obsm.push_back(std::move(block.latents));
    if (model_.decode_proteins) rows.obsm.push_back(std::move(block.proteins));
    writer.append(rows);
}

void AtlasMaker::tell_acceptance() const {
    if (const double beyond = all_reduce_sum(comm_, extrapolations_); beyond > 0)
        log_.warning(
            std::to_string(static_cast<std::int64_t>(beyond)) +
            " cells are extrapolations: no training cell has their type with these categories, or numbers "
            "so far (obs extrapolation)");
    if (!form_.filtered || !form_.labelled) return;
    std::vector<double> sums = tallies_;
    all_reduce_sum(comm_, std::span<double>(sums));
    const std::vector<std::string>& names = form_.header.categorical_obs.front().categories;
    for (std::size_t label = 0; label < names.size(); ++label) {
        const double cells = sums[3 * label], attempts = sums[3 * label + 1], predicted = sums[3 * label + 2];
        if (cells == 0) continue;
        char text[160];
        std::snprintf(text, sizeof text,
                      ": %.1f %% of %.0f attempts were kept, %.0f of %.0f cells are predicted",
                      100 * predicted / attempts, attempts, predicted, cells);
        log_.info(names[label] + text);
    }
}

void AtlasMaker::make_parts(const PartStore& store, std::int64_t num_parts) {
    const auto blocks_of = [&](std::int64_t part) {
        return BlockRange{std::min(num_blocks_, part * kBlocksOfAPart),
                          std::min(num_blocks_, (part + 1) * kBlocksOfAPart)};
    };
    const std::vector<std::int64_t> missing = store.missing(num_parts);
    const auto num_missing = static_cast<std::int64_t>(missing.size());
    std::int64_t cells = plan_.num_cells();
    for (const std::int64_t part : missing) cells -= cells_of(blocks_of(part)).size();
    if (cells > 0) log_.info("goes on: " + std::to_string(cells) + " cells are made already");
    for (std::int64_t first = 0; first < num_missing; first += comm_.size()) {
        const std::int64_t mine = first + comm_.rank();
        const std::int64_t part = mine < num_missing ? missing[static_cast<std::size_t>(mine)] : num_parts;
        GeneratedBlock made = no_cells();
        make_blocks(
            kBlocksOfAPart,
            [&](std::int64_t k) {
                const BlockRange mine_now = blocks_of(part);
                return mine_now.begin + k < mine_now.end ? mine_now.begin + k : num_blocks_;
            },
            [&](const GeneratedBlock& block) {
                if (block.counts.num_rows() > 0) append_cells(made, block);
            });
        agreed(comm_, [&] {
            if (part < num_parts) store.write(part, made);
        });
        for (std::int64_t i = first; i < std::min(num_missing, first + comm_.size()); ++i)
            cells += cells_of(blocks_of(missing[static_cast<std::size_t>(i)])).size();
        progress_.update(cells);
    }
}

void AtlasMaker::write_file(const fs::path& output) {
    const std::int64_t num_parts = (num_blocks_ + kBlocksOfAPart - 1) / kBlocksOfAPart;
    const PartStore store(comm_, output, form_.made_by);
    make_parts(store, num_parts);
    std::vector<std::uint8_t> stays;
    if (form_.stay < plan_.num_cells()) stays = choose_best(store, num_parts);
    H5adWriter writer(comm_, output, form_.header, form_.stay);
    for (std::int64_t first = 0; first < num_parts; first += comm_.size()) {
        StopRequest::obey(comm_, "all cells are made and kept: the same command writes them");
        const std::int64_t part = first + comm_.rank();
        append(writer, agreed(comm_, [&] {
                   if (part >= num_parts) return no_cells();
                   GeneratedBlock cells = store.read(part);
                   if (stays.empty()) return cells;
                   return chosen_cells(cells,
                                       std::span<const std::uint8_t>(stays).subspan(
                                           static_cast<std::size_t>(cells.first_cell), cells.labels.size()));
               }));
    }
    writer.finish();
    store.remove();
    tell_acceptance();
}

std::vector<std::uint8_t> AtlasMaker::choose_best(const PartStore& store, std::int64_t num_parts) const {
    const std::int64_t labels = model_.score_net->options().num_labels;
    struct Scored {
        std::int64_t cell;
        std::int32_t label;
        float score;
    };
    std::vector<Scored> mine;
    agreed(comm_, [&] {
        for (std::int64_t part = comm_.rank(); part < num_parts; part += comm_.size()) {
            const GeneratedBlock cells = store.read(part);
            for (std::size_t i = 0; i < cells.labels.size(); ++i)
                mine.push_back(
                    {cells.first_cell + static_cast<std::int64_t>(i), cells.labels[i], cells.scores[i]});
        }
    });
    std::vector<std::int32_t> label_of(static_cast<std::size_t>(plan_.num_cells()));
    std::vector<float> score_of(label_of.size());
    std::vector<std::int64_t> candidates(static_cast<std::size_t>(labels) + 1, 0);
    for (const Scored& cell : all_gather_v<Scored>(comm_, mine)) {
        label_of[static_cast<std::size_t>(cell.cell)] = cell.label;
        score_of[static_cast<std::size_t>(cell.cell)] = cell.score;
        ++candidates[cell.label < 0 ? candidates.size() - 1 : static_cast<std::size_t>(cell.label)];
    }
    const std::vector<std::int64_t> wanted =
        form_.stay_of_labels.empty() ? deal_to_labels(candidates, form_.stay) : form_.stay_of_labels;
    log_.info("of " + std::to_string(plan_.num_cells()) + " cells the " + std::to_string(form_.stay) +
              " that look most real stay, label by label");
    return best_of_labels(label_of, score_of, wanted);
}

void AtlasMaker::write_blocks(const fs::path& file, const BlockRange& blocks) {
    H5adHeader header = form_.header;
    header.first_name = cells_of(blocks).begin;
    H5adWriter writer(comm_, file, header, cells_of(blocks).size());
    std::int64_t written = blocks.begin;
    make_blocks((blocks.size() + comm_.size() - 1) / comm_.size(),
                [&](std::int64_t k) {
                    const std::int64_t index = blocks.begin + k * comm_.size() + comm_.rank();
                    return index < blocks.end ? index : num_blocks_;
                },
                [&](GeneratedBlock block) {
                    append(writer, std::move(block));
                    written += comm_.size();
                    progress_.update(cells_of({blocks.begin, std::min(blocks.end, written)}).end);
                });
    writer.finish();
}

void AtlasMaker::write_shards(const fs::path& output, std::int64_t shards,
                              const std::function<bool(const fs::path&)>& is_there) {
    if (shards > num_blocks_)
        throw ConfigError("generate.shards = " + std::to_string(shards) + ": " +
                          std::to_string(plan_.num_cells()) + " cells are made in " +
                          std::to_string(num_blocks_) + " blocks, of which a shard holds whole ones");
    std::vector<std::int64_t> cells;
    for (std::int64_t s = 0; s < shards; ++s) {
        const BlockRange range = block_of_rank(num_blocks_, static_cast<int>(shards), static_cast<int>(s));
        const fs::path file = shard_path(output, s, shards);
        cells.push_back(cells_of(range).size());
        if (root_decides(comm_, [&] { return is_there(file); }))
            log_.info(file.string() + ": already there, not made again");
        else
            write_blocks(file, range);
    }
    agreed(comm_, [&] {
        if (comm_.is_root()) write_shard_index(output, cells);
    });
    tell_acceptance();
}

}  // namespace lapatlas
