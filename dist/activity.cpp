#include "dist/activity.hpp"

#include <atomic>
#include <chrono>
#include <mutex>

namespace lapatlas {

namespace {

std::mutex task_mutex;
std::string task;
std::atomic<std::int64_t> task_done = -1;
std::vector<double> waited_for;

// LibTorch's backward thread may wait too, while the main thread waits for it.
std::atomic<int> depth = 0;
std::atomic<const char*> waiting_in = nullptr;
std::atomic<std::int64_t> waiting_since = 0, waited = 0;  // nanoseconds

std::int64_t clock() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

double seconds(std::int64_t nanoseconds) { return 1e-9 * static_cast<double>(nanoseconds); }

}  // namespace

Activity::Snapshot Activity::now() {
    Snapshot snapshot;
    {
        const std::lock_guard lock(task_mutex);
        snapshot.task = task;
    }
    snapshot.done = task_done;
    // Of a call that begins in between, rather the time of the new one than its name with the old one's time.
    if (const char* call = waiting_in; call != nullptr) {
        snapshot.waiting_in = call;
        snapshot.waiting_seconds = seconds(clock() - waiting_since);
    }
    return snapshot;
}

void Activity::at(const std::string& name, std::int64_t done) {
    task_done = done;
    const std::lock_guard lock(task_mutex);
    if (task != name) task = name;
}

void Activity::restart_wait() { waiting_since = clock(); }

double Activity::waited_seconds() { return seconds(waited); }

void Activity::add_waited_for(int rank, double seconds) {
    const auto index = static_cast<std::size_t>(rank);
    if (waited_for.size() <= index) waited_for.resize(index + 1, 0.0);
    waited_for[index] += seconds;
}

const std::vector<double>& Activity::waited_for_seconds() { return waited_for; }

Activity::Waiting::Waiting(const char* call) {
    if (depth++ > 0) return;
    waiting_since = clock();
    waiting_in = call;
}

Activity::Waiting::~Waiting() {
    if (--depth > 0) return;
    waiting_in = nullptr;
    waited += clock() - waiting_since;
}

}  // namespace lapatlas
