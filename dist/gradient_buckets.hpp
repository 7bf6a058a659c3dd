#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dist/error.hpp"

namespace lapatlas {

/// Which parameters' gradients travel together: neighbours, in the order in which backward finishes them, up
/// to about `bucket_bytes` of float32.
class GradientBuckets {
  public:
    struct Bucket {
        std::int64_t first, size;  ///< place among all values
    };

    GradientBuckets(std::span<const std::int64_t> sizes, std::int64_t bucket_bytes) {
        for (const std::int64_t size : sizes) {
            const bool full =
                buckets_.empty() || buckets_.back().size * std::int64_t{sizeof(float)} >= bucket_bytes;
            if (full) {
                buckets_.push_back({total_, 0});
                slots_in_bucket_.push_back(0);
            }
            slots_.push_back({total_, size, buckets_.size() - 1});
            ++slots_in_bucket_.back();
            total_ += size;
            buckets_.back().size += size;
        }
        forget();
    }

    std::int64_t num_values() const { return total_; }
    const std::vector<Bucket>& buckets() const { return buckets_; }
    /// The part of `values` [num_values] that slot `index` is.
    std::span<float> slot(float* values, std::size_t index) const {
        const Slot& slot = slots_.at(index);
        return {values + slot.first, static_cast<std::size_t>(slot.size)};
    }

    /// Returns the bucket that slot `index` completes.
    std::optional<std::size_t> mark_ready(std::size_t index) {
        ensure(!ready_.at(index), "a gradient is made once a step");
        ready_[index] = true;
        const std::size_t bucket = slots_[index].bucket;
        if (--missing_[bucket] > 0) return {};
        return bucket;
    }
    /// At the end of a step: InternalError unless all slots were ready; then none is.
    void end_step() {
        for (const bool ready : ready_) ensure(ready, "every parameter gets a gradient in every step");
        forget();
    }

  private:
    struct Slot {
        std::int64_t first, size;
        std::size_t bucket;
    };
    void forget() {
        ready_.assign(slots_.size(), false);
        missing_ = slots_in_bucket_;
    }
    std::int64_t total_ = 0;
    std::vector<Slot> slots_;
    std::vector<Bucket> buckets_;
    std::vector<int> slots_in_bucket_, missing_;
    std::vector<bool> ready_;
};

}  // namespace lapatlas
