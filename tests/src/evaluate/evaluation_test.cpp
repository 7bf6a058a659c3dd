#include "src/evaluate/evaluation.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "dist/error.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/evaluate/halving_plan.hpp"
#include "src/evaluate/marginal_sampler.hpp"
#include "tests/src/evaluate/synthetic_cells.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lapatlas;
using namespace lapatlas::testing_support;

namespace {

constexpr EvaluateOptions kQuick{
    .halvings = 2, .max_cells = 500, .pca_components = 5, .min_type_cells = 20, .trees = 25};

EvaluationResult evaluate_world(const EvaluationInput& input, const EvaluateOptions& options = kQuick) {
    Log log = Log::silent();
    const auto world = Communicator::world();
    return evaluate(world, world.is_root() ? input : EvaluationInput{}, options, 7, log);
}

/// What a result says, every digit of it, without the pictures (rank 0 alone has them).
std::string digits(const EvaluationResult& result) {
    std::string text = std::to_string(result.cells_a_side);
    const auto add = [&](const std::vector<Figure>& figures) {
        for (const Figure& figure : figures) {
            text += "\n" + figure.key;
            for (const auto& number :
                 {figure.generated.mean, figure.generated.sd, figure.floor.mean, figure.floor.sd}) {
                char buffer[40] = " n/a";
                if (number) std::snprintf(buffer, sizeof buffer, " %a", *number);
                text += buffer;
            }
        }
    };
    add(result.figures);
    for (const TypeFigures& type : result.types) {
        text += "\n" + type.name + " " + std::to_string(type.cells_a_side);
        add(type.figures);
    }
    for (const std::string& warning : result.warnings) text += "\n" + warning;
    return text;
}

double value(const EvaluationResult& result, const char* key) {
    return result.figure(key).generated.mean.value();
}
double floor_of(const EvaluationResult& result, const char* key) {
    return result.figure(key).floor.mean.value();
}

TEST(Evaluate, SameOnAnyNumberOfRanks) {
    const EvaluationInput input = synthetic_input();
    Log log = Log::silent();
    EXPECT_EQ(digits(evaluate_world(input)), digits(evaluate(Communicator::self(), input, kQuick, 7, log)));
    // Fewer comparisons than ranks.
    EvaluateOptions one = kQuick;
    one.halvings = 1;
    const EvaluationResult together = evaluate_world(input, one);
    EXPECT_EQ(digits(together), digits(evaluate(Communicator::self(), input, one, 7, log)));
    EXPECT_FALSE(together.figure("pooled_w2").generated.sd.has_value());
}

TEST(Evaluate, CellsOfTheSameLawReachTheFloor) {
    const EvaluationResult result = evaluate_world(synthetic_input());
    for (const char* key : {"pooled_rf_auc", "conditional_rf_auc", "joint_rf_auc", "pooled_knn_auc"}) {
        EXPECT_NEAR(value(result, key), 0.5, 0.12) << key;
        EXPECT_NEAR(floor_of(result, key), 0.5, 0.12) << key;
    }
    EXPECT_NEAR(value(result, "pooled_w2"), floor_of(result, "pooled_w2"),
                0.15 * floor_of(result, "pooled_w2"));
    EXPECT_NEAR(value(result, "nearest_training_ratio"), 1, 0.15);
    EXPECT_GT(value(result, "label_accuracy"), 0.9);
    EXPECT_GT(value(result, "gene_mean_pcc"), 0.95);
    for (const char* key : {"coverage", "density", "pooled_lisi", "trained_on_accuracy", "label_silhouette",
                            "label_lisi", "marker_overlap", "log_fold_change_pcc"})
        EXPECT_NEAR(value(result, key), floor_of(result, key), 0.15) << key;
    EXPECT_NEAR(value(result, "membership_auc"), 0.5, 0.1);
    EXPECT_NEAR(floor_of(result, "membership_auc"), 0.5, 0.1);
    EXPECT_FALSE(result.figure("class_kl").generated.mean.has_value());
}

TEST(Evaluate, SeesIndependentGenes) {
    EvaluationInput input = synthetic_input();
    const EvaluationResult honest = evaluate_world(input);
    input.generated = sample_marginals(input.train, input.train_labels, input.generated_labels, 5);
    const EvaluationResult marginal = evaluate_world(input);
    for (const char* key : {"pooled_rf_auc", "conditional_rf_auc", "joint_rf_auc"}) {
        EXPECT_GT(value(marginal, key), value(honest, key) + 0.1) << key;
        EXPECT_EQ(floor_of(marginal, key), floor_of(honest, key)) << key;
    }
    EXPECT_GT(value(marginal, "gene_mean_pcc"), 0.95);
}

TEST(Evaluate, SeesShiftAndMemory) {
    EvaluationInput input = synthetic_input();
    input.generated = synthetic_counts(input.generated_labels, 3, 1.5);
    const EvaluationResult shifted = evaluate_world(input);
    EXPECT_GT(value(shifted, "pooled_rf_auc"), 0.9);
    EXPECT_GT(value(shifted, "conditional_w2"), 1.2 * floor_of(shifted, "conditional_w2"));
    EXPECT_GT(value(shifted, "pooled_mmd2_median"), 2 * floor_of(shifted, "pooled_mmd2_median"));
    EXPECT_GT(value(shifted, "library_ks"), 0.5);
    input.generated = input.train;
    input.generated_labels = input.train_labels;
    const EvaluationResult copied = evaluate_world(input);
    EXPECT_EQ(value(copied, "nearest_training_ratio"), 0);
    EXPECT_GT(value(copied, "membership_auc"), floor_of(copied, "membership_auc") + 0.1);
    EXPECT_GT(floor_of(copied, "nearest_training_ratio"), 0.8);
}

TEST(Evaluate, LatentDistancesAreComparedWhereTheyAreKnown) {
    EvaluationInput input = synthetic_input();
    EXPECT_FALSE(evaluate_world(input).figure("latent_training_ratio").generated.mean.has_value());
    input.test_latent_distance.assign(static_cast<std::size_t>(input.test.num_rows()), 2.0);
    input.generated_latent_distance.assign(static_cast<std::size_t>(input.generated.num_rows()), 0.5);
    const EvaluationResult result = evaluate_world(input);
    EXPECT_EQ(value(result, "latent_training_ratio"), 0.25);
    EXPECT_EQ(floor_of(result, "latent_training_ratio"), 1);
}

TEST(Evaluate, RareTypesAreNamedAndMissingLabelsAreNotAnError) {
    EvaluationInput input = synthetic_input();
    const EvaluationResult result = evaluate_world(input);
    EXPECT_EQ(result.types.size(), 3u);
    EXPECT_TRUE(result.types.at(0).scored);
    EXPECT_FALSE(result.types.at(2).scored);
    EXPECT_EQ(result.types.at(2).cells_a_side, 4);
    EXPECT_NE(digits(result).find("not scored: rare"), std::string::npos);

    input.unconditional = true;
    const EvaluationResult pooled = evaluate_world(input);
    EXPECT_TRUE(pooled.types.empty());
    EXPECT_FALSE(pooled.figure("conditional_w2").generated.mean.has_value());
    EXPECT_FALSE(pooled.figure("label_accuracy").floor.mean.has_value());
    EXPECT_EQ(pooled.cells_a_side, 80);
    EXPECT_NEAR(value(pooled, "pooled_rf_auc"), 0.5, 0.12);

    // Too few test cells: nothing qualifies, and that is said.
    input.test = synthetic_counts(synthetic_labels(12), 2);
    input.test_labels = synthetic_labels(12);
    const EvaluationResult few = evaluate_world(input);
    EXPECT_FALSE(few.figure("pooled_rf_auc").generated.mean.has_value());
    EXPECT_NE(digits(few).find("no figure is given"), std::string::npos);
}

TEST(Evaluate, WrongInputIsRefusedOnAllRanks) {
    EvaluationInput input = synthetic_input();
    input.generated.num_genes = 79;
    EXPECT_THROW(evaluate_world(input), InputError);
    input = synthetic_input();
    input.generated = CountMatrix{80, {0}, {}, {}};
    input.generated_labels.clear();
    EXPECT_THROW(evaluate_world(input), InputError);
    EvaluateOptions options = kQuick;
    options.halvings = 0;
    EXPECT_THROW(evaluate_world(synthetic_input(), options), ConfigError);
}

TEST(HalvingPlan, HalvesArePerTypeAndDoNotMeet) {
    const auto train = synthetic_labels(300), test = synthetic_labels(161);
    auto generated = synthetic_labels(160);
    for (std::int32_t& label : generated)
        if (label == 2) label = -1;
    const HalvingPlan plan =
        plan_halvings(train, test, generated, {"alpha", "beta", "rare"}, true, kQuick, 1);
    EXPECT_EQ(plan.half_offsets, (std::vector<std::int64_t>{0, 40, 76, 76}));
    ASSERT_EQ(plan.warnings.size(), 1u);
    EXPECT_NE(plan.warnings[0].find("'rare': only 0 generated cells for 4"), std::string::npos);
    EXPECT_EQ(plan.published_test.size(), 161u);
    for (const Halving& halving : plan.halvings) {
        std::vector<int> seen(test.size(), 0);
        for (const auto& half : {halving.real, halving.floor})
            for (std::size_t i = 0; i < half.size(); ++i) {
                ++seen[static_cast<std::size_t>(half[i])];
                EXPECT_EQ(test[static_cast<std::size_t>(half[i])], i < 40 ? 0 : 1);
            }
        EXPECT_EQ(*std::max_element(seen.begin(), seen.end()), 1);
        for (std::size_t i = 0; i < halving.generated.size(); ++i)
            EXPECT_EQ(generated[static_cast<std::size_t>(halving.generated[i])], i < 40 ? 0 : 1);
    }
    EXPECT_NE(plan.halvings[0].real, plan.halvings[1].real);
    EvaluateOptions small = kQuick;
    small.max_cells = 38;
    EXPECT_EQ(plan_halvings(train, test, test, {"alpha", "beta", "rare"}, true, small, 1).half_offsets,
              (std::vector<std::int64_t>{0, 19, 36, 38}));
    EXPECT_EQ(apportion(10, {1, 1, 1}), (std::vector<std::int64_t>{4, 3, 3}));
    EXPECT_EQ(apportion(10, {0, 0}), (std::vector<std::int64_t>{0, 0}));
}

TEST(EvaluationOutput, JsonComesBackAndTableShowsTheFloor) {
    const auto world = Communicator::world();
    const TemporaryFolder folder(world);
    EvaluationInput input = synthetic_input();
    for (int gene = 0; gene < 80; ++gene)
        input.gene_names.push_back((gene < 3 ? "MT-" : "G") + std::to_string(gene));
    EvaluationResult result = evaluate_world(input);
    if (world.is_root()) {
        result.provenance = {{"seed", "7"}, {"file", "b\xff.h5ad"}};
        const auto path = folder / "evaluation.json";
        write_evaluation_json(path, result);
        const EvaluationResult back = read_evaluation_json(path);
        EXPECT_EQ(digits(back), digits(result));
        EXPECT_EQ(back.pictures.test.labels, result.pictures.test.labels);
        EXPECT_EQ(back.pictures.generated.map_x.size(), result.pictures.generated.labels.size());
        EXPECT_EQ(back.pictures.test.training_distance.size(), result.pictures.test.labels.size());
        EXPECT_EQ(back.pictures.test_genes.variance.size(), 80u);
        EXPECT_EQ(back.pictures.test.mito_share.size(), result.pictures.test.labels.size());
        EXPECT_EQ(back.pictures.markers.types, input.label_names);
        EXPECT_EQ(back.pictures.markers.test_share.size(), 3 * back.pictures.markers.genes.size());
        EXPECT_EQ(back.provenance.size(), 2u);
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
        write_evaluation_csv(folder / "evaluation.csv", result);
        std::ifstream csv(folder / "evaluation.csv");
        std::string line;
        std::size_t lines = 0;
        for (; std::getline(csv, line); ++lines) EXPECT_EQ(std::count(line.begin(), line.end(), '"') % 2, 0);
        EXPECT_EQ(lines, 1 + result.figures.size() + 2 * 5);  // two types are scored
        const std::string table = evaluation_table(result);
        EXPECT_NE(table.find("floor (real)"), std::string::npos);
        EXPECT_NE(table.find(spread_text(result.figure("joint_rf_auc").floor)), std::string::npos);
        EXPECT_EQ(spread_text({}), "n/a");

        std::ofstream(folder / "broken.json") << "{\"format\": \"lapatlas-evaluation\", \"version\": 1";
        EXPECT_THROW(read_evaluation_json(folder / "broken.json"), InputError);
        EXPECT_THROW(read_evaluation_json(folder / "none.json"), InputError);
        EXPECT_THROW(write_evaluation_json(folder / "no" / "such" / "folder.json", result), InputError);
    }
}

}  // namespace
