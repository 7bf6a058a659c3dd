#include <cstdio>
#include <cstring>

#include "tests/bench/benches.hpp"

namespace {

struct Bench {
    const char* name;
    const char* what;
    int (*run)();
};

constexpr Bench kBenches[] = {
    {"counts", "exact Poisson and negative-binomial draws", lapatlas::bench::counts},
};

}  // namespace

int main(int argc, char** argv) {
    for (const Bench& bench : kBenches)
        if (argc == 2 && std::strcmp(argv[1], bench.name) == 0) return bench.run();
    std::printf("lapatlas-bench NAME, one of\n");
    for (const Bench& bench : kBenches) std::printf("  %-12s %s\n", bench.name, bench.what);
    return 2;
}
