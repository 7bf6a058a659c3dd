#include "src/io/text_exchange.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "dist/collectives.hpp"

namespace lapatlas {

std::vector<std::string> all_gather_texts(const Communicator& comm, const std::vector<std::string>& mine) {
    std::vector<char> bytes;
    std::vector<std::int64_t> lengths;
    lengths.reserve(mine.size());
    for (const std::string& text : mine) {
        bytes.insert(bytes.end(), text.begin(), text.end());
        lengths.push_back(static_cast<std::int64_t>(text.size()));
    }
    const std::vector<char> all_bytes = all_gather_v<char>(comm, bytes);
    const std::vector<std::int64_t> all_lengths = all_gather_v<std::int64_t>(comm, lengths);
    std::vector<std::string> all;
    all.reserve(all_lengths.size());
    const char* next = all_bytes.data();
    for (const std::int64_t length : all_lengths) {
        all.emplace_back(next, static_cast<std::size_t>(length));
        next += length;
    }
    return all;
}

EncodedTexts encode_texts(const Communicator& comm, const std::vector<std::string>& mine) {
    std::set<std::string> distinct(mine.begin(), mine.end());
    distinct.erase("");
    EncodedTexts encoded;
    encoded.categories = all_gather_texts(comm, {distinct.begin(), distinct.end()});
    std::sort(encoded.categories.begin(), encoded.categories.end());
    encoded.categories.erase(std::unique(encoded.categories.begin(), encoded.categories.end()),
                             encoded.categories.end());
    std::unordered_map<std::string, std::int32_t> code_of{{"", -1}};
    for (const std::string& category : encoded.categories)
        code_of.emplace(category, static_cast<std::int32_t>(code_of.size()) - 1);
    encoded.codes.reserve(mine.size());
    for (const std::string& text : mine) encoded.codes.push_back(code_of.at(text));
    return encoded;
}

}  // namespace lapatlas
