#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "dist/collectives.hpp"

namespace lapatlas {

/// Collective. Sends questions[i] to rank owners[i], where `answer` makes of all questions that have come
/// there (in the order of ranks) `width` values each; returns [questions, width], in the order of the
/// questions.
template <class Answer, class Question, class F>
std::vector<Answer> ask_owners(const Communicator& comm, std::span<const Question> questions,
                               std::span<const int> owners, F&& answer, std::int64_t width = 1) {
    const Outbox<Question> outbox = group_by_destination(questions, owners, comm.size());
    const Received<Question> asked = all_to_all_v<Question>(comm, outbox.items, outbox.offsets);
    const std::vector<Answer> answers = answer(std::span<const Question>(asked.items));
    ensure(std::ssize(answers) == std::ssize(asked.items) * width, "every question has its answer");
    std::vector<std::int64_t> offsets(asked.offsets);
    for (std::int64_t& offset : offsets) offset *= width;
    const Received<Answer> received = all_to_all_v<Answer>(comm, answers, offsets);

    // Answers come grouped by owner, in the order asked: put them back in the caller's order.
    std::vector<std::int64_t> next(outbox.offsets.begin(), outbox.offsets.end() - 1);
    std::vector<Answer> result(questions.size() * static_cast<std::size_t>(width));
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const std::int64_t at = next[static_cast<std::size_t>(owners[i])]++;
        std::copy_n(received.items.data() + at * width, width,
                    result.data() + static_cast<std::int64_t>(i) * width);
    }
    return result;
}

}  // namespace lapatlas
