// fuzz_inputs SEEDS PARSER COUNT [--seed S] [--only I] [--keep FOLDER]: reads COUNT mutated copies of the
// files in SEEDS/PARSER, each in a process of its own with limits on time and memory, and says what became of
// them. Under the sanitizers a broken promise of ours ends such a process; it is then counted as a failure,
// kept in FOLDER, and --only I makes it again.
//     fuzz_inputs --check PARSER FILE...: the same of what tests/fuzz/guided.sh has found.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <span>

#include "dist/environment.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_crash.hpp"
#include "dist/memory_use.hpp"
#include "dist/sealed_file.hpp"
#include "src/generate/part_store.hpp"
#include "tests/fuzz/guided_input.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/parsers.hpp"
#include "tests/support/file_content.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lapatlas::fuzz {

namespace {

namespace fs = std::filesystem;
using testing_support::content_of;

// What reading one file may take: docs/reproducibility.md, "Untrusted files".
constexpr unsigned kSeconds = 60;
constexpr double kBytes = 256.0 * 1024 * 1024, kBytesAByte = 1100;

enum Outcome : int { kRead = 0, kRefused = 10, kContained = 2, kBroken = 11, kTooMuchMemory = 12 };

void write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

/// In a process of its own: the exit code says what happened, stderr why.
int read_within_limits(const Parser& parser, const fs::path& path, double file_bytes) {
    alarm(kSeconds);
    contain_hdf5_crashes();
    const StageMemory memory;
    const std::int64_t before = resident_memory();
    int outcome = kRead;
    try {
        parser.read(path);
    } catch (const Error& error) {
        // What a file holds is never a fault of this program's own.
        outcome = error.exit_code() == 2 || error.kind() == ErrorKind::kHdf5 ? kRefused : kBroken;
        std::cerr << error.what() << '\n';
    } catch (const std::exception& error) {
        outcome = kBroken;
        std::cerr << typeid(error).name() << ": " << error.what() << '\n';
    }
    const auto taken = static_cast<double>(memory.peak() - before);
    if (!kHasAddressSanitizer && taken > kBytes + kBytesAByte * file_bytes) {
        std::cerr << "took " << taken << " bytes for a file of " << file_bytes << '\n';
        return kTooMuchMemory;
    }
    return outcome;
}

struct Verdict {
    std::string kind;
    bool failed = false;
};

/// Whether a sanitizer's report is about memory that libhdf5 itself mishandled: its frames come before any of
/// ours.
bool is_of_hdf5(const std::string& report) {
    std::size_t begin = report.find("    #0 ");
    while (begin != std::string::npos && begin < report.size()) {
        const std::string line = report.substr(begin, report.find('\n', begin) - begin);
        if (line.find("lapatlas::") != std::string::npos) return false;
        if (line.find("libhdf5") != std::string::npos) return true;
        begin = report.find("    #", begin + 1);
    }
    return false;
}

Verdict judge(int status, const std::string& said) {
    const bool crashed = WIFSIGNALED(status) || said.find("Sanitizer") != std::string::npos ||
                         said.find("runtime error") != std::string::npos;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return {"too slow", true};
    if (crashed) return is_of_hdf5(said) ? Verdict{"mishandled inside libhdf5"} : Verdict{"crashed", true};
    switch (WEXITSTATUS(status)) {
        case kRead:
            return {"read"};
        case kRefused:
            return {"refused"};
        case kContained:
            return {"crashed inside libhdf5, contained"};
        case kTooMuchMemory:
            return {"took too much memory", true};
        default:
            return {"broken promise", true};
    }
}

struct Reading {
    Verdict verdict;
    std::string said;
};

/// What becomes of `input`, a file (or folder) of `bytes`, in a process of its own.
Reading read_apart(const Parser& parser, const fs::path& input, double bytes, const fs::path& work) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        const int said = ::open((work / "said").c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
        dup2(said, STDERR_FILENO);
        _exit(read_within_limits(parser, input, bytes));
    }
    int status = 0;
    waitpid(child, &status, 0);
    const std::string said = content_of(work / "said");
    return {judge(status, said), said};
}

const Parser& parser_called(const std::string& name) {
    const auto found = std::find_if(parsers().begin(), parsers().end(),
                                    [&](const Parser& parser) { return parser.name == name; });
    if (found == parsers().end()) throw InputError(name + ": no such parser");
    return *found;
}

class Fuzzer {
  public:
    Fuzzer(const Parser& parser, const fs::path& seeds, fs::path work, fs::path keep, std::uint64_t seed)
        : parser_(parser), work_(std::move(work)), keep_(std::move(keep)), seed_(seed) {
        for (const auto& entry : fs::directory_iterator(seeds / parser.name)) seeds_.push_back(entry.path());
        std::sort(seeds_.begin(), seeds_.end());
        if (seeds_.empty()) throw InputError((seeds / parser.name).string() + ": no files to begin with");
    }

    /// True unless this input is one that must not be.
    bool run(std::uint64_t index) {
        std::mt19937_64 random(seed_ * 1'000'003 + index);
        const fs::path input = make(random);
        const auto [verdict, said] = read_apart(parser_, input, bytes_, work_);
        ++counts_[verdict.kind];
        if (verdict.failed || verdict.kind.find("inside libhdf5") != std::string::npos) {
            std::cout << parser_.name << " " << index << ": " << verdict.kind << ": "
                      << said.substr(0, verdict.failed ? 3000 : 200) << std::endl;
            if (!keep_.empty())
                fs::copy(input, keep_ / (parser_.name + "-" + std::to_string(index)),
                         fs::copy_options::recursive | fs::copy_options::overwrite_existing);
        }
        return !verdict.failed;
    }

    void print() const {
        std::cout << parser_.name << ":";
        for (const auto& [kind, count] : counts_) std::cout << "  " << kind << " " << count;
        std::cout << std::endl;
    }

  private:
    /// A mutated copy of one of the seeds, under the name that it has.
    fs::path make(std::mt19937_64& random) {
        const fs::path& seed = seeds_[random() % seeds_.size()];
        const fs::path input = work_ / seed.filename();
        fs::remove_all(input);
        fs::copy(seed, input, fs::copy_options::recursive);
        fs::path victim = input;
        if (fs::is_directory(input)) {
            std::vector<fs::path> files;
            for (const auto& entry : fs::directory_iterator(input)) files.push_back(entry.path());
            std::sort(files.begin(), files.end());
            victim = files[random() % files.size()];
        }
        const bool was_sealed = is_sealed(victim);
        const std::string content = mutated(content_of(victim), random);
        bytes_ = static_cast<double>(content.size());
        write(victim, content);
        // Behind a seal that holds lies what the seal usually keeps from being read.
        if (was_sealed && content.size() > kSealBytes && random() % 4 != 0) seal_file(victim);
        return input;
    }

    const Parser& parser_;
    fs::path work_, keep_;
    std::uint64_t seed_;
    std::vector<fs::path> seeds_;
    std::map<std::string, std::int64_t> counts_;
    double bytes_ = 0;
};

void make_part(const fs::path& folder) {
    GeneratedBlock block;
    block.counts.num_genes = 5;
    block.counts.row_offsets = {0, 2, 3};
    block.counts.gene_indices = {0, 4, 2};
    block.counts.values = {3, 1, 300};
    block.labels = {0, 1};
    block.batches = {0, 0};
    block.library = {4, 300};
    block.latents = {1, 2, 3, 4};
    block.manifold_distance = {0.5F, 0.25F};
    PartStore(Communicator::self(), folder / "atlas.h5ad", kPartMaker).write(0, block);
}

/// True unless one of these bytes, made to files as fuzz_guided does, is one that must not be.
bool check(const Parser& parser, std::span<const std::string> files) {
    const testing_support::TemporaryFolder work(Communicator::self());
    const GuidedInput input(parser, work.path());
    bool good = true;
    for (const std::string& file : files) {
        const std::string content = content_of(file);
        const auto [verdict, said] =
            read_apart(parser, input.lay(content), static_cast<double>(content.size()), work.path());
        std::cout << file << ": " << verdict.kind << (verdict.failed ? ": " + said.substr(0, 3000) : "")
                  << std::endl;
        good = good && !verdict.failed;
    }
    return good;
}

int run(const std::vector<std::string>& words) {
    std::uint64_t seed = 1;
    std::int64_t only = -1;
    fs::path keep;
    if (words.size() == 2 && words[0] == "--make-part") return make_part(words[1]), 0;
    if (words.size() > 2 && words[0] == "--check")
        return check(parser_called(words[1]), std::span(words).subspan(2)) ? 0 : 1;
    if (words.size() < 3)
        throw InputError("fuzz_inputs SEEDS PARSER COUNT [--seed S] [--only I] [--keep FOLDER]");
    for (std::size_t i = 3; i + 1 < words.size(); i += 2) {
        if (words[i] == "--seed") seed = std::stoull(words[i + 1]);
        if (words[i] == "--only") only = std::stoll(words[i + 1]);
        if (words[i] == "--keep") keep = words[i + 1];
    }
    if (!keep.empty()) fs::create_directories(keep);
    const testing_support::TemporaryFolder work(Communicator::self());
    Fuzzer fuzzer(parser_called(words[1]), words[0], work.path(), keep, seed);
    bool good = true;
    const std::uint64_t count = std::stoull(words[2]);
    for (std::uint64_t i = 0; i < count; ++i)
        if (only < 0 || static_cast<std::uint64_t>(only) == i) good = fuzzer.run(i) && good;
    fuzzer.print();
    return good ? 0 : 1;
}

}  // namespace

}  // namespace lapatlas::fuzz

int main(int argc, char** argv) {
    const lapatlas::MpiEnvironment mpi(argc, argv);
    try {
        return lapatlas::fuzz::run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << '\n';
        return 2;
    }
}
