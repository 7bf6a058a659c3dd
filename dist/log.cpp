#include "dist/log.hpp"

#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>

#include "dist/activity.hpp"
#include "dist/error.hpp"

namespace lapatlas {

namespace {

using Clock = std::chrono::steady_clock;

/// Of the status: the thread that watches over the ranks (dist/heartbeat.hpp) writes its last line.
std::mutex status_mutex;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string clock_text(double seconds) {
    const auto whole = static_cast<std::int64_t>(seconds + 0.5);
    char text[32];
    if (whole >= 3600)
        std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", static_cast<long>(whole / 3600),
                      static_cast<long>(whole / 60 % 60), static_cast<long>(whole % 60));
    else
        std::snprintf(text, sizeof text, "%ld:%02ld", static_cast<long>(whole / 60),
                      static_cast<long>(whole % 60));
    return text;
}

}  // namespace

/// How far a loop has come.
struct Log::Advance {
    std::string what, unit, note;
    std::int64_t done = 0, total = 0;
    double rate = 0;          ///< units a second
    double seconds_left = 0;  ///< at that rate
};

Log::Log(const Options& options) : options_(options), is_terminal_(isatty(STDERR_FILENO) == 1) {
    if (!options_.speaks || options_.json_path.empty()) return;
    json_ = std::make_unique<std::ofstream>(options_.json_path, std::ios::app);
    if (!*json_)
        throw InputError(options_.json_path.string() + ": cannot be written; choose another --log-json");
}

void Log::json(const std::string& level, const std::string& text) {
    if (!json_) return;
    const nlohmann::json line = {
        {"seconds", seconds_since(start_)}, {"level", level}, {"stage", stage_}, {"text", text}};
    *json_ << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

void Log::keep_status(std::filesystem::path file, std::string about) {
    if (!options_.speaks) return;
    std::unique_lock lock(status_mutex);
    status_path_ = std::move(file);
    status_about_ = std::move(about);
    lock.unlock();
    write_status("running", {}, nullptr);
}

void Log::end_status(const std::string& state, const std::string& why) { write_status(state, why, nullptr); }

/// Replaced as a whole, so that nobody reads half a line. A status that cannot be written harms nothing else.
void Log::write_status(const std::string& state, const std::string& why, const Advance* advance) {
    const std::lock_guard lock(status_mutex);
    if (status_path_.empty()) return;
    nlohmann::json line = nlohmann::json::parse(status_about_);
    line["state"] = state;
    if (!why.empty()) line["why"] = why;
    line["stage"] = stage_;
    line["seconds"] = seconds_since(start_);
    line["updated"] =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    if (advance != nullptr)
        line["progress"] = {{"what", advance->what},     {"unit", advance->unit},
                            {"done", advance->done},     {"total", advance->total},
                            {"a_second", advance->rate}, {"seconds_left", advance->seconds_left},
                            {"note", advance->note}};
    const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    const std::filesystem::path draft = status_path_.string() + ".partial";
    std::ofstream file(draft);
    file << text;
    file.close();
    std::error_code ignored;
    if (file) {
        std::filesystem::rename(draft, status_path_, ignored);
        return;
    }
    // On a full disk the room of the line before is there still.
    std::filesystem::remove(draft, ignored);
    if (std::filesystem::exists(status_path_, ignored)) std::ofstream(status_path_) << text;
}

void Log::clear_bar() {
    if (bar_shown_) std::fputs("\r\033[K", stderr);
    bar_shown_ = false;
}

void Log::stage(const std::string& title) {
    {
        const std::lock_guard lock(status_mutex);
        stage_ = title;
    }
    Activity::at(title);
    if (!options_.speaks) return;
    json("stage", title);
    write_status("running", {}, nullptr);
    if (options_.quiet) return;
    clear_bar();
    std::fprintf(stderr, "[%s] %s\n", clock_text(seconds_since(start_)).c_str(), title.c_str());
}

void Log::info(const std::string& line) {
    if (!options_.speaks) return;
    json("info", line);
    if (options_.quiet) return;
    clear_bar();
    std::fprintf(stderr, "       %s\n", line.c_str());
}

void Log::warning(const std::string& line) {
    warnings_.push_back(line);
    if (!options_.speaks) return;
    json("warning", line);
    clear_bar();
    std::fprintf(stderr, "warning: %s\n", line.c_str());
}

Log::Progress::Progress(Log& log, std::string what, std::string unit, std::int64_t total)
    : log_(log),
      what_(std::move(what)),
      unit_(std::move(unit)),
      counted_(what_ + " " + unit_),
      total_(total),
      start_(Clock::now()),
      shown_(start_),
      told_(start_) {}

Log::Progress::~Progress() { show(true); }

Log::Advance Log::Progress::advance() const {
    const double elapsed = seconds_since(start_);
    Advance advance{what_, unit_, note_, done_, total_};
    if (elapsed > 0) advance.rate = static_cast<double>(done_) / elapsed;
    if (advance.rate > 0) advance.seconds_left = static_cast<double>(total_ - done_) / advance.rate;
    return advance;
}

void Log::Progress::update(std::int64_t done, const std::string& note) {
    constexpr double kTold = 2;
    done_ = done;
    note_ = note;
    Activity::at(counted_, done);
    const double interval = log_.is_terminal_ ? 0.2 : 10.0;
    if (seconds_since(shown_) >= interval) show(false);
    if (log_.status_path_.empty() || seconds_since(told_) < kTold) return;
    told_ = Clock::now();
    const Advance now = advance();
    log_.write_status("running", {}, &now);
}

void Log::Progress::show(bool last) {
    if (!log_.options_.speaks || log_.options_.quiet) return;
    shown_ = Clock::now();
    const Advance now = advance();
    const double elapsed = seconds_since(start_);
    const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
    char numbers[160];
    std::snprintf(numbers, sizeof numbers, "%s %3.0f%% %ld/%ld %s, %.3g/s, %s %s", what_.c_str(), 100 * share,
                  static_cast<long>(done_), static_cast<long>(total_), unit_.c_str(), now.rate,
                  last ? "took" : "left", clock_text(last ? elapsed : now.seconds_left).c_str());
    const std::string line = std::string(numbers) + (note_.empty() ? "" : "  " + note_);
    log_.clear_bar();
    if (last || !log_.is_terminal_) {
        std::fprintf(stderr, "       %s\n", line.c_str());
    } else {
        constexpr int kWidth = 24;
        const int filled = static_cast<int>(share * kWidth);
        std::string bar(static_cast<std::size_t>(std::min(filled, kWidth)), '#');
        bar.resize(kWidth, '.');
        std::fprintf(stderr, "[%s] %s", bar.c_str(), line.c_str());
        std::fflush(stderr);
        log_.bar_shown_ = true;
    }
}

}  // namespace lapatlas
