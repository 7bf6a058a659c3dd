#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dist/activity.hpp"

namespace lapatlas {

/// Judges from signs of life which ranks are dead or stand still. Knows no network: dist/heartbeat.hpp brings
/// the signs.
class RankWatch {
  public:
    using Time = std::chrono::steady_clock::time_point;
    struct Options {
        double silent_seconds = 60;  ///< without a sign of life: dead, or cut off
        double stuck_seconds = 600;  ///< at rest while others wait for it, or all waiting: stuck
    };
    struct Sign {
        Activity::Snapshot activity;
        double cpu_seconds = 0;  ///< that the process has used so far
        double io_bytes = 0;     ///< that it has read and written so far
    };
    enum class Fate { kDied, kSilent, kStuck };
    struct Verdict {
        Fate fate;
        std::string line;  ///< who, where and at what
    };

    /// `hosts`: the host of each rank of the job. Watches every rank but `self`, or only rank 0 (the others
    /// then are its business).
    RankWatch(std::vector<std::string> hosts, int self, const Options& options, Time start);

    void heard(int rank, const Sign& sign, Time now);
    /// Its process is no more, a neighbour on its machine says.
    void gone(int rank);
    /// It has come to its end: nothing more is expected of it.
    void left(int rank);
    /// This process itself was stopped for a while (a suspended job, a terminal's Ctrl-Z): what it did not
    /// hear meanwhile says nothing.
    void slept(Time now);

    /// Who is dead or stuck and where it was; none while all is well. `own`: of this rank.
    std::optional<Verdict> verdict(const Sign& own, Time now);
    /// Whether a watched rank was heard before, but not for so long.
    bool is_quiet(int rank, double seconds, Time now) const;
    /// Ranks never heard of in the whole `silent_seconds` since the start, to be told of once: they are not
    /// judged by their silence.
    std::vector<int> never_heard(Time now);

  private:
    struct Rank {
        bool watched = false, ever_heard = false, has_left = false, is_gone = false, told = false;
        Time last_heard, moved_at;  ///< moved: waited for others, used its processor, read or wrote
        Time sign_at;
        Sign sign;
    };
    std::string place(int rank, const Sign& sign) const;
    std::optional<Verdict> dead(Time now) const;
    std::optional<Verdict> stuck(Time now) const;
    static void take(Rank& rank, const Sign& sign, Time now);

    std::vector<std::string> hosts_;
    int self_;
    Options options_;
    Time start_;
    std::vector<Rank> ranks_;
};

}  // namespace lapatlas
