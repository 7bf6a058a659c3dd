#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace lapatlas::bench {

/// What one rank has to do and to send in a step: sizes only.
struct RankLoad {
    double rows = 0;
    double loss_rows = 0;  ///< whose losses count
    double nonzeros = 0;   ///< counts that the encoder sees
    double interior_edges = 0, boundary_edges = 0;
    std::vector<std::pair<int, std::int64_t>> sends{};  ///< to which rank, how many rows

    std::int64_t sent_rows() const;
};

/// Seconds of work as a sum over what a rank has.
struct Cost {
    double fixed = 0, a_row = 0, a_loss_row = 0, a_nonzero = 0, an_interior_edge = 0, a_boundary_edge = 0,
           a_sent_row = 0;

    double seconds(const RankLoad& load) const;
    Cost& operator+=(const Cost& other);
    Cost times(double factor) const;
};

/// One thing after the other that every rank does in a step.
struct Operation {
    enum class Kind {
        kCompute,  ///< `work`
        kHalo,     ///< exchange of `width` values of `bytes`: posts, `meanwhile` and `work` (interior rows),
                   ///< waits, `after` (boundary rows)
        kReady,    ///< gradients [first, last) are complete
        kFinish,   ///< waits until all gradients are summed
        kAllReduce,  ///< `width` float64
    };
    Kind kind = Kind::kCompute;
    Cost work{}, meanwhile{}, after{};
    std::int64_t width = 0, bytes = 4;
    std::int64_t first = 0, last = 0;
};

/// A step at one number of ranks, ready to be run by the skeleton.
struct StudyPoint {
    std::string series;     ///< "weak", "strong"
    std::string placement;  ///< where the loads come from, in words
    bool extrapolated = false;
    double cells = 0;  ///< training cells of all ranks
    std::vector<std::int64_t> gradients;
    std::vector<Operation> step;
    std::vector<RankLoad> loads;  // [ranks]

    int ranks() const { return static_cast<int>(loads.size()); }
};

void write_point(const std::filesystem::path& path, const StudyPoint& point);
/// InputError names the file where it is missing or not a study point.
StudyPoint read_point(const std::filesystem::path& path);

/// What was seen of a step at one number of ranks.
struct StepFigures {
    std::string series, kind;  ///< kind: "measured", "predicted", "simulated", "extrapolated"
    std::string where;         ///< machine or platform
    int ranks = 0, nodes = 0;
    double cells = 0;
    double seconds = 0;                      ///< a step, the slowest rank, median over steps
    double halo_wait = 0;                    ///< a step, mean over ranks
    double reduce_wait = 0;                  ///< a step, mean over ranks
    double halo_bytes = 0;                   ///< a step, sent by the rank that sends most
    double reduce_bytes = 0;                 ///< a step, handed over by a rank
    double messages = 0;                     ///< a step, sent by the rank that sends most
    double exchanges = 0;                    ///< a step
    double ghosts_mean = 0, ghosts_max = 0;  ///< rows a rank
    double work_mean = 0, work_max = 0;      ///< seconds a step that ranks compute
    double peak_memory = 0;                  ///< bytes, fullest rank
};

void write_figures(const std::filesystem::path& path, const StepFigures& figures);
StepFigures read_figures(const std::filesystem::path& path);

}  // namespace lapatlas::bench
