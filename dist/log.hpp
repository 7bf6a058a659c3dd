#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace lapatlas {

/// What the run says. Rank 0 alone prints; other ranks hold a silent log. Progress goes to stderr as a bar
/// with rate and time left on a terminal and as plain lines, no more than one every few seconds, elsewhere.
class Log {
  public:
    struct Options {
        bool speaks = true;               ///< false on every rank but the first
        bool quiet = false;               ///< warnings and errors only
        std::filesystem::path json_path;  ///< one JSON object a line; empty: none
    };
    explicit Log(const Options& options);
    static Log silent() { return Log(Options{false, true, {}}); }

    /// A stage begins ("kNN graph"); info lines after it belong to it.
    void stage(const std::string& title);
    void info(const std::string& line);
    /// Printed as "warning: ..." and kept, so that a run can end with the list.
    void warning(const std::string& line);
    const std::vector<std::string>& warnings() const { return warnings_; }
    /// From now on `file` holds one line of JSON that says what is going on, never more than a few seconds
    /// old while there is progress. `about`: a JSON object whose entries go into it too.
    void keep_status(std::filesystem::path file, std::string about = "{}");
    /// The last line: "done", "stopped" or "failed", and why.
    void end_status(const std::string& state, const std::string& why = {});

    class Progress;
    friend class Progress;

  private:
    struct Advance;
    void json(const std::string& level, const std::string& text);
    void write_status(const std::string& state, const std::string& why, const Advance* advance);
    void clear_bar();

    Options options_;
    bool is_terminal_ = false;
    bool bar_shown_ = false;
    std::string stage_;
    std::vector<std::string> warnings_;
    std::unique_ptr<std::ofstream> json_;
    std::filesystem::path status_path_;
    std::string status_about_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Progress of one loop of `total` units ("cells", "steps").
class Log::Progress {
  public:
    Progress(Log& log, std::string what, std::string unit, std::int64_t total);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    /// `done` units so far; `note` is shown behind (e.g. the loss).
    void update(std::int64_t done, const std::string& note = {});

  private:
    Log& log_;
    std::string what_, unit_, counted_;
    std::int64_t total_, done_ = 0;
    std::string note_;
    std::chrono::steady_clock::time_point start_, shown_;
    std::chrono::steady_clock::time_point told_;
    Advance advance() const;
    void show(bool last);
};

}  // namespace lapatlas
