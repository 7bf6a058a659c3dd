// Run by SimGrid's smpirun: lapatlas-skeleton POINT.json OUT.json [STEPS]
#include <mpi.h>

#include <cstdio>
#include <string>

#include "dist/error.hpp"
#include "tests/bench/scaling/skeleton.hpp"

int main(int argc, char** argv) {
    using namespace lapatlas;
    MPI_Init(&argc, &argv);
    int status = 0;
    try {
        if (argc < 3) throw InputError("lapatlas-skeleton POINT.json OUT.json [STEPS]");
        const Communicator world = Communicator::world();
        const bench::StudyPoint point = bench::read_point(argv[1]);
        bench::StepFigures figures = bench::run_skeleton(world, point, argc > 3 ? std::stoi(argv[3]) : 2);
        figures.series = point.series;
        figures.kind = point.extrapolated ? "extrapolated" : "simulated";
        if (world.is_root()) bench::write_figures(argv[2], figures);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        status = 1;
        MPI_Abort(MPI_COMM_WORLD, status);
    }
    MPI_Finalize();
    return status;
}
