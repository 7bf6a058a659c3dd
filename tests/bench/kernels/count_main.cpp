// lapatlas-kernels [NAME]: one call of a kernel, for callgrind to count its instructions
// (count_instructions.py), and a digest of what it made. Built for AVX2, with AVX-512 for machines that have
// it: valgrind, which knows none, runs the other.
#include <cstdio>
#include <cstring>

#include "tests/bench/kernels/kernel_cases.hpp"

/// What callgrind counts (--toggle-collect).
extern "C" __attribute__((noinline)) void lapatlas_counted_call(const std::function<void()>* call) {
    (*call)();
}

int main(int argc, char** argv) {
    for (const lapatlas::bench::KernelCase& kernel : lapatlas::bench::kernel_cases(1)) {
        if (argc < 2) {
            std::printf("%s\n", kernel.name.c_str());
            continue;
        }
        if (kernel.name != argv[1]) continue;
        lapatlas_counted_call(&kernel.call);
        const std::string wrong = kernel.check();
        if (kernel.digest) std::printf("%016llx\n", static_cast<unsigned long long>(kernel.digest()));
        if (wrong.empty()) return 0;
        std::fprintf(stderr, "%s: wrong result: %s\n", argv[1], wrong.c_str());
        return 1;
    }
    if (argc < 2) return 0;
    std::fprintf(stderr, "no kernel '%s'\n", argv[1]);
    return 2;
}
