#include <cstdio>
#include <cstring>
#include <exception>

#include "dist/environment.hpp"
#include "tests/bench/benches.hpp"

namespace {

struct Bench {
    const char* name;
    const char* what;
    int (*run)(const lapatlas::Communicator& comm, const std::vector<std::string>& arguments);
};

constexpr Bench kBenches[] = {
    {"counts", "exact Poisson and negative-binomial draws", lapatlas::bench::counts},
    {"kernels", "hot kernels beside what a core can do: [--output=PAGE.html]", lapatlas::bench::kernels},
    {"marginal", "gene-wise independent draws per type as an atlas: RUN OUTPUT.h5ad",
     lapatlas::bench::marginal},
#ifdef LAPATLAS_CUDA
    {"gpu", "what runs on a GPU beside LibTorch: [RUN ...]", lapatlas::bench::gpu},
#endif
    {"neighbours", "approximate neighbours: PREPARED.h5 K RECALL [PROBES [LISTS]]",
     lapatlas::bench::neighbours},
    {"scaling", "whole-graph steps as a point of a scaling study: PREPARED.h5 OUT.json",
     lapatlas::bench::scaling},
    {"encodings", "positional encodings of a prepared graph: PREPARED.h5 [COUNT [RESIDUAL]]",
     lapatlas::bench::encodings},
    {"sampler", "a trained model's sampler beside 1,000 ancestral steps: CHECKPOINT.h5",
     lapatlas::bench::sampler},
    {"link", "what a link between ranks does and what it takes of a core: [CALLS=7]", lapatlas::bench::link},
    {"points", "study points for other numbers of ranks: MEASURED.point.json FOLDER --ranks=...",
     lapatlas::bench::points},
    {"skeleton", "the messages of a study point with this MPI: POINT.json OUT.json",
     lapatlas::bench::skeleton},
    {"collate", "a study as one page: FOLDER REPORT.html", lapatlas::bench::collate},
    {"stages", "stages by the number of cells: CELLS=LOG.jsonl ... [--output=PAGE.html]",
     lapatlas::bench::stages},
    {"writing", "an atlas's counts written again: ATLAS.h5ad COPY.h5ad", lapatlas::bench::writing},
    {"step", "training steps: PREPARED.h5 [--steps=N] [--section.key=value ...]", lapatlas::bench::step},
};

}  // namespace

int main(int argc, char** argv) {
    const lapatlas::MpiEnvironment mpi(argc, argv);
    const auto world = lapatlas::Communicator::world();
    const std::vector<std::string> arguments(argv + std::min(argc, 2), argv + argc);
    try {
        for (const Bench& bench : kBenches)
            if (argc >= 2 && std::strcmp(argv[1], bench.name) == 0) return bench.run(world, arguments);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s [rank %d]\n", error.what(), world.rank());
        lapatlas::abort_all_ranks(2);
    }
    if (world.is_root()) {
        std::printf("lapatlas-bench NAME, one of\n");
        for (const Bench& bench : kBenches) std::printf("  %-10s %s\n", bench.name, bench.what);
    }
    return 2;
}
