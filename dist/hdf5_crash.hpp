#pragma once

#include <filesystem>
#include <string>

namespace lapatlas {

/// From here on a crash inside libhdf5 while it reads (1.10.8 has known ones for damaged files) ends the
/// process with one line that names file and object, and exit code 2. Crashes anywhere else are what they
/// were.
void contain_hdf5_crashes();

namespace hdf5_detail {

/// For the time of a call of libhdf5 that reads what `name` of the file at `path` says. May be nested; the
/// innermost counts. Time and memory are limited by the file's size; not for files that ranks write together,
/// as they may wait for one another inside.
class ReadingHdf5 {
  public:
    ReadingHdf5(const std::filesystem::path& path, const std::string& name, bool has_limit = true);
    ~ReadingHdf5();
    ReadingHdf5(const ReadingHdf5&) = delete;
    ReadingHdf5& operator=(const ReadingHdf5&) = delete;

  private:
    void limit(bool on) const;
    bool has_limit_;
    const std::filesystem::path* outer_path_;
    const std::string* outer_name_;
};

}  // namespace hdf5_detail

}  // namespace lapatlas
