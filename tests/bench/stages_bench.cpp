// Time and memory of a run's stages beside those of runs on other numbers of cells, from the logs they left.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/report/html_report.hpp"
#include "tests/bench/bench_options.hpp"
#include "tests/bench/bench_table.hpp"
#include "tests/bench/benches.hpp"

namespace lapatlas::bench {

namespace {

struct Log {
    double cells = 0;
    std::vector<std::pair<std::string, double>> seconds;  ///< of each stage, in order
    std::vector<std::pair<std::string, double>> memory;   ///< bytes in all, of each command's end
};

/// A stage's title without what differs from run to run: "read /data/a.h5ad", "generate 500 cells: b.h5ad".
std::string name_of_stage(const std::string& title) {
    std::istringstream words(title);
    std::string name;
    for (std::string word; words >> word;) {
        const bool differs = std::any_of(word.begin(), word.end(), [](unsigned char c) {
            return c == '/' || c == '.' || c == ':' || std::isdigit(c) != 0;
        });
        if (differs) break;
        name += (name.empty() ? "" : " ") + word;
    }
    return name;
}

/// "... 2.1 GiB in all" in bytes.
double bytes_in_all(const std::string& line) {
    const std::size_t comma = line.rfind(", ");
    std::istringstream text(comma == std::string::npos ? "" : line.substr(comma + 2));
    double number = 0;
    std::string unit;
    text >> number >> unit;
    return number * (unit == "GiB" ? 0x1p30 : unit == "MiB" ? 0x1p20 : 0x1p10);
}

Log read_log(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    const std::string path = argument.substr(equals + 1);
    std::ifstream file(path);
    if (!file) throw InputError(path + ": cannot be read");
    Log log;
    log.cells = std::stod(argument.substr(0, equals));
    std::string stage;
    double begin = 0, last = 0;
    const auto end_stage = [&](double end) {
        if (!stage.empty()) log.seconds.emplace_back(stage, end - begin);
        stage.clear();
    };
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        try {
            const auto json = nlohmann::json::parse(line);
            const double now = json.at("seconds").get<double>();
            const std::string text = json.at("text").get<std::string>();
            if (now < last) end_stage(last);  // another command's log follows
            if (json.at("level") == "stage") {
                end_stage(now);
                stage = name_of_stage(text);
                begin = now;
            }
            if (text.starts_with("peak memory: "))
                log.memory.emplace_back(stage.empty() ? "run" : stage, bytes_in_all(text));
            last = now;
        } catch (const nlohmann::json::exception& error) {
            throw InputError(path + ", line " + std::to_string(number) + ": not a line of --log-json (" +
                             error.what() + ")");
        }
    }
    end_stage(last);
    return log;
}

double value_of(const std::vector<std::pair<std::string, double>>& values, const std::string& name) {
    double sum = 0;
    bool found = false;
    for (const auto& [stage, value] : values)
        if (stage == name) {
            sum += value;
            found = true;
        }
    return found ? sum : std::nan("");
}

}  // namespace

int stages(const Communicator& comm, const std::vector<std::string>& arguments) {
    std::vector<std::string> logs, others;
    for (const std::string& argument : arguments)
        (argument.starts_with("--") ? others : logs).push_back(argument);
    if (logs.empty() || comm.size() > 1 || std::any_of(logs.begin(), logs.end(), [](const std::string& a) {
            return a.find('=') == std::string::npos;
        }))
        throw ConfigError(
            "on one rank: lapatlas-bench stages CELLS=LOG.jsonl ... [--output=PAGE.html]; logs as "
            "--log-json writes them");
    Config config;
    const BenchOptions options(others, 0, config, {{"output", ""}});
    std::vector<Log> runs;
    for (const std::string& argument : logs) runs.push_back(read_log(argument));
    std::sort(runs.begin(), runs.end(), [](const Log& a, const Log& b) { return a.cells < b.cells; });

    std::vector<std::string> columns{"stage"};
    for (const Log& run : runs) columns.push_back(formatted(run.cells, "%.0f cells"));
    columns.emplace_back("largest / smallest");
    const auto table_of = [&](const std::string& heading, auto member, const char* format, double scale) {
        ReportTable table{heading, "", columns, {}};
        std::vector<std::string> names;
        for (const Log& run : runs)
            for (const auto& [name, value] : run.*member)
                if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        for (const std::string& name : names) {
            std::vector<std::string> row{name};
            double least = 1e300, most = 0;
            for (const Log& run : runs) {
                const double a_cell = value_of(run.*member, name) / run.cells;
                row.push_back(std::isnan(a_cell) ? "" : formatted(a_cell * scale, format));
                if (std::isnan(a_cell)) continue;
                least = std::min(least, a_cell);
                most = std::max(most, a_cell);
            }
            row.push_back(least > 0 ? formatted(most / least, "%.2f") : "");
            table.rows.push_back(std::move(row));
        }
        return table;
    };
    const std::vector<ReportTable> tables{
        table_of("Microseconds a cell", &Log::seconds, "%.1f", 1e6),
        table_of("Bytes a cell, all ranks, at a command's peak", &Log::memory, "%.0f", 1)};
    for (const ReportTable& table : tables) {
        std::printf("%s\n", table.heading.c_str());
        for (const std::string& column : columns) std::printf("%-24s", column.c_str());
        std::printf("\n");
        for (const auto& row : table.rows) {
            for (const std::string& cell : row) std::printf("%-24s", cell.c_str());
            std::printf("\n");
        }
    }
    if (options["output"].empty()) return 0;
    ReportInput report;
    report.title = "Stages of a run by the number of cells";
    report.subtitle = "A stage whose cost grows as the work grows has the same figure in every column.";
    report.tables = tables;
    write_report(options["output"], report);
    std::vector<std::vector<std::string>> rows;
    for (const ReportTable& table : tables) {
        rows.push_back(columns);
        rows.back().front() = table.heading;
        rows.insert(rows.end(), table.rows.begin(), table.rows.end());
    }
    write_csv_beside(options["output"], rows);
    return 0;
}

}  // namespace lapatlas::bench
