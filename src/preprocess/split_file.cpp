#include "src/preprocess/split_file.hpp"

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"

namespace lapatlas {

namespace {

const char* name_of(Split split) {
    switch (split) {
        case Split::kTrain:
            return "train";
        case Split::kValidation:
            return "validation";
        case Split::kTest:
            return "test";
    }
    return "";
}

/// A field as RFC 4180 has it.
std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
}

}  // namespace

void write_split_file(const Communicator& comm, const std::filesystem::path& path,
                      const std::vector<std::string>& cell_names, std::span<const Split> splits,
                      std::span<const std::uint8_t> kept) {
    std::string mine = comm.is_root() ? "cell,split\n" : "";
    for (std::size_t r = 0; r < cell_names.size(); ++r) {
        mine += csv_field(cell_names[r]);
        mine += ',';
        mine += kept[r] != 0 ? name_of(splits[r]) : "dropped";
        mine += '\n';
    }
    const std::vector<char> lines = gather_v<char>(comm, std::span<const char>(mine));
    agreed(comm, [&] {
        if (comm.is_root()) write_whole_file(path, {lines.data(), lines.size()});
    });
}

}  // namespace lapatlas
