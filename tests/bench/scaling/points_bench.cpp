// Study points for numbers of ranks that this machine does not have, and the skeleton on ranks that it has.
#include <cstdio>

#include "dist/collectives.hpp"
#include "tests/bench/bench_options.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/scaling/rank_loads.hpp"
#include "tests/bench/scaling/skeleton.hpp"

namespace lapatlas::bench {

namespace {

struct Template {
    StudyPoint point;
    double nonzeros_a_row, loss_share;
};

Template read_template(const std::filesystem::path& path) {
    Template like{read_point(path), 0, 0};
    double rows = 0, loss = 0, nonzeros = 0;
    for (const RankLoad& load : like.point.loads) {
        rows += load.rows;
        loss += load.loss_rows;
        nonzeros += load.nonzeros;
    }
    if (rows == 0) throw InputError(path.string() + ": a study point without rows");
    like.nonzeros_a_row = nonzeros / rows;
    like.loss_share = loss / rows;
    return like;
}

void describe(const StudyPoint& point) {
    double ghosts = 0, links = 0, largest = 0, rows = 0;
    for (const RankLoad& load : point.loads) {
        const auto sent = static_cast<double>(load.sent_rows());
        ghosts += sent;
        largest = std::max(largest, sent / load.rows);
        links += static_cast<double>(load.sends.size());
        rows = std::max(rows, load.rows);
    }
    std::printf(
        "%5d ranks, %.0f cells: ghosts/own %.3f (most sent by a rank %.3f), %.1f neighbours, largest part "
        "%.3f of the "
        "mean (%s)\n",
        point.ranks(), point.cells, ghosts / point.cells, largest, links / point.ranks(),
        rows * point.ranks() / point.cells, point.placement.c_str());
}

}  // namespace

int points(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.size() < 2 || comm.size() > 1)
        throw ConfigError(
            "on one rank: lapatlas-bench points MEASURED.point.json FOLDER --ranks=4,16,64 and one of "
            "--prepared=FILE, --cells=N [--k=24 --dimensions=12 --cells-a-cluster=256], "
            "--like=POINT.json,POINT.json "
            "[--cells-a-rank=N] "
            "[--series=weak]");
    Config config;
    const BenchOptions options(arguments, 2, config,
                               {{"ranks", ""},
                                {"prepared", ""},
                                {"cells", "0"},
                                {"k", "24"},
                                {"dimensions", "12"},
                                {"cells-a-cluster", "256"},
                                {"like", ""},
                                {"cells-a-rank", "0"},
                                {"series", "weak"}});
    const Template like = read_template(arguments[0]);
    const std::filesystem::path folder = arguments[1];
    std::filesystem::create_directories(folder);
    const std::vector<int> ranks = options.numbers("ranks");
    const auto keep = [&](std::vector<RankLoad> loads, const std::string& placement, bool extrapolated) {
        StudyPoint point = like.point;
        point.series = options["series"];
        point.placement = placement;
        point.extrapolated = extrapolated;
        point.loads = std::move(loads);
        point.cells = 0;
        for (const RankLoad& load : point.loads) point.cells += load.rows;
        describe(point);
        write_point(folder / (point.series + "-" + std::to_string(point.ranks()) + ".point.json"), point);
    };
    if (!options["prepared"].empty()) {
        for (const int count : ranks)
            keep(loads_of_prepared(options["prepared"], count, like.nonzeros_a_row, like.loss_share),
                 "METIS clusters of " + options["prepared"], false);
    } else if (const std::int64_t cells = options.number("cells"); cells > 0) {
        auto all = loads_of_drawn_graph(comm, cells, options.number("k"), options.number("dimensions"),
                                        std::max<std::int64_t>(1, options.number("cells-a-cluster")), ranks,
                                        like.nonzeros_a_row, like.loss_share);
        for (std::size_t i = 0; i < all.size(); ++i)
            keep(std::move(all[i]),
                 "METIS clusters of " + options["cells-a-cluster"] + " cells of a graph drawn in " +
                     options["dimensions"] + " dimensions",
                 false);
    } else if (!options["like"].empty()) {
        std::vector<StudyPoint> known;
        for (const std::string& path : split_text(options["like"], ',')) known.push_back(read_point(path));
        for (const int count : ranks)
            keep(extrapolated_loads(known, count, static_cast<double>(options.number("cells-a-rank"))),
                 "ghosts fitted to smaller partitions", true);
    } else {
        throw ConfigError("one of --prepared, --cells and --like says where loads come from");
    }
    return 0;
}

int skeleton(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.size() < 2) throw ConfigError("lapatlas-bench skeleton POINT.json OUT.json [--steps=N]");
    Config config;
    const BenchOptions options(arguments, 2, config, {{"steps", "3"}});
    const StudyPoint point = read_point(arguments[0]);
    StepFigures figures = run_skeleton(comm, point, static_cast<int>(options.number("steps")));
    figures.series = point.series;
    figures.kind = "skeleton";
    figures.where = "this machine";
    if (!comm.is_root()) return 0;
    write_figures(arguments[1], figures);
    std::printf("%d ranks: %.3f s a step\n", figures.ranks, figures.seconds);
    return 0;
}

}  // namespace lapatlas::bench
