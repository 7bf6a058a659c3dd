#pragma once

#include <map>
#include <string>
#include <vector>

#include "dist/error.hpp"
#include "src/config/config.hpp"
#include "src/config/text_list.hpp"

namespace lapatlas::bench {

/// --name=value arguments: a bench's own names, with defaults, or options of the configuration.
class BenchOptions {
  public:
    /// Of the arguments after the first `skipped`. ConfigError names one that is neither.
    BenchOptions(const std::vector<std::string>& arguments, std::size_t skipped, Config& config,
                 std::map<std::string, std::string> own)
        : own_(std::move(own)) {
        for (std::size_t i = skipped; i < arguments.size(); ++i) {
            const std::string& argument = arguments[i];
            const std::size_t equals = argument.find('=');
            if (!argument.starts_with("--") || equals == std::string::npos)
                throw ConfigError("'" + argument + "' is not --name=value");
            const std::string name = argument.substr(2, equals - 2), value = argument.substr(equals + 1);
            if (const auto found = own_.find(name); found != own_.end())
                found->second = value;
            else
                set_option(config, name, value);
        }
    }
    const std::string& operator[](const std::string& name) const { return own_.at(name); }
    std::int64_t number(const std::string& name) const {
        const std::string& text = own_.at(name);
        if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos)
            throw ConfigError("--" + name + "=" + text + ": not a number");
        return std::stoll(text);
    }
    /// "2,4,8"
    std::vector<int> numbers(const std::string& name) const {
        std::vector<int> values;
        for (const std::string& part : split_text(own_.at(name), ',')) values.push_back(std::stoi(part));
        return values;
    }

  private:
    std::map<std::string, std::string> own_;
};

}  // namespace lapatlas::bench
