// fuzz_guided --parser=NAME [libFuzzer's options] [CORPUS...]: libFuzzer on one parser. Of "mtx" the input is
// the matrix alone, beside 80 features and 24 barcodes; files that carry a seal get a true one, since no
// chance finds a checksum.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string_view>

#include "dist/environment.hpp"
#include "dist/error.hpp"
#include "dist/sealed_file.hpp"
#include "tests/fuzz/parsers.hpp"

namespace lapatlas::fuzz {

namespace {

namespace fs = std::filesystem;

struct Target {
    std::unique_ptr<MpiEnvironment> mpi;
    const Parser* parser = nullptr;
    fs::path folder, victim, input;
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
    std::string pattern = (fs::temp_directory_path() / "lapatlas-guided-XXXXXX").string();
    t.folder = mkdtemp(pattern.data());
    if (t.parser->name == "mtx") {
        t.input = t.folder / "cells";
        fs::create_directory(t.input);
        std::ofstream features(t.input / "features.tsv"), barcodes(t.input / "barcodes.tsv");
        for (int i = 0; i < 80; ++i) features << "ENSG" << i << "\tgene" << i << "\tGene Expression\n";
        for (int i = 0; i < 24; ++i) barcodes << "AAAC" << i << "-1\n";
        t.victim = t.input / "matrix.mtx";
    } else {
        t.input = t.victim = t.folder / (t.parser->name == "status"    ? "status.json"
                                         : t.parser->name == "tenx_h5" ? "cells.h5"
                                                                       : "cells.h5ad");
    }
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
    std::ofstream(t.victim, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    const bool has_seal = t.parser->name == "checkpoint" || t.parser->name == "part";
    if (has_seal && size > static_cast<std::size_t>(kSealBytes)) seal_file(t.victim);
    try {
        t.parser->read(t.input);
    } catch (const Error& error) {
        if (error.exit_code() != 2 && error.kind() != ErrorKind::kHdf5) throw;
    }
    return 0;
}
