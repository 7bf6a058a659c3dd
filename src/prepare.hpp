#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/derived.hpp"
#include "src/io/prepared_file.hpp"

namespace lapatlas {

/// Collective. Counts to graph (LapDDPM 3.1): reads config.input, filters, splits, PCA, neighbours, METIS
/// clusters, positional encodings; writes one rank-count-independent dataset at `path`, and beside it
/// split.csv, which names the part of each cell. Held-out cells
/// (validation, test) never enter gene choice, PCA, graph or encodings: they get directed edges to their
/// nearest training cells and extended encodings.
///
/// PCA, neighbours and encodings compute where `backend` does: on GPUs with the CPU's edges and, up to
/// rounding, its other results.
///
/// Returns the configuration with what the data's size decides filled in (derive_from_size), which the
/// dataset is prepared with.
Config prepare(const Backend& backend, const Config& config, const std::filesystem::path& path,
               const std::map<std::string, std::string>& provenance, Log& log);

/// Whether the option "section.key" decides what prepare writes.
bool decides_preparation(const std::string& name);

/// Of every option that decides what prepare writes; where the input lies does not.
std::string prepare_fingerprint(const Config& config);

/// The size of a prepared dataset.
DataSize size_of(const PreparedSummary& summary);

/// Rank-local. Whether a prepared dataset's fingerprint is of these options and of this input (by its files'
/// sizes and times; where the input is no longer there, the options decide).
bool is_prepared_for(const std::string& fingerprint, const Config& config);

}  // namespace lapatlas
