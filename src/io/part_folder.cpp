#include "src/io/part_folder.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/sealed_file.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "part-";

/// By its name, whole or not.
bool is_part(const fs::path& path) { return path.filename().string().starts_with(kPrefix); }

/// The number of a part under its final name.
std::optional<std::int64_t> number_of(const fs::path& path) {
    const std::string name = path.filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(".h5")) return {};
    std::int64_t number = 0;
    const char* begin = name.data() + kPrefix.size();
    const char* end = name.data() + name.size() - 3;
    const auto [stop, error] = std::from_chars(begin, end, number);
    if (error != std::errc() || stop != end) return {};
    return number;
}

/// Whether it is a whole part of this format by this maker.
bool is_ours(const fs::path& path, const std::string& format, const std::string& made_by) {
    if (!fs::is_regular_file(path) || !is_sealed(path) || !what_breaks_seal(path).empty()) return false;
    const Hdf5File file = Hdf5File::open(path);
    return file.string_attribute("", "format") == format && file.read_string("made_by") == made_by;
}

std::vector<fs::path> parts_in(const fs::path& folder) {
    std::vector<fs::path> parts;
    for (const auto& entry : fs::directory_iterator(folder))
        if (is_part(entry.path())) parts.push_back(entry.path());
    return parts;
}

}  // namespace

PartFolder::PartFolder(const Communicator& comm, const fs::path& output, std::string format,
                       std::string made_by)
    : comm_(comm),
      folder_(output.string() + ".parts"),
      format_(std::move(format)),
      made_by_(std::move(made_by)) {
    agreed(comm_, [&] {
        if (!comm_.is_root()) return;
        require_writable(output);
        std::error_code error;
        fs::create_directory(folder_, error);
        if (error) throw InputError(folder_.string() + ": cannot be made (" + error.message() + ")");
        for (const fs::path& path : parts_in(folder_))
            if (!is_ours(path, format_, made_by_)) fs::remove(path);
    });
}

fs::path PartFolder::path_of(std::int64_t part) const {
    char name[32];
    std::snprintf(name, sizeof name, "part-%09lld.h5", static_cast<long long>(part));
    return folder_ / name;
}

bool PartFolder::has(std::int64_t part) const { return fs::exists(path_of(part)); }

std::vector<std::int64_t> PartFolder::parts() const {
    std::vector<std::int64_t> numbers;
    for (const fs::path& path : parts_in(folder_))
        if (const auto number = number_of(path)) numbers.push_back(*number);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

void PartFolder::write(std::int64_t part, const std::function<void(Hdf5File& file)>& fill) const {
    PartialFile partial(path_of(part));
    Hdf5File file = Hdf5File::create(partial.path(), kSealBytes);
    file.write_attribute("", "format", format_);
    file.write_string("made_by", made_by_);
    fill(file);
    file.close();
    seal_file(partial.path());
    partial.commit();
}

Hdf5File PartFolder::open(std::int64_t part) const { return Hdf5File::open(path_of(part)); }

void PartFolder::remove() const {
    agreed(comm_, [&] {
        if (!comm_.is_root()) return;
        std::error_code ignored;
        for (const fs::path& path : parts_in(folder_)) fs::remove(path, ignored);
        fs::remove(folder_, ignored);  // only if nobody has put something else there
    });
}

}  // namespace lapatlas
