#include "dist/staged_file.hpp"

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/process.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

/// The machine of each rank: its first rank copies, under a name that no other job draws.
struct Copier {
    std::uint64_t machine = 0, name = 0;
};

}  // namespace

StagedFile::StagedFile(const Communicator& comm, const fs::path& path, const fs::path& scratch)
    : path_(path) {
    if (scratch.empty()) return;
    std::random_device random;
    const Copier own{machine_id(), (std::uint64_t{random()} << 32) | random()};
    const std::vector<Copier> all = all_gather(comm, own);
    const auto first = std::find_if(all.begin(), all.end(),
                                    [&](const Copier& other) { return other.machine == own.machine; });
    char name[32];
    std::snprintf(name, sizeof name, "lapatlas-%016llx-", static_cast<unsigned long long>(first->name));
    path_ = scratch / (name + path.filename().string());
    const bool copies = first - all.begin() == comm.rank();
    try {
        agreed(comm, [&] {
            if (!fs::is_directory(scratch))
                throw InputError("runtime.scratch = " + scratch.string() + ": no such folder on " +
                                 host_name());
            if (!copies) return;
            std::error_code error;
            fs::copy_file(path, path_, error);
            if (error)
                throw ResourceError(path_.string() + ": cannot be copied from " + path.string() + " on " +
                                    host_name() + " (" + error.message() +
                                    "); give runtime.scratch another folder, or none");
        });
    } catch (...) {
        std::error_code ignored;
        if (copies) fs::remove(path_, ignored);
        throw;
    }
    made_ = copies;
}

StagedFile::~StagedFile() {
    std::error_code ignored;
    if (made_) fs::remove(path_, ignored);
}

}  // namespace lapatlas
