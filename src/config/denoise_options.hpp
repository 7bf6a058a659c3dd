#pragma once

#include <cstdint>
#include <string>

#include "src/config/choices.hpp"

namespace lapatlas {

struct DenoiseOptions {
    std::string query;
    std::string layer;
    std::int64_t components = 0;
    bool standardise = true;
    bool align_batches = false;
    double largest_value = 10;
    std::int64_t width = 128;
    std::int64_t blocks = 4;
    std::int64_t epochs = 2000;
    std::int64_t batch = 4048;
    double learning_rate = 1e-3;
    double weight_decay = 0.01;
    double mixup = 0.9;
    std::int64_t diffusion_steps = 512;
    double first_beta = 1e-4;
    double last_beta = 0.02;
    std::string likelihood = "gaussian";
    std::string rho_schedule = "exponential";
    double rho = 5;
    double last_rho = 0.5;
    double noise = 1;
    std::int64_t iterations = 100;
    std::int64_t prior_steps = 0;
    std::int64_t repeats = 10;
    std::int64_t neighbours = 15;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("query", query, "cells to denoise, read as input.path is; that is the reference");
        v("layer", layer, "where in the query's file its values are; empty: as for the reference");
        v("components", components,
          "principal components of the reference k; 0: up to the elbow of the spectrum of the first 50");
        v("standardise", standardise,
          "genes are divided by their standard deviation in the reference before the principal components");
        v("largest_value", largest_value, "standardised values above this are set to it; 0: none are");
        v("align_batches", align_batches,
          "batches of the reference (input.batch_key) are moved onto one another, and the query, as one "
          "batch "
          "more, onto them (Harmony, Symphony), before anything is learned");
        v("width", width, "width D of the noise predictor");
        v("blocks", blocks, "residual blocks M of the noise predictor");
        v("epochs", epochs, "passes over the reference");
        v("batch", batch, "cells a step");
        v("learning_rate", learning_rate, "AdamW; cosine to zero");
        v("weight_decay", weight_decay, "AdamW's decoupled decay");
        v("mixup", mixup,
          "chance that a labelled cell of a step is a random mixture of itself and four others of its label");
        v("diffusion_steps", diffusion_steps, "steps T of the diffusion");
        v("first_beta", first_beta, "variance added in its first step");
        v("last_beta", last_beta, "variance added in its last step; linear between");
        v("likelihood", likelihood,
          "what a cell says of its latent: its values with normal noise around them (DICE), or its counts",
          Choices{"gaussian", "poisson", "negative_binomial"});
        v("rho_schedule", rho_schedule, "how rho goes over the iterations, from rho to last_rho",
          Choices{"constant", "linear", "exponential"});
        v("rho", rho,
          "standard deviation that couples cell and prior, in units of the latents: large trusts the "
          "reference, small the cell");
        v("last_rho", last_rho, "of the last iteration; not used if constant");
        v("noise", noise,
          "standard deviation of a cell's (standardised) values around what its latent says; gaussian");
        v("iterations", iterations, "rounds of the split Gibbs sampler");
        v("prior_steps", prior_steps,
          "evaluations of the noise predictor a round, at most; 0: one for every step of the diffusion");
        v("repeats", repeats, "independent runs of it a cell; their mean and spread are written");
        v("neighbours", neighbours,
          "reference cells around each repeat's latent whose labels are counted (input.label_key)");
    }
};

struct SensitivityOptions {
    std::string rho;
    std::string components;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("rho", rho,
          "\"NUMBER,NUMBER\" for denoise.rho, denoise.last_rho in proportion; empty: a quarter, half, one, "
          "two "
          "and four times it");
        v("components", components, "\"NUMBER,NUMBER\" for denoise.components; empty: it alone");
    }
};

}  // namespace lapatlas
