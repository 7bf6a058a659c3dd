#pragma once

namespace lapatlas::bench {

// Each bench first checks its result against a reference and returns 1 without a time if that fails.

/// Exact count draws, cells a second on one core, beside std::poisson_distribution.
int counts();

}  // namespace lapatlas::bench
