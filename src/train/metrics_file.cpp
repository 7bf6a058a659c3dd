#include "src/train/metrics_file.hpp"

#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "dist/durable_file.hpp"
#include "dist/error.hpp"

namespace lapatlas {

namespace {

constexpr const char* kHeader =
    "phase,step,epoch,loss,reconstruction,kl,diffusion,validation_reconstruction,validation_kl,gradient_norm,"
    "learning_rate,cells_per_second,edges_changed,halo_wait_seconds,reduce_wait_seconds,seconds,rank_hours";

/// The numbers of a row in the order of the header, behind phase and step.
constexpr std::array<double MetricsRow::*, 15> kNumbers = {&MetricsRow::epoch,
                                                           &MetricsRow::loss,
                                                           &MetricsRow::reconstruction,
                                                           &MetricsRow::kl,
                                                           &MetricsRow::diffusion,
                                                           &MetricsRow::validation_reconstruction,
                                                           &MetricsRow::validation_kl,
                                                           &MetricsRow::gradient_norm,
                                                           &MetricsRow::learning_rate,
                                                           &MetricsRow::cells_per_second,
                                                           &MetricsRow::edges_changed,
                                                           &MetricsRow::halo_wait_seconds,
                                                           &MetricsRow::reduce_wait_seconds,
                                                           &MetricsRow::seconds,
                                                           &MetricsRow::rank_hours};

std::string line_of(const MetricsRow& row) {
    std::ostringstream line;
    line.precision(8);
    line << row.phase << ',' << row.step;
    for (const auto number : kNumbers) {
        line << ',';
        if (!std::isnan(row.*number)) line << row.*number;
    }
    return line.str();
}

}  // namespace

MetricsRow empty_metrics(const std::string& phase, std::int64_t step) {
    MetricsRow row{};
    row.phase = phase;
    row.step = step;
    for (const auto number : kNumbers) row.*number = std::numeric_limits<double>::quiet_NaN();
    return row;
}

MetricsFile::MetricsFile(std::filesystem::path path, std::int64_t joint_steps_kept,
                         std::int64_t score_steps_kept)
    : path_(std::move(path)) {
    std::vector<MetricsRow> kept;
    if (std::filesystem::exists(path_) && (joint_steps_kept > 0 || score_steps_kept > 0)) {
        for (const MetricsRow& row : read_metrics(path_))
            if (row.step <= (row.phase == "joint" ? joint_steps_kept : score_steps_kept)) kept.push_back(row);
    }
    if (!kept.empty()) {
        seconds_before_ = kept.back().seconds;
        rank_hours_before_ = kept.back().rank_hours;
    }
    std::string text = std::string(kHeader) + '\n';
    for (const MetricsRow& row : kept) text += line_of(row) + '\n';
    write_whole_file(path_, text);
}

void MetricsFile::append(const MetricsRow& row) {
    std::ofstream file(path_, std::ios::app);
    file << line_of(row) << '\n';
    file.flush();
    if (!file) throw ResourceError(path_.string() + ": cannot be written; is the disk full?");
}

std::vector<MetricsRow> read_metrics(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string line;
    if (!file || !std::getline(file, line) || line != kHeader)
        throw InputError(path.string() + ": no metrics of LapAtlas");
    std::vector<MetricsRow> rows;
    while (std::getline(file, line)) {
        if (file.eof()) break;  // no end of line: the row that a killed run was writing
        std::istringstream cells(line);
        std::string cell;
        MetricsRow row = empty_metrics("", 0);
        try {
            std::getline(cells, row.phase, ',');
            std::getline(cells, cell, ',');
            row.step = std::stoll(cell);
            for (const auto number : kNumbers)
                if (std::getline(cells, cell, ',') && !cell.empty()) row.*number = std::stod(cell);
        } catch (const std::exception&) {
            throw InputError(path.string() + ", line " + std::to_string(rows.size() + 2) +
                             ": not a row of metrics");
        }
        rows.push_back(row);
    }
    return rows;
}

}  // namespace lapatlas
