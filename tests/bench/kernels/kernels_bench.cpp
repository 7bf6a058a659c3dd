// The product's hot kernels beside what the core can do: its roofline.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "dist/timer.hpp"
#include "src/report/html_report.hpp"
#include "tests/bench/bench_options.hpp"
#include "tests/bench/bench_table.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/kernels/kernel_cases.hpp"

namespace lapatlas::bench {

namespace {

/// Seconds of the fastest of some calls.
double fastest(const std::function<void()>& call, int calls) {
    double best = 1e300;
    for (int i = 0; i < calls; ++i) {
        const Timer timer;
        call();
        best = std::min(best, timer.seconds());
    }
    return best;
}

/// Float operations a second of one core: multiplications and additions in registers alone.
double peak_operations() {
    using Lane = float __attribute__((vector_size(64)));
    constexpr int kChains = 12, kRounds = 200'000;
    Lane sums[kChains] = {};
    volatile float seed = 1.0000001F;
    const Lane factor = Lane{} + seed;
    for (Lane& sum : sums) sum = factor;
    const double seconds = fastest(
        [&] {
            Lane kept[kChains];  // in registers: nobody else knows of it
            std::copy(std::begin(sums), std::end(sums), std::begin(kept));
            for (int round = 0; round < kRounds; ++round)
                for (Lane& sum : kept) sum = sum * factor + factor;
            std::copy(std::begin(kept), std::end(kept), std::begin(sums));
        },
        5);
    float kept = 0;
    for (const Lane& sum : sums) kept += sum[0];
    volatile float sink = kept;
    static_cast<void>(sink);
    return 2.0 * 16 * kChains * kRounds / seconds;
}

/// Bytes a second of one core: the triad of STREAM (McCalpin) far beyond the caches.
double stream_bandwidth() {
    constexpr std::size_t kSize = std::size_t{1} << 25;
    std::vector<float> a(kSize, 1), b(kSize, 2), c(kSize, 3);
    const double seconds = fastest(
        [&] {
            for (std::size_t i = 0; i < kSize; ++i) a[i] = b[i] + 3 * c[i];
        },
        5);
    return 12.0 * kSize / seconds;
}

}  // namespace

int kernels(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (comm.size() > 1) throw ConfigError("lapatlas-bench kernels: on one rank");
    Config config;
    const BenchOptions options(arguments, 0, config, {{"scale", "16"}, {"calls", "9"}, {"output", ""}});
    const double peak = peak_operations(), bandwidth = stream_bandwidth();
    ReportTable table{"Kernels",
                      "Fastest of some calls, on one core. The roof of a kernel is what the core's "
                      "arithmetic or its memory "
                      "allows, whichever is less, were every input read and every output written once.",
                      {"kernel", "input", "ms", "Gflop/s", "GB/s", "roof by", "share of the roof"},
                      {}};
    std::printf("one core: %.0f Gflop/s in registers, %.1f GB/s from memory\n", peak / 1e9, bandwidth / 1e9);
    for (const KernelCase& kernel : kernel_cases(static_cast<int>(options.number("scale")))) {
        kernel.call();
        if (const std::string wrong = kernel.check(); !wrong.empty()) {
            std::printf("%s: wrong result (%s): no time\n", kernel.name.c_str(), wrong.c_str());
            return 1;
        }
        const double seconds = fastest(kernel.call, static_cast<int>(options.number("calls")));
        const double by_operations = kernel.operations / peak, by_bytes = kernel.bytes / bandwidth;
        table.rows.push_back({kernel.name, kernel.what, formatted(seconds * 1e3, "%.3f"),
                              formatted(kernel.operations / seconds / 1e9, "%.1f"),
                              formatted(kernel.bytes / seconds / 1e9, "%.2f"),
                              by_operations > by_bytes ? "arithmetic" : "memory",
                              formatted(100 * std::max(by_operations, by_bytes) / seconds, "%.0f %%")});
        std::string line;
        for (const std::string& cell : table.rows.back()) line += (line.empty() ? "" : "  ") + cell;
        std::printf("%s\n", line.c_str());
    }
    if (options["output"].empty()) return 0;
    ReportInput report;
    report.title = "Kernels of LapAtlas";
    report.headlines = {{formatted(peak / 1e9, "%.0f Gflop/s"), "one core, in registers", ""},
                        {formatted(bandwidth / 1e9, "%.1f GB/s"), "one core, STREAM triad", ""}};
    report.tables = {table};
    write_report(options["output"], report);
    std::vector<std::vector<std::string>> rows{table.columns};
    rows.insert(rows.end(), table.rows.begin(), table.rows.end());
    write_csv_beside(options["output"], rows);
    return 0;
}

}  // namespace lapatlas::bench
