#include "src/decode/gene_sample.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "src/random/philox.hpp"

namespace lapatlas {

GeneSampler::GeneSampler(std::span<const float> profile, std::int64_t size) {
    double largest = 0;
    for (const float mean : profile) largest = std::max(largest, static_cast<double>(mean));
    // Genes without a count are looked at too, if rarely.
    const double least = largest > 0 ? 1e-9 * largest : 1;
    for (const float mean : profile)
        chances_.push_back(std::sqrt(std::max(least, static_cast<double>(mean))));
    std::vector<double> sorted = chances_;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    // The largest are certain; the others share what is left in proportion.
    double rest = 0;
    for (const double root : sorted) rest += root;
    auto left = static_cast<double>(std::min<std::int64_t>(size, static_cast<std::int64_t>(sorted.size())));
    double certain = 2 * sorted.front();
    for (const double root : sorted) {
        if (left < 1 || left * root < rest) break;
        certain = root;
        rest -= root;
        left -= 1;
    }
    for (double& chance : chances_) chance = chance >= certain ? 1 : std::min(1.0, left / rest * chance);
}

GeneSample GeneSampler::draw(std::uint64_t seed, std::uint32_t step) const {
    GeneSample sample;
    const double start = PlacedRandom(seed, RandomStream::kGeneSample).uniform(0, step);
    double reached = 0;
    for (std::size_t gene = 0; gene < chances_.size(); ++gene) {
        // Drawn where the running sum of chances passes start, start + 1, ...
        const double before = std::floor(reached - start);
        reached += chances_[gene];
        if (chances_[gene] < 1 && std::floor(reached - start) == before) continue;
        sample.genes.push_back(static_cast<std::int32_t>(gene));
        sample.weights.push_back(static_cast<float>(1 / chances_[gene]));
    }
    return sample;
}

}  // namespace lapatlas
