#include "src/run_status.hpp"

#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dist/error.hpp"
#include "src/run_history.hpp"

namespace lapatlas {

namespace {

/// A status is renewed every few seconds; validation, METIS and the like are silent for longer.
constexpr double kSilent = 600;

double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string span_text(double seconds) {
    char text[48];
    const auto whole = static_cast<long>(std::max(0.0, seconds));
    if (whole < 120)
        std::snprintf(text, sizeof text, "%ld s", whole);
    else if (whole < 7200)
        std::snprintf(text, sizeof text, "%ld min", whole / 60);
    else
        std::snprintf(text, sizeof text, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    return text;
}

std::string line(const std::string& name, const std::string& value) {
    char head[32];
    std::snprintf(head, sizeof head, "%-11s ", name.c_str());
    return head + value + "\n";
}

std::string progress_text(const nlohmann::json& progress) {
    const auto done = progress.at("done").get<double>(), total = progress.at("total").get<double>();
    char text[160];
    std::snprintf(text, sizeof text, "%s %.0f/%.0f %s (%.0f%%), %.3g/s, left %s",
                  progress.at("what").get<std::string>().c_str(), done, total,
                  progress.at("unit").get<std::string>().c_str(), total > 0 ? 100 * done / total : 100,
                  progress.at("a_second").get<double>(),
                  span_text(progress.at("seconds_left").get<double>()).c_str());
    return text;
}

}  // namespace

std::string run_status(const RunFolder& run) {
    std::ifstream file(run.status());
    if (!file)
        throw InputError(run.dir.string() +
                         ": no status.json in it: not a run's folder, or nothing was started there yet");
    nlohmann::json status;
    try {
        file >> status;
        const double silent = now() - status.at("updated").get<double>();
        const auto state = status.at("state").get<std::string>();
        std::string text =
            line("state", state + (status.contains("why") ? ": " + status.at("why").get<std::string>() : ""));
        text += line("stage",
                     status.at("command").get<std::string>() + ", " + status.at("stage").get<std::string>());
        if (status.contains("progress")) {
            text += line("progress", progress_text(status.at("progress")));
            if (const auto note = status.at("progress").at("note").get<std::string>(); !note.empty())
                text += line("", note);
        }
        text += line("running", span_text(status.at("seconds").get<double>()) + " on " +
                                    std::to_string(status.at("ranks").get<int>()) + " ranks, process " +
                                    std::to_string(status.at("process").get<int>()) + " on " +
                                    status.at("host").get<std::string>());
        if (status.contains("job"))
            text += line("job", status.at("job").get<std::string>() + " on " +
                                    status.at("nodes").get<std::string>() + ", put back " +
                                    std::to_string(status.at("restarts").get<int>()) + " times");
        struct stat checkpoint {};
        if (stat(run.checkpoint().c_str(), &checkpoint) == 0)
            text += line("checkpoint", span_text(now() - static_cast<double>(checkpoint.st_mtime)) + " ago");
        for (const StageRecord& record : read_history(run.history()))
            text += line(record.stage, record.text() + (record.job.empty() ? "" : ", job " + record.job));
        text += line("updated", span_text(silent) + " ago");
        if (state == "running" && silent > kSilent)
            text += "No word for " + span_text(silent) +
                    ": it may have been killed. The same command goes on from what is there.\n";
        return text;
    } catch (const nlohmann::json::exception& error) {
        throw InputError(run.status().string() + ": not a status of LapAtlas (" + error.what() + ")");
    }
}

}  // namespace lapatlas
