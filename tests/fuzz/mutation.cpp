#include "tests/fuzz/mutation.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace lapatlas::fuzz {

namespace {

class Mutation {
  public:
    Mutation(std::string& content, std::mt19937_64& random) : content_(content), random_(random) {}

    void apply() {
        if (content_.empty()) return;
        switch (below(8)) {
            case 0:
            case 1:
                return flip_bits();
            case 2:
                return set_byte();
            case 3:
            case 4:
                return set_word();
            case 5:
                return overwrite_stretch();
            case 6:
                return below(4) == 0 ? cut() : flip_bits();
            default:
                return below(2) == 0 ? leave_out() : put_in();
        }
    }

  private:
    std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
    std::size_t place() { return below(content_.size()); }
    /// Headers lie at the beginning more often than not.
    std::size_t early_place() {
        return below(2) == 0 ? place() : below(std::min<std::size_t>(content_.size(), 4096));
    }

    void flip_bits() { content_[early_place()] ^= static_cast<char>(1 << below(8)); }
    void set_byte() {
        constexpr std::array<int, 9> kBytes = {0, 1, 127, 128, 255, '"', '\n', '-', '9'};
        content_[early_place()] = static_cast<char>(kBytes[below(kBytes.size())]);
    }
    void set_word() {
        constexpr std::array<std::uint64_t, 8> kWords = {0,
                                                         1,
                                                         0x7fffffff,
                                                         0x80000000,
                                                         0xffffffff,
                                                         std::uint64_t{1} << 40,
                                                         std::numeric_limits<std::int64_t>::max(),
                                                         std::numeric_limits<std::uint64_t>::max()};
        const std::uint64_t word = kWords[below(kWords.size())];
        const std::size_t width = below(2) == 0 ? 4 : 8;
        if (content_.size() < width) return;
        std::size_t at = early_place() / 4 * 4;
        at = std::min(at, content_.size() - width);
        std::memcpy(content_.data() + at, &word, width);
    }
    void overwrite_stretch() {
        const std::size_t length = std::min<std::size_t>(1 + below(64), content_.size());
        const std::size_t to = below(content_.size() - length + 1);
        if (below(2) == 0)
            std::fill_n(content_.begin() + static_cast<std::ptrdiff_t>(to), length,
                        below(2) == 0 ? '\0' : '\xff');
        else
            std::memmove(content_.data() + to, content_.data() + below(content_.size() - length + 1), length);
    }
    void cut() { content_.resize(place()); }
    void leave_out() { content_.erase(place(), 1 + below(16)); }
    void put_in() {
        const std::size_t from = place();
        const std::string piece = content_.substr(from, 1 + below(16));
        content_.insert(place(), piece);
    }

    std::string& content_;
    std::mt19937_64& random_;
};

}  // namespace

std::string mutated(std::string content, std::mt19937_64& random) {
    Mutation mutation(content, random);
    const std::uint64_t times = std::uint64_t{1} << (random() % 6);
    for (std::uint64_t i = 0; i < times; ++i) mutation.apply();
    return content;
}

}  // namespace lapatlas::fuzz
