#include "src/plan/plan_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "dist/memory_use.hpp"

namespace lapatlas {

namespace {

[[gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

std::string duration_text(double seconds) {
    if (seconds < 90) return formatted("%.0f s", seconds);
    if (seconds < 5400) return formatted("%.0f min", seconds / 60);
    return formatted("%.1f h", seconds / 3600);
}

std::string stage_line(const char* stage, const StageMemoryPlan& plan) {
    const double host = StageMemoryPlan::total(plan.host), device = StageMemoryPlan::total(plan.device);
    std::string text =
        formatted("  %-9s %9s   ", stage, bytes_text(host).c_str()) + items_text(plan.host) + "\n";
    if (!plan.device.empty())
        text +=
            formatted("  %-9s %9s   ", "  GPU", bytes_text(device).c_str()) + items_text(plan.device) + "\n";
    return text;
}

std::string slurm_lines(const Workload& work, double memory_a_rank, double seconds) {
    const int nodes = (work.ranks + work.ranks_a_machine - 1) / work.ranks_a_machine;
    // What was planned is right to a fifth, and SLURM kills what takes more than it asked for.
    const double gibibytes = 1.25 * memory_a_rank * work.ranks_a_machine / (1 << 30);
    std::string text = "SLURM\n";
    text += formatted("  #SBATCH --nodes=%d\n", nodes);
    text += formatted("  #SBATCH --ntasks=%d\n", work.ranks);
    text += formatted("  #SBATCH --ntasks-per-node=%d\n", work.ranks_a_machine);
    if (work.config.runtime.threads > 0)
        text += formatted("  #SBATCH --cpus-per-task=%lld\n",
                          static_cast<long long>(work.config.runtime.threads));
    text += formatted("  #SBATCH --mem=%.0fG\n", std::ceil(gibibytes));
    if (work.on_gpu) text += "  #SBATCH --gpus-per-task=1\n";
    if (seconds > 0) {
        const auto minutes = static_cast<long long>(10 * std::ceil(1.5 * seconds / 600));
        text += formatted("  #SBATCH --time=%02lld:%02lld:00\n", minutes / 60, minutes % 60);
    }
    return text;
}

}  // namespace

std::string items_text(std::vector<MemoryItem> items) {
    std::stable_sort(items.begin(), items.end(),
                     [](const MemoryItem& a, const MemoryItem& b) { return a.bytes > b.bytes; });
    const double total = StageMemoryPlan::total(items);
    std::string text;
    for (const MemoryItem& item : items)
        if (item.bytes >= total / 50)
            text += (text.empty() ? "" : ", ") + item.what + " " + bytes_text(item.bytes);
    return text;
}

std::string plan_text(const Workload& work, const std::optional<MachineSpeed>& speed) {
    const Config& config = work.config;
    std::string text = formatted(
        "%.0f cells (%.0f to train on) x %.0f genes, %.0f of them in a cell\n%d rank%s, %d a machine, "
        "networks "
        "on %s\n\n",
        work.read_cells, work.train_cells, work.genes, work.nonzeros / std::max(1.0, work.cells()),
        work.ranks, work.ranks == 1 ? "" : "s", work.ranks_a_machine, work.on_gpu ? "GPUs" : "the CPU");
    text += formatted(
        "model      hidden %lld, latent %lld; %lld joint steps of %.0f cells in the graph, %lld "
        "ScoreNet steps\n\n",
        static_cast<long long>(config.model.hidden), static_cast<long long>(config.model.latent),
        static_cast<long long>(work.joint_steps()), work.active_cells(),
        static_cast<long long>(config.train.score_steps));
    const StageMemoryPlan prepare = plan_preparation_memory(work), train = plan_training_memory(work),
                          generate = plan_generation_memory(work);
    text += "memory of the fullest rank\n" + stage_line("prepare", prepare) + stage_line("train", train) +
            stage_line("generate", generate);
    const DiskPlan disk = plan_disk(work);
    text += "\ndisk       prepared data " + bytes_text(disk.prepared) + ", checkpoints " +
            bytes_text(disk.checkpoints) + ", atlas of " + formatted("%.0f cells ", work.generated_cells()) +
            bytes_text(disk.atlas) + " and as much again while it is made\n";
    double seconds = 0;
    if (speed) {
        const TimePlan time = plan_time(work, *speed);
        seconds = time.prepare + time.train + time.generate;
        text += "time       prepare " + duration_text(time.prepare) + ", train " + duration_text(time.train) +
                ", generate " + duration_text(time.generate) +
                "; evaluate takes minutes by its own options, whatever the atlas" +
                (work.ranks > 1 ? "\n           (what ranks wait for each other is not in it)\n" : "\n");
        text += formatted(
            "           by a rank's speed here: %.0f GFLOP/s dense, %.1f sparse, %.1f G graph terms/s, %.0f "
            "M "
            "likelihoods/s, %.0f M draws/s, %.0f M distances/s, %.0f MB/s packed\n",
            speed->dense / 1e9, 2 * speed->sparse / 1e9, speed->graph / 1e9, speed->likelihood / 1e6,
            speed->draws / 1e6, speed->distances / 1e6, speed->compression / 1e6);
    } else {
        text += "time       is not estimated for GPUs\n";
    }
    const double most = std::max({StageMemoryPlan::total(prepare.host), StageMemoryPlan::total(train.host),
                                  StageMemoryPlan::total(generate.host)});
    return text + "\n" + slurm_lines(work, most, seconds);
}

}  // namespace lapatlas
