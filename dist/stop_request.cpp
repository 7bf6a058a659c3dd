#include "dist/stop_request.hpp"

#include <atomic>
#include <csignal>

#include "dist/collectives.hpp"
#include "dist/error.hpp"

namespace lapatlas {

namespace {

using Clock = std::chrono::system_clock;

/// Above every signal's number.
constexpr int kOutOfTime = 1000;

std::atomic<int> signalled = 0;
std::atomic<Clock::time_point> last_moment = Clock::time_point::max();
static_assert(std::atomic<int>::is_always_lock_free, "signal handlers may write it");

void note(int number) {
    signalled = number;
    if (number == SIGINT) std::signal(SIGINT, SIG_DFL);
}

}  // namespace

void StopRequest::listen() {
    for (const int number : {SIGTERM, SIGUSR1, SIGINT}) {
        struct sigaction action {};
        action.sa_handler = note;
        // A system call under way goes on.
        action.sa_flags = SA_RESTART;
        sigaction(number, &action, nullptr);
    }
}

void StopRequest::stop_from(Clock::time_point when) { last_moment = when; }

int StopRequest::word() {
    if (const int number = signalled; number != 0) return number;
    return Clock::now() >= last_moment.load() ? kOutOfTime : 0;
}

std::string StopRequest::text(int word) {
    switch (word) {
        case SIGTERM:
            return "SIGTERM";
        case SIGUSR1:
            return "SIGUSR1";
        case SIGINT:
            return "SIGINT";
        case kOutOfTime:
            return "the end of the job's time";
        default:
            return "signal " + std::to_string(word);
    }
}

void StopRequest::obey(const Communicator& comm, const std::string& outlook) {
    if (const int found = all_reduce_max(comm, word()); found != 0)
        throw Stopped("stopped by " + text(found) + "; " + outlook);
}

}  // namespace lapatlas
