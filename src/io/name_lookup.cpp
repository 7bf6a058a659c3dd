#include "src/io/name_lookup.hpp"

#include <unordered_map>

#include "dist/agreement.hpp"
#include "dist/ask_owners.hpp"
#include "dist/error.hpp"
#include "src/io/unique_names.hpp"

namespace lapatlas {

namespace {

struct NamedRow {
    std::uint64_t name;
    std::int64_t row;
};

}  // namespace

std::vector<std::int64_t> find_by_name(const Communicator& comm, const std::vector<std::string>& names,
                                       std::int64_t first, const std::vector<std::string>& wanted) {
    const HashedNames here = hash_names(comm, names), asked_for = hash_names(comm, wanted);
    std::vector<NamedRow> mine;
    for (const std::uint64_t name : here.hashes) mine.push_back({name, first + std::ssize(mine)});
    std::unordered_map<std::uint64_t, std::int64_t> kept;
    for (const NamedRow& cell : send_to<NamedRow>(comm, mine, here.keepers).items)
        kept.emplace(cell.name, cell.row);

    const auto rows_of = [&](std::span<const std::uint64_t> asked) {
        std::vector<std::int64_t> rows;
        for (const std::uint64_t name : asked) {
            const auto found = kept.find(name);
            rows.push_back(found == kept.end() ? -1 : found->second);
        }
        return rows;
    };
    return ask_owners<std::int64_t>(comm, std::span<const std::uint64_t>(asked_for.hashes), asked_for.keepers,
                                    rows_of);
}

void require_distinct_names(const Communicator& comm, const std::vector<std::string>& names,
                            const std::string& where) {
    std::vector<std::string> renamed = names;
    if (make_names_unique(comm, renamed) == 0) return;
    agreed(comm, [&] {
        for (std::size_t i = 0; i < names.size(); ++i)
            if (renamed[i] != names[i])
                throw InputError(where + ": the cell name '" + names[i] + "' occurs more than once");
    });
}

}  // namespace lapatlas
