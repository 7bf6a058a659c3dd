#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>

#include "dist/communicator.hpp"
#include "dist/environment.hpp"

namespace {

/// Ranks other than the first say only what failed, so that no failure is lost and the log stays readable.
class FailuresOnly : public testing::EmptyTestEventListener {
  public:
    explicit FailuresOnly(int rank) : rank_(rank) {}
    void OnTestPartResult(const testing::TestPartResult& result) override {
        if (result.failed())
            std::fprintf(stderr, "[rank %d] %s:%d: %s\n", rank_,
                         result.file_name() == nullptr ? "?" : result.file_name(), result.line_number(),
                         result.summary());
    }

  private:
    int rank_;
};

}  // namespace

int main(int argc, char** argv) {
    const lapatlas::MpiEnvironment mpi(argc, argv);
    testing::InitGoogleTest(&argc, argv);
    const auto world = lapatlas::Communicator::world();
    if (!world.is_root()) {
        auto& listeners = testing::UnitTest::GetInstance()->listeners();
        delete listeners.Release(listeners.default_result_printer());
        listeners.Append(new FailuresOnly(world.rank()));
    }
    int failed = RUN_ALL_TESTS();
    // A rank must not report success while another failed.
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return failed;
}
