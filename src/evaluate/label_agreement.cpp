#include "src/evaluate/label_agreement.hpp"

#include <limits>
#include <map>

namespace lapatlas {

std::int32_t vote_label(const std::vector<Neighbour>& neighbours, const std::vector<std::int32_t>& labels) {
    std::map<std::int32_t, int> votes;
    for (const Neighbour& neighbour : neighbours) ++votes[labels[static_cast<std::size_t>(neighbour.row)]];
    std::int32_t winner = -1;
    int most = 0;
    // Nearest first, so among equals the label met first wins.
    for (const Neighbour& neighbour : neighbours) {
        const std::int32_t label = labels[static_cast<std::size_t>(neighbour.row)];
        if (votes[label] > most) winner = label, most = votes[label];
    }
    return winner;
}

LabelAgreement label_agreement(const std::vector<std::int32_t>& truth,
                               const std::vector<std::int32_t>& predicted) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    if (truth.empty()) return {kNan, kNan};
    struct Tally {
        double both = 0, truth = 0, predicted = 0;
    };
    std::map<std::int32_t, Tally> tallies;
    double right = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        tallies[truth[i]].truth += 1;
        tallies[predicted[i]].predicted += 1;
        if (truth[i] == predicted[i]) tallies[truth[i]].both += 1, right += 1;
    }
    double f1 = 0;
    for (const auto& [label, tally] : tallies) f1 += 2 * tally.both / (tally.truth + tally.predicted);
    return {right / static_cast<double>(truth.size()), f1 / static_cast<double>(tallies.size())};
}

}  // namespace lapatlas
