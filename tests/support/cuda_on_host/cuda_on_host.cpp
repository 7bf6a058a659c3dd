#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include <cuda_runtime.h>

namespace cuda_on_host {

Places here;

namespace {

constexpr std::size_t kStackBytes = 128 * 1024;
constexpr int kWarpSize = 32;

enum class State { kRuns, kAtBlockBarrier, kAtWarpBarrier, kEnded };

/// Where __builtin_longjmp goes on. (That of the C library is not for jumps between stacks under the
/// sanitizers.)
using Jump = void* [5];
/// Of functions that leave one stack for another.
#define LAPATLAS_SWITCHES_STACKS __attribute__((noipa, no_sanitize("address")))

struct Fiber {
    // Entered once through its context; then by jumps, which unlike swapcontext make no system call.
    ucontext_t context{};
    Jump resume{};
    bool started = false;
    std::unique_ptr<char[]> stack;
    uint3 index{};
    int number = 0;  // in the block
    State state = State::kRuns;
    unsigned exchanges = 0;
};

/// A warp's values of this exchange and of the one before, which slower lanes may still read.
using Exchanged = std::array<std::array<std::uint64_t, kWarpSize>, 2>;

unsigned thread_order = 0;
std::vector<Fiber> fibers;
std::vector<Exchanged> exchanged;
ucontext_t unused;
Jump scheduler;
Fiber* current = nullptr;
const std::function<void()>* body = nullptr;

LAPATLAS_SWITCHES_STACKS void to_scheduler() { __builtin_longjmp(scheduler, 1); }
LAPATLAS_SWITCHES_STACKS void to_fiber(Fiber& fiber) { __builtin_longjmp(fiber.resume, 1); }

LAPATLAS_SWITCHES_STACKS void wait_as(State state) {
    Fiber* self = current;
    self->state = state;
    if (__builtin_setjmp(self->resume) == 0) to_scheduler();
}

/// A fiber serves thread after thread, block after block.
void fiber_main() {
    for (;;) {
        (*body)();
        wait_as(State::kEnded);
    }
}

LAPATLAS_SWITCHES_STACKS void go_on(Fiber& fiber) {
    current = &fiber;
    here.thread = fiber.index;
    if (__builtin_setjmp(scheduler) != 0) return;
    if (fiber.started) to_fiber(fiber);
    fiber.started = true;
    swapcontext(&unused, &fiber.context);
}

std::vector<std::size_t> order_of(std::size_t threads, unsigned round) {
    std::vector<std::size_t> order(threads);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (thread_order == 1) std::reverse(order.begin(), order.end());
    if (thread_order > 1) std::shuffle(order.begin(), order.end(), std::mt19937(thread_order + round));
    return order;
}

/// Whether all of [first, last) that have not ended wait as `state`, and some do: then lets them go on.
bool release(std::size_t first, std::size_t last, State state) {
    bool some = false;
    for (std::size_t i = first; i < last; ++i) {
        if (fibers[i].state == State::kEnded) continue;
        if (fibers[i].state != state) return false;
        some = true;
    }
    for (std::size_t i = first; some && i < last; ++i)
        if (fibers[i].state == state) fibers[i].state = State::kRuns;
    return some;
}

void run_block() {
    for (unsigned round = 0;; ++round) {
        for (const std::size_t i : order_of(fibers.size(), round)) {
            if (fibers[i].state == State::kRuns) go_on(fibers[i]);
        }
        bool goes_on = false, all_ended = true;
        for (std::size_t first = 0; first < fibers.size(); first += kWarpSize)
            goes_on |= release(first, std::min(fibers.size(), first + kWarpSize), State::kAtWarpBarrier);
        for (const Fiber& fiber : fibers) all_ended &= fiber.state == State::kEnded;
        if (all_ended) return;
        if (!goes_on && !release(0, fibers.size(), State::kAtBlockBarrier)) {
            std::fprintf(stderr,
                         "kernel on the host: threads of block (%u, %u, %u) wait at different barriers\n",
                         here.block.x, here.block.y, here.block.z);
            std::abort();
        }
    }
}

}  // namespace

void set_thread_order(unsigned order) { thread_order = order; }

int lane() { return current->number % kWarpSize; }

void block_barrier() { wait_as(State::kAtBlockBarrier); }

std::uint64_t exchange_in_warp(std::uint64_t mine, int source) {
    Fiber* self = current;
    auto& values = exchanged[static_cast<std::size_t>(self->number / kWarpSize)][self->exchanges++ % 2];
    values[static_cast<std::size_t>(self->number % kWarpSize)] = mine;
    wait_as(State::kAtWarpBarrier);
    return values[static_cast<std::size_t>(source)];
}

void run_grid(dim3 grid, dim3 block, const std::function<void()>& thread) {
    const std::size_t threads = std::size_t{block.x} * block.y * block.z;
    if (fibers.size() != threads) {
        fibers = std::vector<Fiber>(threads);
        for (Fiber& fiber : fibers) {
            fiber.stack = std::make_unique<char[]>(kStackBytes);
            getcontext(&fiber.context);
            fiber.context.uc_stack.ss_sp = fiber.stack.get();
            fiber.context.uc_stack.ss_size = kStackBytes;
            makecontext(&fiber.context, fiber_main, 0);
        }
    }
    exchanged.assign((threads + kWarpSize - 1) / kWarpSize, {});
    body = &thread;
    here.block_size = block;
    here.grid_size = grid;
    for (unsigned z = 0; z < grid.z; ++z)
        for (unsigned y = 0; y < grid.y; ++y)
            for (unsigned x = 0; x < grid.x; ++x) {
                here.block = {x, y, z};
                for (std::size_t i = 0; i < threads; ++i) {
                    Fiber& fiber = fibers[i];
                    const auto number = static_cast<unsigned>(i);
                    fiber.number = static_cast<int>(i);
                    fiber.index = {number % block.x, number / block.x % block.y,
                                   number / (block.x * block.y)};
                    fiber.state = State::kRuns;
                    fiber.exchanges = 0;
                }
                run_block();
            }
}

}  // namespace cuda_on_host
