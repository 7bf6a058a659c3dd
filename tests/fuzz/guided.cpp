// fuzz_guided --parser=NAME [libFuzzer's options] [CORPUS...]: libFuzzer on one parser.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string_view>

#include "dist/environment.hpp"
#include "dist/error.hpp"
#include "tests/fuzz/guided_input.hpp"

namespace lapatlas::fuzz {

namespace {

struct Target {
    std::unique_ptr<MpiEnvironment> mpi;
    const Parser* parser = nullptr;
    std::optional<GuidedInput> input;
};

Target& target() {
    // Never destroyed: libFuzzer leaves by _exit.
    static auto* one = new Target;
    return *one;
}

void set_up(int& argc, char**& argv) {
    Target& t = target();
    t.mpi = std::make_unique<MpiEnvironment>(argc, argv);
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (!word.starts_with("--parser=")) continue;
        for (const Parser& parser : parsers())
            if (parser.name == word.substr(9)) t.parser = &parser;
    }
    if (t.parser == nullptr) {
        std::cerr << "fuzz_guided --parser=NAME\n";
        std::exit(2);
    }
    std::string pattern = (std::filesystem::temp_directory_path() / "lapatlas-guided-XXXXXX").string();
    t.input.emplace(*t.parser, mkdtemp(pattern.data()));
}

}  // namespace

}  // namespace lapatlas::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
    lapatlas::fuzz::set_up(*argc, *argv);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace lapatlas;
    const fuzz::Target& t = fuzz::target();
    try {
        t.parser->read(t.input->lay({reinterpret_cast<const char*>(data), size}));
    } catch (const Error& error) {
        if (error.exit_code() != 2 && error.kind() != ErrorKind::kHdf5) throw;
    }
    return 0;
}
