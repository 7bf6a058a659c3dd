#pragma once

#include <cstdint>
#include <string>

namespace lapatlas {

struct OutputOptions {
    std::string dir = "lapatlas-run";

    template <class Visitor>
    void describe(Visitor&& v) {
        v("dir", dir,
          "the run's folder: config.toml, prepared.h5, checkpoints/, metrics.csv, atlas.h5ad, report.html");
    }
};

struct RuntimeOptions {
    std::int64_t seed = 0;
    std::int64_t threads = 0;
    std::string device = "auto";
    double exchange_timeout = 600;
    double heartbeat_timeout = 60;
    double memory = 0;
    std::string scratch;
    double stop_before = 120;
    std::int64_t stripe_count = 0;
    double stripe_mib = 16;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("device", device,
          "where data are prepared, networks trained and sampled: auto (GPUs, if every rank has one), cpu or "
          "cuda");
        v("exchange_timeout", exchange_timeout,
          "seconds after which ranks that all wait for one another, or for one that stands still, give up");
        v("heartbeat_timeout", heartbeat_timeout,
          "seconds without a sign of life from a rank after which the job is ended, with a line that says "
          "who "
          "and where it was; 0: ranks do not watch one another");
        v("memory", memory,
          "GiB of memory that a rank may use; training that needs more is not begun; 0: what its machine has "
          "free, shared by the ranks there");
        v("seed", seed, "of every random number; the same seed gives the same result on any number of ranks");
        v("scratch", scratch,
          "folder on each machine's own disk ($TMPDIR) to which prepared data are copied before training; "
          "empty: they are read where they are");
        v("stop_before", stop_before,
          "seconds before the end of a SLURM job (SLURM_JOB_END_TIME) at which training and generation put "
          "away what they have and stop with exit code 75; at most a tenth of the job; 0: never");
        v("stripe_count", stripe_count,
          "storage targets over which a file that all ranks write is spread on Lustre; 0: as its folder says "
          "(lfs setstripe); -1: all");
        v("stripe_mib", stripe_mib, "MiB of such a file on one target before the next; with stripe_count");
        v("threads", threads,
          "threads a rank; 0: OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else the machine's cores shared by "
          "its "
          "ranks");
    }
};

}  // namespace lapatlas
