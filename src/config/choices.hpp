#pragma once

#include <initializer_list>

namespace lapatlas {

/// The values that an option of text may have.
using Choices = std::initializer_list<const char*>;

}  // namespace lapatlas
