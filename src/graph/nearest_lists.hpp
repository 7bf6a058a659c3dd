#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace lapatlas {

/// sum of (a_i - b_i)^2 over p coordinates, always in the same order: equal for (a, b) and (b, a) and
/// wherever called.
double squared_distance(const double* a, const double* b, std::int64_t p);

/// gamma of |fl(sum of p + 1 products) - sum| <= gamma * sum of magnitudes in float32, in any order of
/// summation, inputs rounded to float32 included.
float rounding_of_scores(std::int64_t p);

/// The k nearest points seen so far, for each of a number of queries, by (distance, id).
class NearestLists {
  public:
    struct Entry {
        double distance;  ///< squared
        std::int64_t id;
        bool operator<(const Entry& other) const {
            return distance < other.distance || (distance == other.distance && id < other.id);
        }
        bool operator==(const Entry& other) const = default;
    };

    NearestLists(std::int64_t num_queries, std::int64_t k)
        : k_(k), entries_(static_cast<std::size_t>(num_queries * k), Entry{kNone, -1}) {}

    std::int64_t k() const { return k_; }
    std::int64_t num_queries() const { return k_ == 0 ? 0 : static_cast<std::int64_t>(entries_.size()) / k_; }
    /// Nearest first; unused places hold id -1 at an infinite distance.
    std::span<const Entry> of(std::int64_t query) const {
        return {entries_.data() + query * k_, static_cast<std::size_t>(k_)};
    }
    /// Squared distance beyond which a point has no chance; infinite while places are free.
    double worst(std::int64_t query) const {
        return entries_[static_cast<std::size_t>(query * k_ + k_ - 1)].distance;
    }
    /// Takes the point in if it is near enough and not there already.
    void offer(std::int64_t query, double distance, std::int64_t id);

  private:
    static constexpr double kNone = std::numeric_limits<double>::infinity();
    std::int64_t k_;
    std::vector<Entry> entries_;  // [num_queries, k]
};

/// Points prepared for comparison: the exact coordinates (not owned) and float32 copies for the matrix
/// product.
struct SearchPoints {
    std::span<const double> coordinates;  // [count, p]
    std::span<const std::int64_t> ids;    // [count]
    std::int64_t p = 0;
    std::vector<float> rounded;        // [count, p + 1], see search()
    std::vector<float> squared_norms;  // [count]
    float largest_norm = 0;

    enum class Role { kQuery, kBase };
    SearchPoints(std::span<const double> points, std::span<const std::int64_t> point_ids,
                 std::int64_t dimensions, Role role);
    std::int64_t count() const { return static_cast<std::int64_t>(ids.size()); }
};

/// Offers base points [first_base, last_base) to the lists of queries [first_query, last_query), except a
/// point with the query's own id. Query i of `queries` has list `i` (or `lists_of_queries[i]`, when given). A
/// float32 matrix product bounds all distances; those that its rounding error leaves in doubt are computed
/// exactly, so that the lists are exact. Rank-local and single-threaded: callers share out the queries.
void search(const SearchPoints& queries, std::int64_t first_query, std::int64_t last_query,
            const SearchPoints& base, std::int64_t first_base, std::int64_t last_base,
            std::span<const std::int64_t> lists_of_queries, NearestLists& lists);

}  // namespace lapatlas
