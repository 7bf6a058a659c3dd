#include "dist/hdf5_crash.hpp"

#include <unistd.h>

#include <csignal>
#include <cstring>
#include <vector>

namespace lapatlas {

namespace {

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

void on_crash(int number) {
    if (path_read == nullptr) {
        std::signal(number, SIG_DFL);
        std::raise(number);
        return;
    }
    say("error: ");
    say(path_read->c_str());
    say(": libhdf5 crashed reading '");
    say(name_read->c_str());
    say("': the file is damaged; make it again, or repair it with h5repack\n");
    _exit(2);
}

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
}

namespace hdf5_detail {

ReadingHdf5::ReadingHdf5(const std::filesystem::path& path, const std::string& name)
    : outer_path_(path_read), outer_name_(name_read) {
    name_read = &name;
    path_read = &path;
}

ReadingHdf5::~ReadingHdf5() {
    path_read = outer_path_;
    name_read = outer_name_;
}

}  // namespace hdf5_detail

}  // namespace lapatlas
