#include "src/io/unique_names.hpp"

#include <algorithm>
#include <cctype>
#include <unordered_map>
#include <unordered_set>

#include "dist/ask_owners.hpp"
#include "dist/fnv1a.hpp"
#include "src/io/text_exchange.hpp"

namespace lapatlas {

namespace {

/// Local positions of names whose hash occurs more than once over all ranks: a superset of the duplicates.
std::vector<std::size_t> suspects(const Communicator& comm, const std::vector<std::string>& names) {
    const HashedNames hashed = hash_names(comm, names);
    const auto is_repeated = [](std::span<const std::uint64_t> asked) {
        std::unordered_map<std::uint64_t, std::int32_t> times;
        for (const std::uint64_t hash : asked) ++times[hash];
        std::vector<std::uint8_t> repeated;
        repeated.reserve(asked.size());
        for (const std::uint64_t hash : asked) repeated.push_back(times[hash] > 1 ? 1 : 0);
        return repeated;
    };
    const std::vector<std::uint8_t> repeated = ask_owners<std::uint8_t>(
        comm, std::span<const std::uint64_t>(hashed.hashes), hashed.keepers, is_repeated);
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < names.size(); ++i)
        if (repeated[i] != 0) found.push_back(i);
    return found;
}

/// "cell-12" -> "cell"; empty if the name does not end in a dash and digits.
std::string base_of_numbered(const std::string& name) {
    std::size_t end = name.size();
    while (end > 0 && std::isdigit(static_cast<unsigned char>(name[end - 1])) != 0) --end;
    if (end == name.size() || end == 0 || name[end - 1] != '-') return {};
    return name.substr(0, end - 1);
}

/// anndata's algorithm: `taken` holds every name that exists. Returns the number of renamed.
std::int64_t rename_repeated(std::vector<std::string>& names, std::unordered_set<std::string>& taken) {
    std::unordered_set<std::string> seen;
    std::unordered_map<std::string, std::int64_t> counter;
    std::int64_t renamed = 0;
    for (std::string& name : names) {
        if (seen.insert(name).second) continue;
        std::string tentative;
        do {
            tentative = name + "-" + std::to_string(++counter[name]);
        } while (!taken.insert(tentative).second);
        name = tentative;
        ++renamed;
    }
    return renamed;
}

}  // namespace

HashedNames hash_names(const Communicator& comm, std::span<const std::string> names) {
    HashedNames hashed;
    hashed.hashes.reserve(names.size());
    hashed.keepers.reserve(names.size());
    for (const std::string& name : names) {
        hashed.hashes.push_back(fnv1a(name));
        hashed.keepers.push_back(
            static_cast<int>(hashed.hashes.back() % static_cast<std::uint64_t>(comm.size())));
    }
    return hashed;
}

std::int64_t make_names_unique(std::vector<std::string>& names) {
    std::unordered_set<std::string> taken(names.begin(), names.end());
    if (taken.size() == names.size()) return 0;
    return rename_repeated(names, taken);
}

std::int64_t make_names_unique(const Communicator& comm, std::vector<std::string>& names) {
    const std::vector<std::size_t> mine = suspects(comm, names);
    std::vector<std::string> my_names;
    for (const std::size_t i : mine) my_names.push_back(names[i]);
    std::vector<std::string> all_names = all_gather_texts(comm, my_names);
    if (all_names.empty()) return 0;

    std::unordered_set<std::string> taken(all_names.begin(), all_names.end());
    std::vector<std::string> my_numbered;
    for (const std::string& name : names)
        if (taken.contains(base_of_numbered(name))) my_numbered.push_back(name);
    for (std::string& name : all_gather_texts(comm, my_numbered)) taken.insert(std::move(name));

    const std::int64_t renamed = rename_repeated(all_names, taken);
    const std::int64_t before = exclusive_sum(comm, static_cast<std::int64_t>(mine.size()));
    for (std::size_t k = 0; k < mine.size(); ++k)
        names[mine[k]] = all_names[static_cast<std::size_t>(before) + k];
    return renamed;
}

}  // namespace lapatlas
