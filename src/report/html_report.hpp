#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "src/report/svg_canvas.hpp"

namespace lapatlas {

/// One of the few numbers at the top of the page.
struct Headline {
    std::string value;  ///< "0.62 ± 0.03"
    std::string label;  ///< "random forest AUC"
    std::string note;   ///< "real cells: 0.49 ± 0.03"
};

/// Plots that belong together, with a sentence that says how to read them.
struct PlotGroup {
    std::string heading;
    std::string text;
    std::vector<Picture> pictures;
    std::vector<std::pair<std::string, std::string>> legend;  ///< shared: name, colour
};

struct ReportTable {
    std::string heading;
    std::string text;
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;  ///< as many cells as columns each
};

/// All that the page shows, as plain data. Empty parts are left out.
struct ReportInput {
    std::string title;
    std::string subtitle;
    std::vector<Headline> headlines;
    std::vector<std::string> warnings;
    std::vector<PlotGroup> groups;
    std::vector<ReportTable> tables;
    std::vector<std::pair<std::string, std::string>> provenance;
    std::string command;  ///< the exact command line that repeats the run
};

/// The page: one self-contained HTML document (inline style and SVG, no script, no network).
std::string render_report(const ReportInput& input);

/// Every picture of the page as a file of its own: "01-real-cells-by-type.svg", in the colours of paper.
std::vector<std::pair<std::string, std::string>> standalone_figures(const ReportInput& input);

/// Rank-local. Writes the page, and its figures into the folder `figures` beside it, each under a temporary
/// name that is then changed. Throws InputError or ResourceError when
/// the file cannot be written.
void write_report(const std::filesystem::path& path, const ReportInput& input);

}  // namespace lapatlas
