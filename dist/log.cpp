#include "dist/log.hpp"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

using Clock = std::chrono::steady_clock;

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

void Log::clear_bar() {
    if (bar_shown_) std::fputs("\r\033[K", stderr);
    bar_shown_ = false;
}

void Log::stage(const std::string& title) {
    stage_ = title;
    if (!options_.speaks) return;
    json("stage", title);
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
      total_(total),
      start_(Clock::now()),
      shown_(start_) {}

Log::Progress::~Progress() { show(true); }

void Log::Progress::update(std::int64_t done, const std::string& note) {
    done_ = done;
    note_ = note;
    const double interval = log_.is_terminal_ ? 0.2 : 10.0;
    if (seconds_since(shown_) >= interval) show(false);
}

void Log::Progress::show(bool last) {
    if (!log_.options_.speaks || log_.options_.quiet) return;
    shown_ = Clock::now();
    const double elapsed = seconds_since(start_);
    const double rate = elapsed > 0 ? static_cast<double>(done_) / elapsed : 0;
    const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
    const double left = rate > 0 ? static_cast<double>(total_ - done_) / rate : 0;
    char numbers[160];
    std::snprintf(numbers, sizeof numbers, "%s %3.0f%% %ld/%ld %s, %.3g/s, %s %s", what_.c_str(), 100 * share,
                  static_cast<long>(done_), static_cast<long>(total_), unit_.c_str(), rate,
                  last ? "took" : "left", clock_text(last ? elapsed : left).c_str());
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
