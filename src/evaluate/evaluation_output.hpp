#pragma once

#include <filesystem>
#include <string>

#include "src/evaluate/evaluation.hpp"

namespace lapatlas {

/// Rank-local. The result as JSON (schema: docs/evaluation.md), under a temporary name first and then
/// renamed. Figures that do not exist are null. Throws InputError or ResourceError when the file cannot be
/// written.
void write_evaluation_json(const std::filesystem::path& path, const EvaluationResult& result);

/// Rank-local. What write_evaluation_json wrote. Throws InputError when it is no such file.
EvaluationResult read_evaluation_json(const std::filesystem::path& path);

/// The figures as a fixed-width table for a terminal, each beside its floor; types below.
std::string evaluation_table(const EvaluationResult& result);

/// The figures alone, a line each, for spreadsheets and data frames: empty where "n/a".
void write_evaluation_csv(const std::filesystem::path& path, const EvaluationResult& result);

/// "0.523 ± 0.041", "0.523" with one repeat, "n/a" when there is none.
std::string spread_text(const Spread& spread);

}  // namespace lapatlas
