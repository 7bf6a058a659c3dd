#pragma once

#include <string>
#include <string_view>

namespace lapatlas {

/// Text as it may stand between tags or in a quoted attribute: markup escaped, control characters dropped.
std::string escape_html(std::string_view text);

}  // namespace lapatlas
