#include "dist/hdf5_crash.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <mutex>
#include <vector>

#include "dist/memory_use.hpp"

namespace lapatlas {

namespace {

/// What libhdf5 may take while it reads a file: some at any rate, and what deflate can make of its bytes.
/// Less than the 256 MiB that are promised of reading in all (docs/reproducibility.md).
constexpr double kFreeBytes = 192.0 * 1024 * 1024, kMostUnpacking = 1100;

// Of the thread that reads: a crash comes to the thread that made it.
thread_local const std::filesystem::path* path_read = nullptr;
thread_local const std::string* name_read = nullptr;

/// Only what a signal handler may call.
void say(const char* text, std::size_t length) {
    while (length > 0) {
        const ssize_t written = write(STDERR_FILENO, text, length);
        if (written <= 0) return;
        text += written;
        length -= static_cast<std::size_t>(written);
    }
}
void say(const char* text) { say(text, std::strlen(text)); }

[[noreturn]] void end(const char* what) {
    say("error: ");
    say(path_read->c_str());
    say(": libhdf5 ");
    say(what);
    say(" reading '");
    say(name_read->empty() ? "/" : name_read->c_str());
    say("': the file is damaged; make it again, or repair it with h5repack\n");
    _exit(2);
}

void on_crash(int number) {
    if (path_read == nullptr) {
        std::signal(number, SIG_DFL);
        std::raise(number);
        return;
    }
    end("crashed");
}

void on_endless(int) {
    if (path_read != nullptr) end("does not come back from");
}

/// Of each thread that reads: its processor time in the call that is under way.
struct TimeLimit {
    timer_t timer{};
    bool made = false;
    ~TimeLimit() {
        if (made) timer_delete(timer);
    }
    void set(double seconds) {
        if (!made) {
            sigevent event{};
            event.sigev_notify = SIGEV_THREAD_ID;
            event.sigev_signo = SIGPROF;
            event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
            made = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
        }
        itimerspec when{};
        when.it_value.tv_sec = static_cast<time_t>(seconds);
        if (made) timer_settime(timer, 0, &when, nullptr);
    }
};
thread_local TimeLimit time_limit;
bool is_limited = false;

/// Of the process, while any of its threads reads.
class MemoryLimit {
  public:
    void set(double bytes) {
        const std::lock_guard lock(mutex_);
        if (readers_++ > 0 || getrlimit(RLIMIT_DATA, &before_) != 0) return;
        const double wanted = static_cast<double>(private_memory()) + bytes;
        if (wanted >= static_cast<double>(before_.rlim_cur)) return;
        const rlimit now{static_cast<rlim_t>(wanted), before_.rlim_max};
        is_set_ = setrlimit(RLIMIT_DATA, &now) == 0;
    }
    void lift() {
        const std::lock_guard lock(mutex_);
        if (--readers_ > 0 || !is_set_) return;
        setrlimit(RLIMIT_DATA, &before_);
        is_set_ = false;
    }

  private:
    std::mutex mutex_;
    int readers_ = 0;
    bool is_set_ = false;
    rlimit before_{};
};
MemoryLimit memory_limit;

}  // namespace

void contain_hdf5_crashes() {
    // A stack that has run over has no room for the handler.
    static std::vector<char> stack(64 * 1024);
    stack_t other{};
    other.ss_sp = stack.data();
    other.ss_size = stack.size();
    sigaltstack(&other, nullptr);
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) {
        struct sigaction action {};
        action.sa_handler = on_crash;
        action.sa_flags = SA_ONSTACK | SA_NODEFER;
        sigaction(number, &action, nullptr);
    }
    std::signal(SIGPROF, on_endless);
    is_limited = true;
}

namespace hdf5_detail {

ReadingHdf5::ReadingHdf5(const std::filesystem::path& path, const std::string& name, bool has_limit)
    : has_limit_(has_limit), outer_path_(path_read), outer_name_(name_read) {
    name_read = &name;
    path_read = &path;
    if (outer_path_ == nullptr) limit(true);
}

ReadingHdf5::~ReadingHdf5() {
    if (outer_path_ == nullptr) limit(false);
    path_read = outer_path_;
    name_read = outer_name_;
}

void ReadingHdf5::limit(bool on) const {
    constexpr double kSeconds = 15, kBytesASecond = 1e7;
    if (!is_limited || !has_limit_) return;
    if (!on) {
        memory_limit.lift();
        time_limit.set(0);
        return;
    }
    std::error_code ignored;
    const std::uintmax_t size = std::filesystem::file_size(*path_read, ignored);
    const double bytes = ignored ? 0 : static_cast<double>(size);
    // libhdf5 takes the memory that a text says it needs before it looks whether the file has as much.
    if (!kHasAddressSanitizer) memory_limit.set(kFreeBytes + kMostUnpacking * bytes);
    time_limit.set(kSeconds + bytes / kBytesASecond);
}

}  // namespace hdf5_detail

}  // namespace lapatlas
