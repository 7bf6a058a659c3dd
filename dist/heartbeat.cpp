#include "dist/heartbeat.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <future>
#include <random>
#include <thread>
#include <vector>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/process.hpp"

namespace lapatlas {

namespace {

using Clock = std::chrono::steady_clock;
using Token = std::array<std::uint64_t, 2>;

enum class Kind : std::int32_t { kBeat = 1, kGone, kBye, kEnd };

/// What is sent; between machines of one kind.
struct Datagram {
    Token token;  ///< of the job: others are not listened to
    Kind kind;
    std::int32_t rank;               ///< the sender, or of kGone the dead
    std::int32_t exit_code, unused;  ///< of kEnd
    std::int64_t done;
    double waiting_seconds, cpu_seconds, io_bytes;
    char task[48], waiting_in[48];
};

/// Where a rank can be reached.
struct Endpoint {
    std::int32_t pid = 0;
    std::uint64_t machine = 0, pid_space = 0, net_space = 0;
    std::uint16_t port = 0, num_addresses = 0;
    std::array<std::uint32_t, 8> addresses{};  // IPv4, network order
    char host[64] = {};
};

void copy_text(const std::string& text, std::span<char> out) {
    const std::size_t length = std::min(text.size(), out.size() - 1);
    std::copy_n(text.data(), length, out.data());
    out[length] = '\0';
}

std::string text_of(std::span<const char> bytes) {
    return {bytes.data(), strnlen(bytes.data(), bytes.size())};
}

sockaddr_in address_of(std::uint32_t ip, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ip;
    address.sin_port = htons(port);
    return address;
}

Endpoint own_endpoint(int socket) {
    Endpoint own;
    own.pid = getpid();
    own.machine = machine_id();
    own.pid_space = namespace_id("pid");
    own.net_space = namespace_id("net");
    sockaddr_in bound{};
    socklen_t length = sizeof bound;
    getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &length);
    own.port = ntohs(bound.sin_port);
    copy_text(host_name(), own.host);
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return own;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
        if ((entry->ifa_flags & IFF_UP) == 0 || (entry->ifa_flags & IFF_LOOPBACK) != 0) continue;
        if (own.num_addresses == own.addresses.size()) break;
        own.addresses[own.num_addresses++] =
            reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr.s_addr;
    }
    freeifaddrs(list);
    return own;
}

Token draw_token(const Communicator& comm) {
    Token token{};
    if (comm.is_root()) {
        std::random_device random;
        for (std::uint64_t& word : token) word = (std::uint64_t{random()} << 32) | random();
    }
    broadcast(comm, std::span<std::uint64_t>(token));
    return token;
}

}  // namespace

class Heartbeat::Thread {
  public:
    Thread(const Communicator& comm, Options options, int socket, int wake, std::vector<Endpoint> ranks,
           const Token& token)
        : rank_(comm.rank()),
          options_(std::move(options)),
          socket_(socket),
          wake_(wake),
          ranks_(std::move(ranks)),
          token_(token),
          watch_(hosts(), rank_, options_.watch, Clock::now()),
          paths_(ranks_.size()) {
        for (std::size_t r = 0; r < ranks_.size(); ++r) paths_[r] = candidates(ranks_[r]);
        // The next rank on this machine, in a ring.
        for (std::size_t step = 1; step < ranks_.size() && neighbour_ < 0; ++step) {
            const std::size_t r = (static_cast<std::size_t>(rank_) + step) % ranks_.size();
            if (sees_process_of(ranks_[r])) neighbour_ = static_cast<int>(r);
        }
        thread_ = std::thread([this] { watch(); });
    }
    ~Thread() {
        const std::uint64_t word = 1;
        if (write(wake_, &word, sizeof word) < 0) perror("eventfd");
        thread_.join();
        ::close(wake_);
        ::close(socket_);
    }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

  private:
    static constexpr double kLook = 0.25;  ///< seconds between looks at the neighbour

    std::vector<std::string> hosts() const {
        std::vector<std::string> names;
        for (const Endpoint& rank : ranks_) names.push_back(text_of(rank.host));
        return names;
    }

    const Endpoint& own() const { return ranks_[static_cast<std::size_t>(rank_)]; }
    bool is_on_loopback(const Endpoint& other) const {
        return other.machine == own().machine && other.net_space == own().net_space;
    }
    bool sees_process_of(const Endpoint& other) const {
        return other.pid_space != 0 && other.machine == own().machine && other.pid_space == own().pid_space;
    }

    /// Every address at which it may be heard; the first answer tells which one is good.
    std::vector<sockaddr_in> candidates(const Endpoint& other) const {
        if (is_on_loopback(other)) return {address_of(htonl(INADDR_LOOPBACK), other.port)};
        std::vector<sockaddr_in> found;
        for (std::size_t i = 0; i < other.num_addresses; ++i)
            found.push_back(address_of(other.addresses[i], other.port));
        return found;
    }

    void watch() {
        const double beat_seconds = std::min(1.0, options_.watch.silent_seconds / 5);
        beat();
        auto next_beat = Clock::now(), last_turn = next_beat;
        for (;;) {
            pollfd sources[] = {{wake_, POLLIN, 0}, {socket_, POLLIN, 0}};
            poll(sources, 2, static_cast<int>(1000 * std::min(beat_seconds, kLook)));
            const auto now = Clock::now();
            if (std::chrono::duration<double>(now - last_turn).count() > options_.watch.silent_seconds / 3) {
                watch_.slept(now);
                Activity::restart_wait();
            }
            last_turn = now;
            if (sources[0].revents != 0) break;
            receive(now);
            if (is_over_) return;
            if (now >= next_beat) {
                beat();
                try_other_paths(now);
                next_beat = now + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(beat_seconds));
            }
            look_at_neighbour();
            judge(now);
            if (is_over_) return;
        }
        // Datagrams may be lost.
        for (int time = 0; time < 3; ++time) to_those_who_watch(message(Kind::kBye, rank_));
    }

    Datagram message(Kind kind, int rank) const {
        Datagram datagram{};
        datagram.token = token_;
        datagram.kind = kind;
        datagram.rank = rank;
        const Activity::Snapshot activity = Activity::now();
        datagram.done = activity.done;
        datagram.waiting_seconds = activity.waiting_seconds;
        datagram.cpu_seconds = process_cpu_seconds();
        datagram.io_bytes = process_io_bytes();
        copy_text(activity.task, datagram.task);
        copy_text(activity.waiting_in, datagram.waiting_in);
        return datagram;
    }

    void send(const Datagram& datagram, std::size_t to) const {
        for (const sockaddr_in& path : paths_[to])
            sendto(socket_, &datagram, sizeof datagram, MSG_DONTWAIT | MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&path), sizeof path);
    }
    void to_all(const Datagram& datagram) const {
        for (std::size_t r = 0; r < ranks_.size(); ++r)
            if (static_cast<int>(r) != rank_) send(datagram, r);
    }
    void to_those_who_watch(const Datagram& datagram) const {
        if (rank_ == 0)
            to_all(datagram);
        else
            send(datagram, 0);
    }
    void beat() const { to_those_who_watch(message(Kind::kBeat, rank_)); }

    /// Of several networks between two machines the one that has carried the signs may fail alone.
    void try_other_paths(Clock::time_point now) {
        for (std::size_t r = 0; r < ranks_.size(); ++r)
            if (watch_.is_quiet(static_cast<int>(r), options_.watch.silent_seconds / 4, now))
                paths_[r] = candidates(ranks_[r]);
    }

    void receive(Clock::time_point now) {
        Datagram datagram{};
        sockaddr_in from{};
        socklen_t length = sizeof from;
        while (recvfrom(socket_, &datagram, sizeof datagram, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from),
                        &length) == static_cast<ssize_t>(sizeof datagram)) {
            length = sizeof from;
            if (datagram.token != token_ || datagram.rank < 0 ||
                datagram.rank >= static_cast<int>(ranks_.size()))
                continue;
            hear(datagram, from, now);
            if (is_over_) return;
        }
    }

    void hear(const Datagram& datagram, const sockaddr_in& from, Clock::time_point now) {
        switch (datagram.kind) {
            case Kind::kBeat:
                paths_[static_cast<std::size_t>(datagram.rank)].assign(1, from);
                watch_.heard(datagram.rank,
                             {{text_of(datagram.task), datagram.done, text_of(datagram.waiting_in),
                               datagram.waiting_seconds},
                              datagram.cpu_seconds,
                              datagram.io_bytes},
                             now);
                break;
            case Kind::kGone:
                watch_.gone(datagram.rank);
                break;
            case Kind::kBye:
                watch_.left(datagram.rank);
                if (datagram.rank == neighbour_) neighbour_ = -1;
                break;
            case Kind::kEnd:
                end_process(datagram.exit_code);
                break;
        }
    }

    /// A rank that ended in good order has said so to rank 0, which then does not mind.
    void look_at_neighbour() {
        if (neighbour_ < 0) return;
        const Endpoint& other = ranks_[static_cast<std::size_t>(neighbour_)];
        if (kill(other.pid, 0) == 0 || errno != ESRCH) return;
        to_all(message(Kind::kGone, neighbour_));
        watch_.gone(neighbour_);
        neighbour_ = -1;
    }

    void judge(Clock::time_point now) {
        for (const int silent : watch_.never_heard(now))
            if (options_.on_warning)
                options_.on_warning("no heartbeats come through from rank " + std::to_string(silent) +
                                    " on " + text_of(ranks_[static_cast<std::size_t>(silent)].host) +
                                    " (UDP, any port); should it die, only MPI and SLURM can tell");
        const auto verdict =
            watch_.verdict({Activity::now(), process_cpu_seconds(), process_io_bytes()}, now);
        if (!verdict) {
            found_ = {};
            return;
        }
        // Rank 0 speaks first; the others one after the other, unless somebody has before them. What is no
        // sudden death must hold for a while: signs may be on their way.
        constexpr double kTurn = 1, kHold = 5;
        const bool has_died = verdict->fate == RankWatch::Fate::kDied;
        const double hold = has_died ? 0 : std::min(kHold, options_.watch.silent_seconds / 5);
        if (found_ == Clock::time_point()) found_ = now;
        if (std::chrono::duration<double>(now - found_).count() < hold + kTurn * std::min(rank_, 20)) return;
        Datagram end = message(Kind::kEnd, rank_);
        end.exit_code = has_died ? 1 : kStoppedExitCode;
        for (int time = 0; time < 3; ++time) to_all(end);
        tell(verdict->line);
        end_process(end.exit_code);
    }

    /// The file system that does not answer may be the one that the line goes to.
    void tell(const std::string& line) const {
        if (!options_.on_end) return;
        const auto told = std::make_shared<std::promise<void>>();
        std::thread([on_end = options_.on_end, line, told] {
            on_end(line);
            told->set_value();
        }).detach();
        told->get_future().wait_for(std::chrono::seconds(2));
    }

    /// Renamed when it is whole; processes of one machine write the same.
    void leave_mark(int exit_code) const {
        if (options_.end_mark.empty()) return;
        const std::string part = options_.end_mark + "." + std::to_string(rank_);
        std::FILE* file = std::fopen(part.c_str(), "w");
        if (file == nullptr) return;
        std::fprintf(file, "%d\n", exit_code);
        if (std::fclose(file) == 0) std::rename(part.c_str(), options_.end_mark.c_str());
    }

    void end_process(int exit_code) {
        is_over_ = true;
        leave_mark(exit_code);
        if (options_.end_process)
            options_.end_process(exit_code);
        else
            _exit(exit_code);
    }

    int rank_;
    Options options_;
    int socket_, wake_;
    std::vector<Endpoint> ranks_;
    Token token_;
    RankWatch watch_;
    std::vector<std::vector<sockaddr_in>> paths_;
    int neighbour_ = -1;
    Clock::time_point found_;
    bool is_over_ = false;
    std::thread thread_;
};

Heartbeat::Heartbeat(const Communicator& comm, Options options) {
    if (comm.size() == 1 || options.watch.silent_seconds <= 0) return;
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int wake = eventfd(0, EFD_CLOEXEC);
    const sockaddr_in anywhere = address_of(htonl(INADDR_ANY), 0);
    const bool bound = socket >= 0 && wake >= 0 &&
                       bind(socket, reinterpret_cast<const sockaddr*>(&anywhere), sizeof anywhere) == 0;
    if (all_reduce_min(comm, bound ? 1 : 0) == 0) {
        if (socket >= 0) ::close(socket);
        if (wake >= 0) ::close(wake);
        if (options.on_warning && comm.is_root())
            options.on_warning("no socket for heartbeats: a rank that dies is told by MPI and SLURM alone");
        return;
    }
    std::vector<Endpoint> ranks = all_gather(comm, own_endpoint(socket));
    thread_ =
        std::make_unique<Thread>(comm, std::move(options), socket, wake, std::move(ranks), draw_token(comm));
}

Heartbeat::Heartbeat(Heartbeat&&) noexcept = default;
Heartbeat::~Heartbeat() = default;

}  // namespace lapatlas
