#pragma once

#include <string>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Collective. Everybody's texts, concatenated in rank order, on every rank.
std::vector<std::string> all_gather_texts(const Communicator& comm, const std::vector<std::string>& mine);

/// Texts as codes into the sorted list of those that occur on any rank; the empty text is missing, code -1.
struct EncodedTexts {
    std::vector<std::int32_t> codes;      // [texts of this rank]
    std::vector<std::string> categories;  // sorted, equal on every rank
};

/// Collective.
EncodedTexts encode_texts(const Communicator& comm, const std::vector<std::string>& mine);

}  // namespace lapatlas
