#pragma once

#include <chrono>
#include <string>

namespace lapatlas {

class Communicator;

/// Word from outside that the program is to end before its work is done, which it does once it has put away
/// what it has: a signal (SIGTERM and SIGUSR1 of a batch system, Ctrl-C), or the end of its time. State of
/// the process.
class StopRequest {
  public:
    /// Rank-local. From here on SIGTERM, SIGUSR1 and SIGINT leave word instead of ending the process; SIGINT
    /// does so once, a second one ends it.
    static void listen();
    /// Rank-local. There is word from `when` on.
    static void stop_from(std::chrono::system_clock::time_point when);

    /// Rank-local. What there is word of here, as a number for a reduction by maximum; 0: nothing.
    static int word();
    /// "SIGTERM", "the end of the job's time": of such a number.
    static std::string text(int word);

    /// Collective. Throws Stopped on all ranks if there is word on any: "stopped by SIGTERM; " + `outlook`,
    /// which says what is kept and how to go on.
    static void obey(const Communicator& comm, const std::string& outlook);
};

}  // namespace lapatlas
