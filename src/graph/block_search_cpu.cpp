#include <numeric>
#include <vector>

#include "src/graph/block_search.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kBaseChunk = 8192;  // base points made ready at a time; messages advance in between
constexpr std::int64_t kQueryChunk = 128;

class CpuBlockSearch : public BlockSearch {
  public:
    void offer_block(const SearchPoints& queries, std::span<const double> block, std::int64_t first_row,
                     const std::function<void()>& poll, NearestLists& lists) const override {
        const std::int64_t p = queries.p, count = static_cast<std::int64_t>(block.size()) / p;
        std::vector<std::int64_t> ids;
        for (std::int64_t b = 0; b < count; b += kBaseChunk) {
            const std::int64_t num_base = std::min(kBaseChunk, count - b);
            ids.resize(static_cast<std::size_t>(num_base));
            std::iota(ids.begin(), ids.end(), first_row + b);
            const SearchPoints base(
                block.subspan(static_cast<std::size_t>(b * p), static_cast<std::size_t>(num_base * p)), ids,
                p, SearchPoints::Role::kBase);
#pragma omp parallel for schedule(dynamic, 1)
            for (std::int64_t q = 0; q < queries.count(); q += kQueryChunk)
                search(queries, q, std::min(q + kQueryChunk, queries.count()), base, 0, num_base, {}, lists);
            poll();
        }
    }
    std::int64_t reach(std::int64_t) const override { return 1; }
};

}  // namespace

const BlockSearch& cpu_block_search() {
    static const CpuBlockSearch search;
    return search;
}

}  // namespace lapatlas
