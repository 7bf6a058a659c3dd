#pragma once

#include <string>
#include <vector>

namespace lapatlas {

/// Without blanks (space, tab, carriage return) at either end.
std::string trimmed(const std::string& text);

/// What stands between the separators, trimmed; empty parts stay.
std::vector<std::string> split_text(const std::string& text, char separator);

/// The numbers of "NUMBER,NUMBER". ConfigError, which names `option`, where one is no number from `least` on.
std::vector<double> numbers_of_list(const std::string& list, const std::string& option, double least);

/// The shortest text that reads as the number again: "0.5", "20", "1e-06".
std::string number_text(double value);

}  // namespace lapatlas
