#include "dist/staged_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/process.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

/// The machine of each rank: its first rank copies, and all name the copy after that one's process.
struct Copier {
    std::size_t machine = 0;  // hash of its name
    std::int64_t process = 0;
};

}  // namespace

StagedFile::StagedFile(const Communicator& comm, const fs::path& path, const fs::path& scratch)
    : path_(path) {
    if (scratch.empty()) return;
    const Copier own{std::hash<std::string>{}(host_name()), getpid()};
    const std::vector<Copier> all = all_gather(comm, own);
    const auto first = std::find_if(all.begin(), all.end(),
                                    [&](const Copier& other) { return other.machine == own.machine; });
    path_ = scratch / ("lapatlas-" + std::to_string(first->process) + "-" + path.filename().string());
    agreed(comm, [&] {
        if (!fs::is_directory(scratch))
            throw InputError("runtime.scratch = " + scratch.string() + ": no such folder on " + host_name());
        if (first - all.begin() != comm.rank()) return;
        made_ = true;
        std::error_code error;
        fs::copy_file(path, path_, fs::copy_options::overwrite_existing, error);
        if (error) {
            std::error_code ignored;
            fs::remove(path_, ignored);
            throw ResourceError(path_.string() + ": cannot be copied from " + path.string() + " on " +
                                host_name() + " (" + error.message() +
                                "); give runtime.scratch another folder, or none");
        }
    });
}

StagedFile::~StagedFile() {
    std::error_code ignored;
    if (made_) fs::remove(path_, ignored);
}

}  // namespace lapatlas
