#include "dist/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "dist/error.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

fs::path folder_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Some file systems (of networks, of user space) cannot sync a folder: they keep names in order by
/// themselves.
bool cannot_sync_folders(int error) { return error == EINVAL || error == ENOTSUP || error == EROFS; }

void sync_to_disk(const fs::path& path, int flags) {
    const int file = ::open(path.c_str(), flags);
    const bool is_folder = (flags & O_DIRECTORY) != 0;
    const bool synced = file >= 0 && (::fsync(file) == 0 || (is_folder && cannot_sync_folders(errno)));
    const std::string why = std::strerror(errno);
    if (file >= 0) ::close(file);
    if (!synced) throw ResourceError(path.string() + ": cannot be forced to disk (" + why + ")");
}

}  // namespace

fs::path partial_path(const fs::path& path) { return path.string() + ".partial"; }

void require_writable(const fs::path& path) {
    if (path.empty()) throw InputError("no output file is named");
    if (fs::is_directory(path))
        throw InputError(path.string() + ": is a directory, expected a file to write");
    const fs::path folder = folder_of(path);
    if (!fs::is_directory(folder)) throw InputError(path.string() + ": no folder " + folder.string());
    const fs::path trial = partial_path(path);
    const int file = ::open(trial.c_str(), O_WRONLY | O_CREAT, 0666);
    if (file < 0) throw InputError(path.string() + ": cannot be written (" + std::strerror(errno) + ")");
    ::close(file);
    ::unlink(trial.c_str());
}

void commit_file(const fs::path& partial, const fs::path& path) {
    sync_to_disk(partial, O_RDONLY);
    std::error_code error;
    fs::rename(partial, path, error);
    if (error)
        throw ResourceError(partial.string() + ": cannot be renamed to " + path.string() + " (" +
                            error.message() + ")");
    sync_to_disk(folder_of(path), O_RDONLY | O_DIRECTORY);
}

PartialFile::~PartialFile() {
    std::error_code ignored;
    if (!committed_) fs::remove(partial_, ignored);
}

void PartialFile::commit() {
    commit_file(partial_, final_);
    committed_ = true;
}

void write_whole_file(const fs::path& path, std::string_view text) {
    PartialFile partial(path);
    std::ofstream file(partial.path(), std::ios::binary);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) throw ResourceError(path.string() + ": cannot be written; is the disk full?");
    partial.commit();
}

}  // namespace lapatlas
