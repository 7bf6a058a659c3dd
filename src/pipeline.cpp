#include "src/config/options.hpp"
