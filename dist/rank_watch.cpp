#include "dist/rank_watch.hpp"

#include <cstdio>

namespace lapatlas {

namespace {

double seconds_between(RankWatch::Time from, RankWatch::Time to) {
    return std::chrono::duration<double>(to - from).count();
}

std::string whole(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%.0f s", seconds);
    return text;
}

std::string doing(const Activity::Snapshot& activity) {
    const std::string where =
        activity.waiting_in.empty() ? "at work outside of MPI" : "in " + activity.waiting_in;
    if (activity.task.empty()) return where;
    if (activity.done < 0) return activity.task + ", " + where;
    return "after " + std::to_string(activity.done) + " " + activity.task + ", " + where;
}

}  // namespace

RankWatch::RankWatch(std::vector<std::string> hosts, int self, const Options& options, Time start)
    : hosts_(std::move(hosts)), self_(self), options_(options), start_(start), ranks_(hosts_.size()) {
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
        ranks_[r].watched = static_cast<int>(r) != self && (self == 0 || r == 0);
        ranks_[r].last_heard = ranks_[r].moved_at = ranks_[r].sign_at = start;
    }
}

/// A process at rest still spends a little on the thread that tells of it.
void RankWatch::take(Rank& rank, const Sign& sign, Time now) {
    constexpr double kRest = 0.02, kRestBytes = 64 * 1024;  // a second
    const double seconds = seconds_between(rank.sign_at, now);
    const bool waits = !sign.activity.waiting_in.empty() && !sign.activity.is_in_io();
    if (waits || sign.cpu_seconds - rank.sign.cpu_seconds > kRest * seconds ||
        sign.io_bytes - rank.sign.io_bytes > kRestBytes * seconds)
        rank.moved_at = now;
    rank.sign = sign;
    rank.sign_at = now;
}

void RankWatch::heard(int number, const Sign& sign, Time now) {
    Rank& rank = ranks_[static_cast<std::size_t>(number)];
    take(rank, sign, now);
    rank.ever_heard = true;
    rank.last_heard = now;
}

bool RankWatch::is_quiet(int number, double seconds, Time now) const {
    const Rank& rank = ranks_[static_cast<std::size_t>(number)];
    return rank.watched && rank.ever_heard && !rank.has_left &&
           seconds_between(rank.last_heard, now) > seconds;
}

void RankWatch::gone(int rank) { ranks_[static_cast<std::size_t>(rank)].is_gone = true; }
void RankWatch::left(int rank) { ranks_[static_cast<std::size_t>(rank)].has_left = true; }

void RankWatch::slept(Time now) {
    for (Rank& rank : ranks_) {
        rank.last_heard = rank.moved_at = now;
        rank.sign.activity.waiting_seconds = 0;
    }
}

std::string RankWatch::place(int rank, const Sign& sign) const {
    return "rank " + std::to_string(rank) + " on " + hosts_[static_cast<std::size_t>(rank)] + " (" +
           doing(sign.activity) + ")";
}

std::optional<RankWatch::Verdict> RankWatch::dead(Time now) const {
    Verdict verdict{Fate::kSilent, {}};
    int more = 0;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
        const Rank& rank = ranks_[r];
        if (!rank.watched || rank.has_left) continue;
        const double silent = seconds_between(rank.last_heard, now);
        if (!rank.is_gone && (!rank.ever_heard || silent <= options_.silent_seconds)) continue;
        if (!verdict.line.empty()) {
            ++more;
            continue;
        }
        if (rank.is_gone) verdict.fate = Fate::kDied;
        verdict.line = place(static_cast<int>(r), rank.sign) +
                       (rank.is_gone ? " has died"
                                     : " has given no sign of life for " + whole(silent) +
                                           ": it is dead, stopped or cut off");
    }
    if (verdict.line.empty()) return std::nullopt;
    if (more > 0) verdict.line += ", and so for " + std::to_string(more) + " more";
    return verdict;
}

/// A rank that neither waits nor works holds the others up (a file system that does not answer); ranks that
/// all wait will never come free. One that computes, reads or writes, however long, is left alone, and so is
/// what was never heard of.
std::optional<RankWatch::Verdict> RankWatch::stuck(Time now) const {
    int resting = -1, waiting = 0, others = 0;
    std::string waits;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
        const Rank& rank = ranks_[r];
        if (rank.has_left) continue;
        const Activity::Snapshot& activity = rank.sign.activity;
        const bool is_known = rank.ever_heard || static_cast<int>(r) == self_;
        const bool at_rest = seconds_between(rank.moved_at, now) > options_.stuck_seconds;
        if (is_known && at_rest) {
            if (resting < 0) resting = static_cast<int>(r);
        } else if (is_known && activity.waiting_seconds > options_.stuck_seconds) {
            ++waiting;
            if (activity.is_in_io()) ++others;
            if (waits.size() < 300)
                waits += (waits.empty() ? "" : ", ") + place(static_cast<int>(r), rank.sign);
        } else {
            ++others;
        }
    }
    if (waiting == 0) return std::nullopt;
    const std::string advice = " (runtime.exchange_timeout = " + whole(options_.stuck_seconds) + ")";
    if (resting >= 0)
        return Verdict{Fate::kStuck,
                       place(resting, ranks_[static_cast<std::size_t>(resting)].sign) +
                           " has stood still for " + whole(options_.stuck_seconds) +
                           ", as before a file system that does not answer, while others wait: " + waits +
                           advice};
    if (others > 0) return std::nullopt;
    return Verdict{Fate::kStuck, "all ranks have waited for one another for " +
                                     whole(options_.stuck_seconds) + ": " + waits + advice};
}

std::optional<RankWatch::Verdict> RankWatch::verdict(const Sign& own, Time now) {
    take(ranks_[static_cast<std::size_t>(self_)], own, now);
    if (auto found = dead(now)) return found;
    // Only rank 0 knows of all.
    return self_ == 0 ? stuck(now) : std::nullopt;
}

std::vector<int> RankWatch::never_heard(Time now) {
    std::vector<int> found;
    if (seconds_between(start_, now) < options_.silent_seconds) return found;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
        Rank& rank = ranks_[r];
        if (!rank.watched || rank.ever_heard || rank.has_left || rank.told) continue;
        rank.told = true;
        found.push_back(static_cast<int>(r));
    }
    return found;
}

}  // namespace lapatlas
