#include "src/io/join_atlases.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

/// key -> number of files that have it.
std::map<std::string, std::size_t> count_files(const std::vector<std::vector<std::string>>& keys) {
    std::map<std::string, std::size_t> files;
    for (const auto& of_file : keys)
        for (const std::string& key : std::set<std::string>(of_file.begin(), of_file.end()))
            if (!key.empty()) ++files[key];
    return files;
}

std::size_t in_all(const std::map<std::string, std::size_t>& files, std::size_t count) {
    return static_cast<std::size_t>(
        std::count_if(files.begin(), files.end(), [&](const auto& entry) { return entry.second == count; }));
}

/// Codes into `from` as codes into `to`, which holds all of them.
void renumber(std::vector<std::int32_t>& codes, const std::vector<std::string>& from,
              const std::vector<std::string>& to) {
    for (std::int32_t& code : codes)
        if (code >= 0)
            code = static_cast<std::int32_t>(
                std::lower_bound(to.begin(), to.end(), from[static_cast<std::size_t>(code)]) - to.begin());
}

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

GeneJoin join_genes(const std::vector<std::vector<std::string>>& names,
                    const std::vector<std::vector<std::string>>& ids, bool outer) {
    GeneJoin join;
    const std::size_t files = names.size();
    const auto by_name = count_files(names), by_id = count_files(ids);
    join.by_id = std::none_of(ids.begin(), ids.end(), [](const auto& of_file) { return of_file.empty(); }) &&
                 in_all(by_id, files) > in_all(by_name, files);
    const auto& keys = join.by_id ? ids : names;
    const auto& seen = join.by_id ? by_id : by_name;
    std::map<std::string, std::int32_t> place;
    for (std::size_t f = 0; f < files; ++f) {
        std::vector<std::int32_t>& index = join.new_index.emplace_back();
        for (std::size_t g = 0; g < keys[f].size(); ++g) {
            const std::string& key = keys[f][g];
            if (key.empty() || (!outer && seen.at(key) < files)) {
                index.push_back(-1);
                continue;
            }
            const auto [at, is_new] = place.emplace(key, static_cast<std::int32_t>(join.names.size()));
            if (is_new) {
                join.names.push_back(names[f][g]);
                join.ids.push_back(ids[f].empty() ? "" : ids[f][g]);
            }
            index.push_back(at->second);
        }
    }
    if (std::all_of(join.ids.begin(), join.ids.end(), [](const std::string& id) { return id.empty(); }))
        join.ids.clear();
    if (join.names.empty())
        throw InputError(
            "input.path: no gene is in every file, by name or by Ensembl id (input.join_genes = inner)");
    return join;
}

void append_file(AtlasShard& atlas, AtlasShard file, const std::vector<std::int32_t>& new_index) {
    std::vector<std::pair<std::int32_t, float>> entries;
    std::vector<std::int32_t> genes;
    std::vector<float> values;
    for_each_row(file.counts, [&](std::int64_t /*row*/, const SparseCounts& cell) {
        entries.clear();
        for (std::int64_t i = 0; i < cell.size; ++i)
            if (const std::int32_t gene = new_index[static_cast<std::size_t>(cell.genes[i])]; gene >= 0)
                entries.emplace_back(gene, cell.values[i]);
        std::sort(entries.begin(), entries.end());
        genes.clear();
        values.clear();
        for (const auto& [gene, value] : entries) {
            // An Ensembl id may name several rows of a file: they are one gene.
            if (!genes.empty() && genes.back() == gene) {
                values.back() += value;
                continue;
            }
            genes.push_back(gene);
            values.push_back(value);
        }
        atlas.counts.append({genes.data(), values.data(), static_cast<std::int64_t>(genes.size())});
    });
    file.counts = PackedCounts();
    renumber(file.labels, file.label_names, atlas.label_names);
    renumber(file.batches, file.batch_names, atlas.batch_names);
    append(atlas.cell_names, std::move(file.cell_names));
    append(atlas.labels, std::move(file.labels));
    append(atlas.batches, std::move(file.batches));
    append(atlas.split_values, std::move(file.split_values));
    append(atlas.split_groups, std::move(file.split_groups));
    append(atlas.proteins, std::move(file.proteins));
}

}  // namespace lapatlas
