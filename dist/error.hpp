#pragma once

#include <stdexcept>
#include <string>

namespace lapatlas {

/// What went wrong, and therefore whose turn it is: the process edge maps it to an exit code.
enum class ErrorKind : int {
    kInput = 0,     ///< the data given (file, dataset, row): exit code 2
    kConfig = 1,    ///< a setting (section.key): exit code 2
    kInternal = 2,  ///< a broken promise of this program: exit code 1
    kMpi = 3,
    kHdf5 = 4,
    kMetis = 5,
    kResource = 6,  ///< memory, disk, which the user can give more of: exit code 2
    kCuda = 7,
    kNccl = 8,
    kStopped = 9,  ///< no error: asked to end early (dist/stop_request.hpp), with all that is done put away
};

/// The exit code of a program that was stopped and can go on: EX_TEMPFAIL of sysexits.h.
constexpr int kStoppedExitCode = 75;

/// Base of everything the library throws. The message is one line: what is wrong, where, what to do.
class Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
    ErrorKind kind() const noexcept { return kind_; }
    /// 2 for the user's errors, 1 for ours.
    int exit_code() const noexcept {
        if (kind_ == ErrorKind::kStopped) return kStoppedExitCode;
        return kind_ == ErrorKind::kInput || kind_ == ErrorKind::kConfig || kind_ == ErrorKind::kResource ? 2
                                                                                                          : 1;
    }

  private:
    ErrorKind kind_;
};

template <ErrorKind kKind>
class ErrorOf : public Error {
  public:
    explicit ErrorOf(const std::string& message) : Error(kKind, message) {}
};

using InputError = ErrorOf<ErrorKind::kInput>;
using ConfigError = ErrorOf<ErrorKind::kConfig>;
using InternalError = ErrorOf<ErrorKind::kInternal>;
using MpiError = ErrorOf<ErrorKind::kMpi>;
using Hdf5Error = ErrorOf<ErrorKind::kHdf5>;
using MetisError = ErrorOf<ErrorKind::kMetis>;
using ResourceError = ErrorOf<ErrorKind::kResource>;
using CudaError = ErrorOf<ErrorKind::kCuda>;
using NcclError = ErrorOf<ErrorKind::kNccl>;
using Stopped = ErrorOf<ErrorKind::kStopped>;

/// Throws the class that belongs to `kind`.
[[noreturn]] inline void throw_error(ErrorKind kind, const std::string& message) {
    switch (kind) {
        case ErrorKind::kInput:
            throw InputError(message);
        case ErrorKind::kConfig:
            throw ConfigError(message);
        case ErrorKind::kMpi:
            throw MpiError(message);
        case ErrorKind::kHdf5:
            throw Hdf5Error(message);
        case ErrorKind::kMetis:
            throw MetisError(message);
        case ErrorKind::kResource:
            throw ResourceError(message);
        case ErrorKind::kCuda:
            throw CudaError(message);
        case ErrorKind::kNccl:
            throw NcclError(message);
        case ErrorKind::kStopped:
            throw Stopped(message);
        case ErrorKind::kInternal:
            break;
    }
    throw InternalError(message);
}

/// Throws InternalError unless `holds`: for promises of this program, never for user input.
inline void ensure(bool holds, const char* promise) {
    if (!holds) throw InternalError(std::string("internal error: ") + promise);
}

}  // namespace lapatlas
