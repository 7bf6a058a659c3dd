#include "src/backend/block_search_cuda.hpp"

#include <ATen/Context.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "src/embed/tensor_of.hpp"
#include "src/graph/nearest_lists_cuda.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kQueryTile = 4096;
constexpr std::int64_t kBaseTile = 65536;  // a tile of scores is 1 GiB
/// Points kept beyond those that are wanted: as many may be misplaced by rounding before a doubt is left.
constexpr std::int64_t kSpare = 16;

class CudaBlockSearch : public BlockSearch {
  public:
    CudaBlockSearch(const torch::Device& device, CUstream_st* stream) : device_(device), stream_(stream) {}
    std::int64_t reach(std::int64_t k) const override {
        return k + kSpare > cuda::kMostKept ? cpu_block_search().reach(k) : 40;
    }

    void offer_block(const SearchPoints& queries, std::span<const double> block, std::int64_t first_row,
                     const std::function<void()>& poll, NearestLists& lists) const override {
        const std::int64_t count = static_cast<std::int64_t>(block.size()) / queries.p;
        const std::int64_t kept = std::min(lists.k() + kSpare, count);
        if (lists.k() == 0 || kept == 0 || queries.count() == 0) return;
        if (kept > cuda::kMostKept || count > std::numeric_limits<std::int32_t>::max())
            return cpu_block_search().offer_block(queries, block, first_row, poll, lists);
        const torch::NoGradGuard no_grad;
        std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
        std::iota(ids.begin(), ids.end(), first_row);
        const SearchPoints base(block, ids, queries.p, SearchPoints::Role::kBase);
        const torch::Tensor points = tensor_of(base.rounded, device_).view({count, queries.p + 1});
        // |b|^2 - 2 q b as one product, as in search().
        const torch::Tensor scores = torch::empty(
            {std::min(kQueryTile, queries.count()) * std::min(kBaseTile, count)}, points.options());
        for (std::int64_t first = 0; first < queries.count(); first += kQueryTile) {
            const std::int64_t num_queries = std::min(kQueryTile, queries.count() - first);
            const Kept nearest = search_tile(queries, first, num_queries, points, scores, first_row, kept);
            poll();
            settle(queries, first, num_queries, nearest, kept, base, lists);
            poll();
        }
    }

  private:
    /// [queries, kept] each, on the host, by ascending score.
    struct Kept {
        torch::Tensor scores, ids;
    };

    Kept search_tile(const SearchPoints& queries, std::int64_t first, std::int64_t num_queries,
                     const torch::Tensor& points, const torch::Tensor& scores, std::int64_t first_row,
                     std::int64_t kept) const {
        // settle() counts on float32's rounding, whatever LibTorch is set to.
        const at::NoTF32Guard exact;
        const std::int64_t count = points.size(0), width = points.size(1);
        std::vector<std::int32_t> own_ids;
        for (std::int64_t q = first; q < first + num_queries; ++q) {
            const std::int64_t own = queries.ids[static_cast<std::size_t>(q)] - first_row;
            own_ids.push_back(own >= 0 && own < count ? static_cast<std::int32_t>(own) : -1);
        }
        const torch::Tensor own = tensor_of(own_ids, device_);
        const torch::Tensor tile = tensor_of(std::span(queries.rounded)
                                                 .subspan(static_cast<std::size_t>(first * width),
                                                          static_cast<std::size_t>(num_queries * width)),
                                             device_)
                                       .view({num_queries, width});
        const Kept on_device{torch::empty({num_queries, kept}, points.options()),
                             torch::empty({num_queries, kept}, own.options())};
        const cuda::NearestSoFar nearest{num_queries, static_cast<int>(kept),
                                         on_device.scores.data_ptr<float>(),
                                         on_device.ids.data_ptr<std::int32_t>()};
        cuda::clear_nearest(nearest, stream_);
        for (std::int64_t b = 0; b < count; b += kBaseTile) {
            const std::int64_t num_base = std::min(kBaseTile, count - b);
            torch::Tensor part = scores.narrow(0, 0, num_queries * num_base).view({num_queries, num_base});
            torch::mm_out(part, tile, points.narrow(0, b, num_base).t());
            cuda::offer_points(part.data_ptr<float>(), num_base, static_cast<std::int32_t>(b),
                               own.data_ptr<std::int32_t>(), nearest, stream_);
        }
        return {on_device.scores.to(torch::kCPU), on_device.ids.to(torch::kCPU)};
    }

    /// Offers what was kept at its exact distance, and searches again where one that was not kept might
    /// belong.
    static void settle(const SearchPoints& queries, std::int64_t first, std::int64_t num_queries,
                       const Kept& nearest, std::int64_t kept, const SearchPoints& base,
                       NearestLists& lists) {
        const auto* scores = nearest.scores.const_data_ptr<float>();
        const auto* ids = nearest.ids.const_data_ptr<std::int32_t>();
        const std::int64_t p = queries.p;
        const float gamma = rounding_of_scores(p);
#pragma omp parallel for schedule(dynamic, 64)
        for (std::int64_t i = 0; i < num_queries; ++i) {
            const std::int64_t query = first + i;
            const double* point = queries.coordinates.data() + query * p;
            for (std::int64_t j = 0; j < kept; ++j) {
                const std::int64_t id = ids[i * kept + j];
                if (id < 0) break;
                lists.offer(query, squared_distance(point, base.coordinates.data() + id * p, p),
                            base.ids[static_cast<std::size_t>(id)]);
            }
            const std::int64_t last = i * kept + kept - 1;
            if (ids[last] < 0) continue;  // all were kept
            const float squares = queries.squared_norms[static_cast<std::size_t>(query)];
            const float reach = std::sqrt(squares) + base.largest_norm;
            // What was left out scored no less than the last that was kept.
            const double nearest_left_out = scores[last] + squares - gamma * 2 * reach * reach;
            if (lists.worst(query) >= nearest_left_out)
                search(queries, query, query + 1, base, 0, base.count(), {}, lists);
        }
    }

    torch::Device device_;
    CUstream_st* stream_;
};

}  // namespace

std::unique_ptr<BlockSearch> make_cuda_block_search(const torch::Device& device, CUstream_st* stream) {
    return std::make_unique<CudaBlockSearch>(device, stream);
}

}  // namespace lapatlas
