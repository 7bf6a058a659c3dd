#include "src/config/config.hpp"

#include <gtest/gtest.h>

#include "dist/error.hpp"
#include "src/config/derived.hpp"

namespace lapatlas {

namespace {
template <class F>
std::string config_error(F&& call) {
    try {
        call();
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}
}  // namespace

TEST(Config, DumpIsAFixedPoint) {
    Config config;
    config.input.path = "a \"quoted\" path\\with\nodd characters.h5ad";
    config.train.learning_rate = 3e-4;
    config.train.perturb = false;
    config.model.library = "absolute";
    const std::string text = dump_config(config);
    EXPECT_EQ(dump_config(parse_config(text, "dump")), text);
    EXPECT_EQ(parse_config(text, "dump").input.path, config.input.path);
    EXPECT_EQ(parse_config(text, "dump").train.learning_rate, 3e-4);
}

TEST(Config, UnknownKeyNamesTheNearest) {
    const std::string message = config_error([] { parse_config("[train]\nlerning_rate = 1.0\n", "c.toml"); });
    EXPECT_NE(message.find("c.toml"), std::string::npos);
    EXPECT_NE(message.find("train.learning_rate"), std::string::npos) << message;
    Config config;
    EXPECT_NE(config_error([&] { set_option(config, "train.score_step", "5"); }).find("train.score_steps"),
              std::string::npos);
}

TEST(Config, WrongTypesChoicesAndRangesAreRefused) {
    EXPECT_NE(config_error([] { parse_config("[prepare]\nk = \"many\"\n", "c"); }), "");
    EXPECT_NE(config_error([] { parse_config("[generate]\nsolver = \"ddom\"\n", "c"); }).find("ddim"),
              std::string::npos);
    EXPECT_NE(config_error([] { parse_config("k = 3\n", "c"); }), "");
    EXPECT_NE(config_error([] { parse_config("[prepare\n", "c"); }).find("line 1"), std::string::npos);
    Config config;
    EXPECT_NE(config_error([&] { set_option(config, "prepare.k", "3.5"); }), "");
    EXPECT_NE(config_error([&] { set_option(config, "train.perturb", "yes"); }), "");
    config.input.test_fraction = 1.5;
    EXPECT_NE(config_error([&] { check_config(config); }).find("input.test_fraction"), std::string::npos);
}

TEST(Config, WhatContradictsItselfOrIsNotBuiltIsRefused) {
    const auto error_with = [](const char* name, const char* value) {
        Config config;
        config.model.library = "absolute";
        config.model.library_model = "per_label";
        set_option(config, name, value);
        return config_error([&] { check_config(config); });
    };
    EXPECT_EQ(error_with("prepare.k", "20"), "");
    EXPECT_NE(error_with("model.library_model", "joint").find("model.library = size_factor"),
              std::string::npos);
    EXPECT_NE(error_with("generate.library_size", "3000").find("model.library = size_factor"),
              std::string::npos);
    Config one_column;
    one_column.input.label_key = one_column.input.batch_key = "donor";
    EXPECT_NE(config_error([&] { check_config(one_column); }).find("both 'donor'"), std::string::npos);
    Config both;
    both.input.split_key = "fold";
    both.input.split_group_key = "donor";
    EXPECT_NE(config_error([&] { check_config(both); }).find("input.split_group_key"), std::string::npos);
    Config unlabelled;
    unlabelled.model.classifier = "mlp";
    EXPECT_NE(config_error([&] { check_config(unlabelled); }).find("input.label_key"), std::string::npos);
    Config as_ours;
    as_ours.input.covariate_keys = "age,library_size";
    EXPECT_NE(config_error([&] { check_config(as_ours); }).find("'library_size'"), std::string::npos);
    EXPECT_NE(error_with("evaluate.min_type_cells", "4").find("evaluate.min_type_cells"), std::string::npos);
}

TEST(Config, WholeNumbersMayStandForFractions) {
    EXPECT_EQ(parse_config("[train]\nlearning_rate = 1\n", "c").train.learning_rate, 1.0);
    Config config;
    set_option(config, "prepare.k", "50");
    EXPECT_EQ(config.prepare.k, 50);
}

TEST(DerivedSizes, GrowWithTheDataAndLeaveWhatIsGiven) {
    Config given;
    given.model.hidden = 77;
    const Config small = derive_from_size(given, {2000, 9000}),
                 large = derive_from_size(given, {1000000, 30000});
    EXPECT_EQ(small.model.hidden, 77);
    EXPECT_EQ(large.model.hidden, 77);
    EXPECT_EQ(derive_from_size({}, {2000, 9000}).model.hidden, 128);
    EXPECT_EQ(derive_from_size({}, {1000000, 9000}).model.hidden, 512);
    EXPECT_EQ(small.prepare.k, 12);
    EXPECT_EQ(large.prepare.k, 25);
    EXPECT_EQ(small.train.batch, "full");
    EXPECT_EQ(large.train.batch, "cluster");
    EXPECT_EQ(small.prepare.clusters, 64);
    EXPECT_EQ(large.prepare.clusters, 3906);
    // Steps grow as the root of the cells, and passes fall.
    EXPECT_LT(large.train.joint_epochs, small.train.joint_epochs);
    EXPECT_GT(large.train.score_steps, small.train.score_steps);
    // Never more clusters than cells; and what is filled in is a fixed point.
    EXPECT_EQ(derive_from_size({}, {20, 100}).prepare.clusters, 20);
    EXPECT_EQ(difference(small, derive_from_size(small, {2000, 9000})), "");
    EXPECT_NE(difference(given, small).find("prepare.k = 12"), std::string::npos);
    EXPECT_EQ(difference(given, small).find("model.hidden"), std::string::npos);
}

}  // namespace lapatlas
