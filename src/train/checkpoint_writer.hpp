#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <map>
#include <string>

#include "src/train/checkpoint.hpp"

namespace lapatlas {

/// Writes checkpoints on a thread of its own while training goes on. Rank-local; nobody else calls HDF5
/// between write() and finish(), since the library serves one thread.
class CheckpointWriter {
  public:
    CheckpointWriter(std::filesystem::path last, std::int64_t keep,
                     std::map<std::string, std::string> provenance)
        : last_(std::move(last)), keep_(keep), provenance_(std::move(provenance)) {}

    /// Begins to write a snapshot, whose tensors are nobody else's. First waits for the one before and throws
    /// its error.
    void write(Checkpoint checkpoint) {
        finish();
        writing_ = std::async(std::launch::async, [this, snapshot = std::move(checkpoint)] {
            write_checkpoint(last_, snapshot, provenance_, keep_);
        });
    }

    /// Waits until what was begun is on disk; throws its error.
    void finish() {
        if (writing_.valid()) writing_.get();
    }

  private:
    std::filesystem::path last_;
    std::int64_t keep_;
    std::map<std::string, std::string> provenance_;
    std::future<void> writing_;
};

}  // namespace lapatlas
