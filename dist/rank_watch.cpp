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
        ranks_[r].last_heard = ranks_[r].moved_at = start;
    }
}

/// A process at rest still spends a little on the thread that tells of it.
void RankWatch::move(Rank& rank, const Sign& sign, Time now) {
    constexpr double kAtRest = 0.02;
    const double spent = sign.cpu_seconds - rank.cpu_seconds;
    if (spent <= kAtRest * seconds_between(rank.moved_at, now) && spent >= 0) return;
    rank.cpu_seconds = sign.cpu_seconds;
    rank.moved_at = now;
}

void RankWatch::heard(int number, const Sign& sign, Time now) {
    Rank& rank = ranks_[static_cast<std::size_t>(number)];
    move(rank, sign, now);
    rank.ever_heard = true;
    rank.last_heard = now;
    rank.sign = sign;
}

void RankWatch::gone(int rank) { ranks_[static_cast<std::size_t>(rank)].is_gone = true; }
void RankWatch::left(int rank) { ranks_[static_cast<std::size_t>(rank)].has_left = true; }

void RankWatch::slept(Time now) {
    for (Rank& rank : ranks_) rank.last_heard = rank.moved_at = now;
}

std::string RankWatch::place(int rank, const Sign& sign) const {
    return "rank " + std::to_string(rank) + " on " + hosts_[static_cast<std::size_t>(rank)] + " (" +
           doing(sign.activity) + ")";
}

std::optional<std::string> RankWatch::dead(Time now) const {
    std::string line;
    int more = 0;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
        const Rank& rank = ranks_[r];
        if (!rank.watched || rank.has_left) continue;
        const double silent = seconds_between(rank.last_heard, now);
        const bool is_silent = rank.ever_heard && silent > options_.silent_seconds;
        if (!rank.is_gone && !is_silent) continue;
        if (!line.empty()) {
            ++more;
            continue;
        }
        line = place(static_cast<int>(r), rank.sign) +
               (rank.is_gone
                    ? " has died"
                    : " has given no sign of life for " + whole(silent) + ": it is dead, stopped or cut off");
    }
    if (line.empty()) return std::nullopt;
    if (more > 0) line += ", and so for " + std::to_string(more) + " more";
    return line;
}

/// A rank that neither waits nor uses its processor holds the others up (a file system that does not answer);
/// ranks that all wait will never come free. One that computes, however long, is left alone.
std::optional<std::string> RankWatch::stuck(Time now) const {
    int resting = -1, waiting = -1, working = 0;
    std::string waits;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
        const Rank& rank = ranks_[r];
        if (rank.has_left) continue;
        const Activity::Snapshot& activity = rank.sign.activity;
        if (!activity.waiting_in.empty() && activity.waiting_seconds > options_.stuck_seconds) {
            waiting = static_cast<int>(r);
            if (waits.size() < 300)
                waits += (waits.empty() ? "" : ", ") + place(static_cast<int>(r), rank.sign);
        } else if (activity.waiting_in.empty() &&
                   seconds_between(rank.moved_at, now) > options_.stuck_seconds) {
            if (resting < 0) resting = static_cast<int>(r);
        } else {
            ++working;
        }
    }
    if (waiting < 0) return std::nullopt;
    if (resting >= 0) {
        const Sign& sign = ranks_[static_cast<std::size_t>(resting)].sign;
        return place(resting, sign) + " has stood still for " + whole(options_.stuck_seconds) +
               " (a file system that does not answer?), and others wait for it: " + waits;
    }
    if (working > 0) return std::nullopt;
    return "all ranks have waited for one another for " + whole(options_.stuck_seconds) + ": " + waits;
}

std::optional<std::string> RankWatch::verdict(const Sign& own, Time now) {
    Rank& self = ranks_[static_cast<std::size_t>(self_)];
    move(self, own, now);
    self.sign = own;
    if (auto line = dead(now)) return line;
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
