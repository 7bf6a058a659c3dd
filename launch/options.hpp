#pragma once

#include <string>

#include "src/config/options.hpp"

namespace lapatlas {

/// What the command line says beside the configuration itself.
struct CommandLine {
    std::string subcommand;
    std::string target;     ///< CONFIG.toml or a run's folder; empty: defaults
    std::string output;     ///< --output of generate and evaluate
    std::string generated;  ///< --generated of evaluate, or the .h5ad that is its target
    std::string
        reference;  ///< --reference of evaluate: the file of real cells; empty: a run's own test cells
    std::string log_json;
    bool quiet = false;
    bool dump_config = false;
    int parts = 0;  ///< --parts of inspect
    Config config;
};

/// Parses argv. Returns an exit code instead where nothing is left to do (--help, --version); ConfigError for
/// what it does not understand. `prints` is true on one rank only.
int parse_command_line(int argc, char** argv, bool prints, CommandLine& out);

}  // namespace lapatlas
