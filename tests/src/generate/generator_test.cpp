#include "src/generate/generator.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/embed/parameter_init.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kGenes = 150, kLatent = 4, kLabels = 3;
constexpr std::uint64_t kSeed = 42;

torch::Tensor placed_normals(std::int64_t rows, std::int64_t columns, std::uint32_t step) {
    const PlacedRandom random(1, RandomStream::kSimulate);
    torch::Tensor out = torch::empty({rows, columns});
    random.fill_normals(0, step, out.data_ptr<float>(), rows * columns);
    return out;
}

/// Random weights, a linear decoder; library sizes 1000 + 100 label + {0 .. 9}.
GenerativeModel tiny_model() {
    GenerativeModel model;
    model.backend = make_cpu_backend(Communicator::self());
    model.score_net =
        ScoreNet(ScoreNetOptions{.latent = kLatent, .num_labels = kLabels, .width = 24, .blocks = 2});
    initialise_parameters(*model.score_net, 3, 0);
    {
        const torch::NoGradGuard no_gradient;
        model.score_net->named_parameters()["zero_output.weight"].copy_(0.1 * placed_normals(kLatent, 24, 0));
    }
    const torch::Tensor weight = placed_normals(kLatent, kGenes, 1), bias = placed_normals(1, kGenes, 2);
    model.decode = [weight, bias](const torch::Tensor& z, const torch::Tensor&, std::uint64_t,
                                  std::int64_t) -> CountLaw {
        return {0.3 * z.matmul(weight) + bias, torch::full({1, kGenes}, 2.0f), {}};
    };
    model.latent_mean = 0.1;
    model.latent_std = 0.8;
    model.latent = kLatent;
    model.num_genes = kGenes;
    for (int label = 0; label < kLabels; ++label) {
        model.libraries.by_label.emplace_back();
        for (int i = 0; i < 10; ++i) {
            model.libraries.by_label.back().push_back(1000.0f + 100.0f * static_cast<float>(label) +
                                                      static_cast<float>(i));
            model.libraries.all.push_back(model.libraries.by_label.back().back());
        }
    }
    return model;
}

/// A block as words, so that blocks of all ranks can be gathered and compared byte for byte.
void append_words(const GeneratedBlock& block, std::vector<std::int64_t>& words) {
    const auto append = [&](const auto& values) {
        words.push_back(static_cast<std::int64_t>(values.size()));
        for (const auto value : values) {
            std::int64_t word = 0;
            std::memcpy(&word, &value, sizeof value);
            words.push_back(word);
        }
    };
    words.push_back(block.first_cell);
    append(block.counts.row_offsets);
    append(block.counts.gene_indices);
    append(block.counts.values);
    append(block.labels);
    append(block.batches);
    append(block.library);
    append(block.latents);
}

/// Collective. Generates with blocks dealt round-robin to the ranks; the words of each block by its index,
/// everywhere.
std::map<std::int64_t, std::vector<std::int64_t>> generate_all(const Communicator& comm,
                                                               const GenerativeModel& model,
                                                               const GenerateOptions& options,
                                                               const CellPlan& plan) {
    std::vector<std::int64_t> mine;  // index, length, words of each block
    for (std::int64_t b = comm.rank(); b < num_blocks(plan.num_cells()); b += comm.size()) {
        std::vector<std::int64_t> words;
        append_words(generate_block(model, options, plan, kSeed, b), words);
        mine.push_back(b);
        mine.push_back(static_cast<std::int64_t>(words.size()));
        mine.insert(mine.end(), words.begin(), words.end());
    }
    const auto all = all_gather_v<std::int64_t>(comm, mine);
    std::map<std::int64_t, std::vector<std::int64_t>> blocks;
    for (std::size_t at = 0; at < all.size();) {
        const auto size = static_cast<std::size_t>(all[at + 1]);
        blocks[all[at]].assign(all.begin() + static_cast<long>(at + 2),
                               all.begin() + static_cast<long>(at + 2 + size));
        at += 2 + size;
    }
    return blocks;
}

}  // namespace

// 1,500 cells are three blocks: on four ranks one has none. Threads of torch and OpenMP differ from rank to
// rank.
TEST(Generator, AtlasIsByteIdenticalOnAnyNumberOfRanks) {
    const auto comm = Communicator::world();
    const GenerativeModel model = tiny_model();
    const CellPlan plan = CellPlan::from_frequencies({10, 20, 70}, 1500);
    for (const char* solver : {"dpmpp_2m", "ddim", "euler_maruyama"}) {
        GenerateOptions options;
        options.solver = solver;
        options.steps = 6;
        options.guidance = 0.5;
        torch::set_num_threads(1 + comm.rank());
        const auto together = generate_all(comm, model, options, plan);
        torch::set_num_threads(1);
        const auto alone = generate_all(Communicator::self(), model, options, plan);
        EXPECT_EQ(together.size(), 3u);
        EXPECT_TRUE(together == alone) << solver;
    }
}

TEST(Generator, CellsDoNotDependOnHowManyAreAskedFor) {
    const GenerativeModel model = tiny_model();
    const GenerateOptions options;
    const GeneratedBlock few =
        generate_block(model, options, CellPlan::from_frequencies({1, 1, 1}, 100), kSeed, 0);
    const GeneratedBlock many =
        generate_block(model, options, CellPlan::from_frequencies({1, 1, 1}, 2000), kSeed, 0);
    ASSERT_EQ(few.counts.num_rows(), 100);
    ASSERT_EQ(many.counts.num_rows(), kBlockCells);
    EXPECT_TRUE(std::equal(few.counts.row_offsets.begin(), few.counts.row_offsets.end(),
                           many.counts.row_offsets.begin()));
    EXPECT_TRUE(std::equal(few.counts.gene_indices.begin(), few.counts.gene_indices.end(),
                           many.counts.gene_indices.begin()));
    EXPECT_TRUE(std::equal(few.counts.values.begin(), few.counts.values.end(), many.counts.values.begin()));
    EXPECT_TRUE(std::equal(few.latents.begin(), few.latents.end(), many.latents.begin()));
    EXPECT_GT(few.counts.num_nonzeros(), 1000);
}

TEST(Generator, LibrariesComeFromTrainingCellsOfTheLabelAndSetTheDepth) {
    const GenerativeModel model = tiny_model();
    const CellPlan plan = CellPlan::from_frequencies({10, 20, 70}, 5 * kBlockCells);
    std::map<float, int> seen;
    double total = 0, expected = 0;
    for (std::int64_t b = 0; b < 5; ++b) {
        const GeneratedBlock block = generate_block(model, {}, plan, kSeed, b);
        for (std::size_t i = 0; i < block.labels.size(); ++i) {
            const float above = block.library[i] - 1000.0f - 100.0f * static_cast<float>(block.labels[i]);
            EXPECT_TRUE(above >= 0 && above < 10 && above == std::floor(above)) << above;
            ++seen[above];
            expected += static_cast<double>(block.library[i]);
        }
        for (const float count : block.counts.values) total += static_cast<double>(count);
    }
    ASSERT_EQ(seen.size(), 10u);
    for (const auto& [above, count] : seen) EXPECT_NEAR(count, 256, 5 * std::sqrt(256.0)) << above;
    // A library is the expected total of its cell.
    EXPECT_NEAR(total / expected, 1, 0.02);
}

TEST(Generator, UnlabelledCellsTakeAnyLibrary) {
    const GenerativeModel model = tiny_model();
    const GeneratedBlock block =
        generate_block(model, {}, CellPlan::from_frequencies({0, 0, 0}, kBlockCells), kSeed, 0);
    std::map<int, int> hundreds;
    for (std::size_t i = 0; i < block.labels.size(); ++i) {
        EXPECT_EQ(block.labels[i], -1);
        ++hundreds[static_cast<int>(block.library[i]) / 100];
    }
    EXPECT_EQ(hundreds.size(), 3u);
}

TEST(Generator, AbsoluteRatesSetTheDepthThemselves) {
    GenerativeModel model = tiny_model();
    model.size_factor = false;
    model.libraries = {};
    model.decode = [](const torch::Tensor& z, const torch::Tensor&, std::uint64_t, std::int64_t) -> CountLaw {
        return {torch::full({z.size(0), kGenes}, std::log(3.0f)), {}, {}};
    };
    const GeneratedBlock block =
        generate_block(model, {}, CellPlan::from_frequencies({1, 1, 1}, kBlockCells), kSeed, 0);
    double total = 0;
    for (const float count : block.counts.values) total += static_cast<double>(count);
    const double mean = 3.0 * kGenes * kBlockCells;
    EXPECT_NEAR(total, mean, 5 * std::sqrt(mean));
    EXPECT_NEAR(block.library[17], 3.0 * kGenes, 0.01);
}

TEST(Generator, EachLabelHasItsOwnDispersions) {
    GenerativeModel model = tiny_model();
    // Unlabelled cells, then label by label; a small theta leaves most genes of a cell at zero.
    const std::vector<float> thetas{1e-3f, 100.0f, 0.02f, 100.0f};
    const torch::Tensor dispersion = torch::tensor(thetas).unsqueeze(1).expand({-1, kGenes}).contiguous();
    model.decode = [dispersion](const torch::Tensor& z, const torch::Tensor&, std::uint64_t,
                                std::int64_t) -> CountLaw {
        return {torch::zeros({z.size(0), kGenes}), dispersion, {}};
    };
    const GeneratedBlock block =
        generate_block(model, {}, CellPlan::from_frequencies({1, 1, 1}, kBlockCells), kSeed, 0);
    for (std::size_t i = 0; i < block.labels.size(); ++i) {
        const std::int64_t seen = block.counts.row_offsets[i + 1] - block.counts.row_offsets[i];
        if (block.labels[i] == 1)
            EXPECT_LT(seen, kGenes / 3);
        else
            EXPECT_GT(seen, kGenes * 9 / 10);
    }
}

TEST(Generator, AnExcessOfZerosTakesCountsAwayAsOftenAsItSays) {
    GenerativeModel model = tiny_model();
    model.size_factor = false;
    model.libraries = {};
    // Rates so high that no count is 0 of itself; a gene's own odds of a zero.
    const torch::Tensor odds = torch::linspace(-3, 3, kGenes);
    model.decode = [odds](const torch::Tensor& z, const torch::Tensor&, std::uint64_t,
                          std::int64_t) -> CountLaw {
        return {torch::full({z.size(0), kGenes}, std::log(100.0f)), {}, odds.expand({z.size(0), kGenes})};
    };
    const GeneratedBlock block =
        generate_block(model, {}, CellPlan::from_frequencies({1, 1, 1}, kBlockCells), kSeed, 0);
    std::vector<double> seen(kGenes, 0);
    for (const std::int32_t gene : block.counts.gene_indices) ++seen[static_cast<std::size_t>(gene)];
    for (std::size_t g = 0; g < seen.size(); ++g) {
        const double expected = 1 / (1 + std::exp(odds[static_cast<std::int64_t>(g)].item<double>()));
        EXPECT_NEAR(seen[g] / kBlockCells, expected, 5 * std::sqrt(0.25 / kBlockCells)) << g;
    }
}

TEST(Generator, ADiffusedLibrarySetsTheDepth) {
    GenerativeModel model = tiny_model();
    model.score_net =
        ScoreNet(ScoreNetOptions{.latent = kLatent + 1, .num_labels = kLabels, .width = 24, .blocks = 2});
    // The output layer starts at zero: the network is exact for a standard-normal library coordinate.
    initialise_parameters(*model.score_net, 3, 0);
    model.joint_library = true;
    model.libraries = {};
    model.log_library_mean = std::log(2000.0);
    model.log_library_std = 0.25;
    const CellPlan plan = CellPlan::from_frequencies({1, 1, 1}, 4 * kBlockCells);
    double sum = 0, squares = 0, total = 0, expected = 0;
    for (std::int64_t b = 0; b < 4; ++b) {
        const GeneratedBlock block = generate_block(model, {}, plan, kSeed, b);
        EXPECT_EQ(block.latents.size(), static_cast<std::size_t>(kBlockCells * kLatent));
        for (const float size : block.library) {
            sum += std::log(static_cast<double>(size));
            squares += std::pow(std::log(static_cast<double>(size)) - std::log(2000.0), 2);
            expected += static_cast<double>(size);
        }
        for (const float count : block.counts.values) total += static_cast<double>(count);
    }
    const double n = 4 * kBlockCells;
    EXPECT_NEAR(sum / n, std::log(2000.0), 5 * 0.25 / std::sqrt(n));
    EXPECT_NEAR(std::sqrt(squares / n), 0.25, 0.02);
    EXPECT_NEAR(total / expected, 1, 0.02);
}

TEST(Generator, LatentsAreInTheDecodersUnits) {
    GenerativeModel model = tiny_model();
    model.process = ForwardProcess::continuous(0.7);
    // The output layer is zero again: eps = sigma z_T, so one step gives z_0 = alpha z_T.
    initialise_parameters(*model.score_net, 3, 0);
    GenerateOptions options;
    options.steps = 1;
    const GeneratedBlock block =
        generate_block(model, options, CellPlan::from_frequencies({1, 1, 1}, 3), kSeed, 0);
    ASSERT_EQ(block.latents.size(), 3u * kLatent);
    std::vector<double> start(kLatent);
    PlacedRandom(kSeed, RandomStream::kGenerateStart).fill_normals(2, 0, start.data(), kLatent);
    for (std::size_t j = 0; j < kLatent; ++j)
        EXPECT_NEAR(block.latents[2 * kLatent + j], 0.1 + 0.8 * std::exp(-0.7) * start[j], 1e-5);
}

TEST(Generator, ADivergedModelIsNamedAndNotDrawnFrom) {
    GenerativeModel model = tiny_model();
    model.decode = [](const torch::Tensor& z, const torch::Tensor&, std::uint64_t, std::int64_t) -> CountLaw {
        auto logits = torch::zeros({z.size(0), kGenes});
        logits[300][7] = std::numeric_limits<float>::quiet_NaN();
        return {logits, torch::full({1, kGenes}, 2.0f), {}};
    };
    try {
        generate_block(model, {}, CellPlan::from_frequencies({1, 1, 1}, 1000), kSeed, 0);
        FAIL() << "NaN rates were drawn from";
    } catch (const InternalError& error) {
        EXPECT_NE(std::string(error.what()).find("cell 300"), std::string::npos) << error.what();
    }
    GenerateOptions options;
    options.solver = "heun";
    EXPECT_THROW(generate_block(tiny_model(), options, CellPlan::from_frequencies({1, 1, 1}, 10), kSeed, 0),
                 ConfigError);
}

TEST(Generator, TheBatchReachesNetworkDecoderAndLibrary) {
    GenerativeModel model = tiny_model();
    model.score_net = ScoreNet(ScoreNetOptions{
        .latent = kLatent, .num_labels = kLabels, .num_batches = 2, .width = 24, .blocks = 2});
    initialise_parameters(*model.score_net, 3, 0);
    {
        const torch::NoGradGuard no_gradient;
        model.score_net->named_parameters()["zero_output.weight"].copy_(0.1 * placed_normals(kLatent, 24, 0));
    }
    // The second batch shows the first gene alone.
    model.decode = [](const torch::Tensor& z, const torch::Tensor& batches, std::uint64_t,
                      std::int64_t) -> CountLaw {
        torch::Tensor logits = torch::zeros({z.size(0), kGenes});
        logits.select(1, 0).add_(50 * batches);
        return {logits, torch::full({1, kGenes}, 2.0f), {}};
    };
    model.libraries.by_batch = {{100}, {300}};
    model.libraries.by_condition.assign(2 * kLabels, {});
    model.libraries.by_condition[3] = {700};  // label 1 in batch 1
    CellPlan plan = CellPlan::from_counts({{0, 100, 0}, {0, 100, 1}, {1, 50, 1}});
    const GeneratedBlock block = generate_block(model, {}, plan, kSeed, 0);
    std::vector<float> others(250, 0);
    for (std::size_t i = 0; i < 250; ++i)
        for (std::int64_t e = block.counts.row_offsets[i]; e < block.counts.row_offsets[i + 1]; ++e)
            if (block.counts.gene_indices[static_cast<std::size_t>(e)] != 0)
                others[i] += block.counts.values[static_cast<std::size_t>(e)];
    EXPECT_GT(others[0], 20);
    EXPECT_EQ(others[100], 0);
    EXPECT_EQ(block.library[0], 100);
    EXPECT_EQ(block.library[100], 300);
    EXPECT_EQ(block.library[200], 700);
    // The same noise, another batch: another latent.
    const GeneratedBlock other = generate_block(model, {}, CellPlan::from_counts({{0, 100, 1}}), kSeed, 0);
    EXPECT_NE(block.latents[0], other.latents[0]);
}

TEST(Generator, AFixedLibrarySetsTheDepth) {
    GenerateOptions options;
    options.library_size = 4321;
    const GeneratedBlock block =
        generate_block(tiny_model(), options, CellPlan::from_frequencies({1, 1, 1}, kBlockCells), kSeed, 0);
    double total = 0;
    for (const float count : block.counts.values) total += static_cast<double>(count);
    for (const float size : block.library) EXPECT_EQ(size, 4321);
    EXPECT_NEAR(total / (4321.0 * kBlockCells), 1, 0.02);
}

TEST(LatentManifold, IsADistanceInUnitsOfTheUsual) {
    // Label 0 on a line one apart, label 1 ten apart.
    std::vector<float> latents;
    std::vector<std::int32_t> labels;
    for (int i = 0; i < 9; ++i) {
        latents.insert(latents.end(), {static_cast<float>(i), 0.0f, 10.0f * static_cast<float>(i), 100.0f});
        labels.insert(labels.end(), {0, 1});
    }
    const LatentManifold manifold(latents, 2, labels, 3);
    const float near[] = {2.0f, 3.0f}, far[] = {20.0f, 130.0f};
    EXPECT_FLOAT_EQ(manifold.distance(near, 0), 3);
    EXPECT_FLOAT_EQ(manifold.distance(far, 1), 3);
    EXPECT_FLOAT_EQ(manifold.distance(latents.data(), 0), 0);
    // Without a label, or with one that no training cell has: all cells, half of them one apart.
    EXPECT_EQ(manifold.distance(near, -1), manifold.distance(near, 2));
    EXPECT_TRUE(LatentManifold().is_empty());
}

}  // namespace lapatlas
