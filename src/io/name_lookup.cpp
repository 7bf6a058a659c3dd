#include "src/io/name_lookup.hpp"

#include <unordered_map>

#include "dist/agreement.hpp"
#include "dist/ask_owners.hpp"
#include "dist/error.hpp"
#include "dist/fnv1a.hpp"
#include "src/io/unique_names.hpp"

namespace lapatlas {

namespace {

struct NamedRow {
    std::uint64_t name;
    std::int64_t row;
};

int keeper_of(std::uint64_t name, const Communicator& comm) {
    return static_cast<int>(name % static_cast<std::uint64_t>(comm.size()));
}

}  // namespace

std::vector<std::int64_t> find_by_name(const Communicator& comm, const std::vector<std::string>& names,
                                       std::int64_t first, const std::vector<std::string>& wanted) {
    std::vector<NamedRow> mine;
    std::vector<int> keepers;
    for (const std::string& name : names) {
        mine.push_back({fnv1a(name), first + std::ssize(mine)});
        keepers.push_back(keeper_of(mine.back().name, comm));
    }
    std::unordered_map<std::uint64_t, std::int64_t> kept;
    for (const NamedRow& cell : send_to<NamedRow>(comm, mine, keepers).items)
        kept.emplace(cell.name, cell.row);

    std::vector<std::uint64_t> questions;
    std::vector<int> owners;
    for (const std::string& name : wanted) {
        questions.push_back(fnv1a(name));
        owners.push_back(keeper_of(questions.back(), comm));
    }
    const auto rows_of = [&](std::span<const std::uint64_t> asked) {
        std::vector<std::int64_t> rows;
        for (const std::uint64_t name : asked) {
            const auto found = kept.find(name);
            rows.push_back(found == kept.end() ? -1 : found->second);
        }
        return rows;
    };
    return ask_owners<std::int64_t>(comm, std::span<const std::uint64_t>(questions), owners, rows_of);
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
