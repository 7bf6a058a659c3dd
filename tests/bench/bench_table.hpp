#pragma once

#include <cstdio>
#include <filesystem>
#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include "dist/durable_file.hpp"

namespace lapatlas::bench {

/// `value` by a format of printf for one double.
inline std::string formatted(double value, const char* format) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

/// PAGE.csv beside PAGE.html, every cell quoted.
inline void write_csv_beside(std::filesystem::path page, const std::vector<std::vector<std::string>>& rows) {
    std::ostringstream text;
    for (const std::vector<std::string>& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            text << (i == 0 ? "" : ",") << std::quoted(row[i], '"', '"');
        text << '\n';
    }
    write_whole_file(page.replace_extension(".csv"), text.str());
}

}  // namespace lapatlas::bench
