#include "tests/fuzz/guided_input.hpp"

#include <fstream>

#include "dist/sealed_file.hpp"

namespace lapatlas::fuzz {

GuidedInput::GuidedInput(const Parser& parser, const std::filesystem::path& folder)
    : has_seal_(parser.name == "checkpoint" || parser.name == "part") {
    if (parser.name == "mtx") {
        input_ = folder / "cells";
        std::filesystem::create_directories(input_);
        std::ofstream features(input_ / "features.tsv"), barcodes(input_ / "barcodes.tsv");
        for (int i = 0; i < 80; ++i) features << "ENSG" << i << "\tgene" << i << "\tGene Expression\n";
        for (int i = 0; i < 24; ++i) barcodes << "AAAC" << i << "-1\n";
        victim_ = input_ / "matrix.mtx";
    } else {
        input_ = victim_ = folder / (parser.name == "status"    ? "status.json"
                                     : parser.name == "tenx_h5" ? "cells.h5"
                                                                : "cells.h5ad");
    }
}

const std::filesystem::path& GuidedInput::lay(std::string_view bytes) const {
    std::ofstream(victim_, std::ios::binary) << bytes;
    if (has_seal_ && bytes.size() > static_cast<std::size_t>(kSealBytes)) seal_file(victim_);
    return input_;
}

}  // namespace lapatlas::fuzz
