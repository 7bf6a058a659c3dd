#include "src/preprocess/gene_matching.hpp"

#include <map>

namespace lapatlas {

namespace {

GeneMatches equal_texts(const std::vector<std::string>& left, const std::vector<std::string>& right) {
    std::map<std::string, std::int32_t> place;
    for (std::size_t g = 0; g < right.size(); ++g)
        if (!right[g].empty()) place.emplace(right[g], static_cast<std::int32_t>(g));
    GeneMatches pairs;
    for (std::size_t g = 0; g < left.size(); ++g)
        if (const auto found = place.find(left[g]); found != place.end()) {
            pairs.emplace_back(static_cast<std::int32_t>(g), found->second);
            place.erase(found);  // an id may occur twice: its first gene is the one
        }
    return pairs;
}

}  // namespace

GeneMatches match_genes(const std::vector<std::string>& left_names, const std::vector<std::string>& left_ids,
                        const std::vector<std::string>& right_names,
                        const std::vector<std::string>& right_ids) {
    GeneMatches by_name = equal_texts(left_names, right_names), by_id = equal_texts(left_ids, right_ids);
    return by_id.size() > by_name.size() ? by_id : by_name;
}

}  // namespace lapatlas
