// Run by SimGrid's smpirun: lapatlas-skeleton POINT.json OUT.json STEPS THIN SECONDS_A_BYTE RANKS_A_NODE
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
        if (argc != 7)
            throw InputError("lapatlas-skeleton POINT.json OUT.json STEPS THIN SECONDS_A_BYTE RANKS_A_NODE");
        const Communicator world = Communicator::world();
        const bench::StudyPoint point = bench::read_point(argv[1]);
        bench::StepFigures figures = bench::run_skeleton(world, point, std::stoi(argv[3]),
                                                         {.thin = std::stoi(argv[4]),
                                                          .seconds_a_byte = std::stod(argv[5]),
                                                          .ranks_a_node = std::stoi(argv[6])});
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
