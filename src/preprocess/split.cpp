#include "src/preprocess/split.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/fnv1a.hpp"
#include "src/io/text_exchange.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

struct PartSizes {
    std::int64_t test = 0, validation = 0;
};

/// At least one of `total` stays in training.
PartSizes part_sizes(std::int64_t total, const InputOptions& options) {
    const auto share = [](double fraction, std::int64_t of) {
        return static_cast<std::int64_t>(std::llround(fraction * static_cast<double>(of)));
    };
    PartSizes sizes;
    sizes.test = std::clamp<std::int64_t>(share(options.test_fraction, total), 0,
                                          std::max<std::int64_t>(0, total - 1));
    const std::int64_t rest = total - sizes.test;
    sizes.validation = std::clamp<std::int64_t>(share(options.validation_fraction, rest), 0,
                                                std::max<std::int64_t>(0, rest - 1));
    return sizes;
}

Split part_of_name(std::string name, const AtlasShard& shard, std::size_t row, const InputOptions& options) {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name == "train" || name == "training") return Split::kTrain;
    if (name == "validation" || name == "val" || name == "valid") return Split::kValidation;
    if (name == "test") return Split::kTest;
    throw InputError(options.path + ": obs column '" + options.split_key + "' (input.split_key): cell '" +
                     shard.cell_names[row] + "' has '" + shard.split_values[row] +
                     "', expected train, validation or test");
}

std::uint64_t hash_of(const PlacedRandom& random, std::uint64_t item) {
    const auto words = random.words(item);
    return std::uint64_t{words[0]} << 32 | words[1];
}

/// Collective. For each stratum, marks the `wanted` rows with the smallest keys (of equal keys, the first
/// rows) without gathering any: the threshold key is found by bisection on counts summed over ranks.
std::vector<char> mark_smallest(const Communicator& comm, const std::vector<std::uint64_t>& keys,
                                const std::vector<std::size_t>& strata,
                                const std::vector<std::int64_t>& wanted) {
    std::vector<std::vector<std::uint64_t>> sorted(wanted.size());
    for (std::size_t i = 0; i < keys.size(); ++i) sorted[strata[i]].push_back(keys[i]);
    for (auto& of_stratum : sorted) std::sort(of_stratum.begin(), of_stratum.end());
    const auto count_below = [&](std::size_t s, std::uint64_t key) {
        return std::lower_bound(sorted[s].begin(), sorted[s].end(), key) - sorted[s].begin();
    };

    // Largest threshold with no more than `wanted` keys below it, one bit at a time.
    std::vector<std::uint64_t> threshold(wanted.size(), 0);
    std::vector<std::int64_t> below(wanted.size());
    for (int bit = 63; bit >= 0; --bit) {
        for (std::size_t s = 0; s < wanted.size(); ++s)
            below[s] = count_below(s, threshold[s] | std::uint64_t{1} << bit);
        all_reduce_sum(comm, std::span<std::int64_t>(below));
        for (std::size_t s = 0; s < wanted.size(); ++s)
            if (below[s] <= wanted[s]) threshold[s] |= std::uint64_t{1} << bit;
    }
    // What is still missing has exactly the threshold as its key.
    std::vector<std::int64_t> missing(wanted.size());
    for (std::size_t s = 0; s < wanted.size(); ++s) below[s] = count_below(s, threshold[s]);
    std::vector<std::int64_t> all_below = below;
    all_reduce_sum(comm, std::span<std::int64_t>(all_below));
    for (std::size_t s = 0; s < wanted.size(); ++s) {
        const auto equal = std::equal_range(sorted[s].begin(), sorted[s].end(), threshold[s]);
        const std::int64_t before =
            exclusive_sum(comm, static_cast<std::int64_t>(equal.second - equal.first));
        missing[s] = wanted[s] - all_below[s] - before;
    }
    std::vector<char> marked(keys.size(), 0);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const std::size_t s = strata[i];
        if (keys[i] < threshold[s] || (keys[i] == threshold[s] && missing[s]-- > 0)) marked[i] = 1;
    }
    return marked;
}

std::vector<Split> split_by_hash(const Communicator& comm, const AtlasShard& shard,
                                 const InputOptions& options, std::uint64_t seed) {
    const PlacedRandom random(seed, RandomStream::kSplit);
    std::vector<std::uint64_t> keys;
    std::vector<std::size_t> strata;  // label + 1: 0 is "unlabelled"
    std::vector<std::int64_t> sizes(shard.label_names.size() + 1, 0);
    for (std::size_t row = 0; row < shard.labels.size(); ++row) {
        keys.push_back(hash_of(random, static_cast<std::uint64_t>(shard.first_cell) + row));
        strata.push_back(static_cast<std::size_t>(shard.labels[row] + 1));
        ++sizes[strata.back()];
    }
    all_reduce_sum(comm, std::span<std::int64_t>(sizes));
    std::vector<std::int64_t> test, held_out;
    for (const std::int64_t size : sizes) {
        const PartSizes parts = part_sizes(size, options);
        test.push_back(parts.test);
        held_out.push_back(parts.test + parts.validation);
    }
    const std::vector<char> is_test = mark_smallest(comm, keys, strata, test);
    const std::vector<char> is_held_out = mark_smallest(comm, keys, strata, held_out);
    std::vector<Split> split;
    for (std::size_t row = 0; row < keys.size(); ++row)
        split.push_back(is_test[row] != 0       ? Split::kTest
                        : is_held_out[row] != 0 ? Split::kValidation
                                                : Split::kTrain);
    return split;
}

/// The item of a group in the random stream: a group is known by its name alone.
std::uint64_t item_of_group(const std::string& name) { return fnv1a(name); }

std::vector<Split> split_by_group(const Communicator& comm, const AtlasShard& shard,
                                  const InputOptions& options, std::uint64_t seed) {
    EncodedTexts groups = encode_texts(comm, shard.split_groups);
    const auto without = static_cast<std::int32_t>(groups.categories.size());
    groups.categories.emplace_back();  // cells without a group
    for (std::int32_t& code : groups.codes)
        if (code < 0) code = without;
    std::vector<std::int64_t> sizes(groups.categories.size(), 0);
    for (const std::int32_t code : groups.codes) ++sizes[static_cast<std::size_t>(code)];
    all_reduce_sum(comm, std::span<std::int64_t>(sizes));

    const PlacedRandom random(seed, RandomStream::kSplit);
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t g = 0; g < sizes.size(); ++g)
        if (sizes[g] > 0) order.emplace_back(hash_of(random, item_of_group(groups.categories[g])), g);
    std::sort(order.begin(), order.end());
    if (order.size() < 2)
        throw InputError(options.path + ": obs column '" + options.split_group_key +
                         "' (input.split_group_key) has only one group: nothing could be held out");

    const PartSizes wanted = part_sizes(shard.num_cells, options);
    std::vector<Split> part_of_group(sizes.size(), Split::kTrain);
    std::size_t next = 0;
    // A group that would overshoot by more than it fills stays out, except the first: an asked-for part has
    // one.
    const auto fill = [&](Split part, std::int64_t target) {
        std::int64_t filled = 0;
        while (next + 1 < order.size() && target > 0) {
            const std::int64_t size = sizes[order[next].second];
            if (filled > 0 && 2 * (target - filled) < size) break;
            part_of_group[order[next++].second] = part;
            filled += size;
        }
    };
    fill(Split::kTest, wanted.test);
    fill(Split::kValidation, wanted.validation);
    std::vector<Split> split;
    for (const std::int32_t code : groups.codes)
        split.push_back(part_of_group[static_cast<std::size_t>(code)]);
    return split;
}

}  // namespace

std::vector<Split> split_cells(const Communicator& comm, const AtlasShard& shard, const InputOptions& options,
                               std::uint64_t seed) {
    for (const double fraction : {options.test_fraction, options.validation_fraction})
        if (!(fraction >= 0 && fraction < 1))
            throw ConfigError("input.test_fraction and input.validation_fraction must be in [0, 1)");
    if (!options.split_key.empty()) {
        return agreed(comm, [&] {
            std::vector<Split> split;
            for (std::size_t row = 0; row < shard.split_values.size(); ++row)
                split.push_back(part_of_name(shard.split_values[row], shard, row, options));
            return split;
        });
    }
    if (!options.split_group_key.empty()) return split_by_group(comm, shard, options, seed);
    return split_by_hash(comm, shard, options, seed);
}

}  // namespace lapatlas
