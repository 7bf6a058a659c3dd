#pragma once

#include <cstdint>
#include <string>

#include "src/config/choices.hpp"

namespace lapatlas {

struct TrainOptions {
    std::int64_t embedding_epochs = 100;
    std::int64_t embedding_batch = 128;
    double embedding_learning_rate = 1e-3;
    double kl_warmup_epochs = 400;
    double classification_weight = 50;
    std::int64_t target_epochs = 30;
    double w_adjacency = 0.3;
    double w_target = 1.5;
    std::int64_t joint_epochs = 0;
    std::string precision = "float32";
    std::string batch = "auto";
    std::int64_t active_clusters = 0;
    std::int64_t loss_cells = 256;
    std::int64_t gene_sample = 0;
    bool counts_on_disk = false;
    double learning_rate = 1e-3;
    double weight_decay = 1e-4;
    double warmup_fraction = 0.05;
    double clip_norm = 10;
    double w_diff = 1;
    double w_kl = 0.3;
    double w_rec = 1;
    bool learnable_weights = false;
    bool joint_gradient = false;
    double mask_fraction = 0.1;
    bool lpe_sign_flip = true;
    bool perturb = true;
    double alpha_min = 1e-3;
    double alpha_max = 1e-2;
    double epsilon = 0.1;
    std::int64_t power_iterations = 3;
    std::int64_t perturb_modes = 1;
    double local_edits = 0;
    std::int64_t decode_chunk = 512;
    std::int64_t score_steps = -1;
    std::int64_t score_batch = 512;
    double score_learning_rate = 1e-3;
    double ema_decay = 0.999;
    double label_dropout = 0.1;
    double covariate_dropout = 0.1;
    double protein_dropout = 0.2;
    std::string times = "log_snr";
    std::int64_t classifier_epochs = 100;
    std::int64_t classifier_patience = 5;
    std::int64_t classifier_batch = 512;
    double classifier_learning_rate = 1e-3;
    double classifier_dropout = 0.1;
    bool scorer = false;
    std::int64_t scorer_epochs = 20;
    std::int64_t validate_every = 10;
    double checkpoint_minutes = 10;
    std::int64_t keep_checkpoints = 3;
    bool use_validation = false;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("embedding_epochs", embedding_epochs,
          "passes over the training cells for an embedding; autoencoder, scanvi, joint, sctag");
        v("embedding_batch", embedding_batch, "cells a step of it; autoencoder, scanvi, joint");
        v("embedding_learning_rate", embedding_learning_rate, "AdamW, after warm-up; cosine to zero");
        v("kl_warmup_epochs", kl_warmup_epochs,
          "passes in which the weight of its KL terms rises to 1; 0: it is 1; scanvi, joint");
        v("classification_weight", classification_weight,
          "of the labels' cross-entropy, mean over labelled cells, beside the other terms a cell; scanvi");
        v("target_epochs", target_epochs,
          "the last of embedding_epochs, in which latents are drawn to centres found by k-means; sctag");
        v("w_adjacency", w_adjacency, "weight of telling the graph from latents, mean over pairs; sctag");
        v("w_target", w_target, "weight of drawing latents to their centres, mean over cells; sctag");
        v("joint_epochs", joint_epochs,
          "passes over the training cells for encoder, decoder and ScoreNet together; 0: from the data");
        v("precision", precision,
          "of the factors of matrix products in training; weights, sums and losses are float32 (bfloat16 "
          "needs a GPU)",
          Choices{"float32", "bfloat16"});
        v("batch", batch,
          "full: every step sees the whole graph; cluster: random METIS clusters and their induced graph; "
          "auto: full up to 4,000 training cells",
          Choices{"auto", "full", "cluster"});
        v("active_clusters", active_clusters, "clusters a step in cluster mode; 0: about 4,096 cells");
        v("loss_cells", loss_cells,
          "cells of a step whose losses count, drawn from those in its graph; 0: all of them");
        v("gene_sample", gene_sample,
          "genes whose counts of zero a step's reconstruction looks at, drawn by their mean expression for "
          "all "
          "others (every count above zero is looked at); 0: all genes");
        v("counts_on_disk", counts_on_disk,
          "leave the counts in prepared.h5 and read those of each step, the next step's ahead of it: for "
          "cells that memory does not hold");
        v("learning_rate", learning_rate, "AdamW, after warm-up; cosine to zero");
        v("weight_decay", weight_decay, "AdamW's decoupled decay");
        v("warmup_fraction", warmup_fraction, "share of the steps with a linearly rising learning rate");
        v("clip_norm", clip_norm, "global gradient norm is clipped to this");
        v("w_diff", w_diff, "weight of the diffusion loss in joint training");
        v("w_kl", w_kl, "weight of the KL term (summed over latent dimensions, mean over cells)");
        v("w_rec", w_rec, "weight of the reconstruction (summed over genes, mean over cells)");
        v("learnable_weights", learnable_weights,
          "learn the three weights from where they are set: homoscedastic uncertainty (Kendall et al. 2018)");
        v("joint_gradient", joint_gradient, "let the diffusion loss shape the encoder");
        v("mask_fraction", mask_fraction,
          "share of input counts hidden from the encoder in a step; laplacian");
        v("lpe_sign_flip", lpe_sign_flip, "flip the sign of each positional encoding at random every step");
        v("perturb", perturb, "spectral adversarial edge weights (LapDDPM 3.3)");
        v("alpha_min", alpha_min, "smallest initial random edge perturbation");
        v("alpha_max", alpha_max, "largest initial random edge perturbation");
        v("epsilon", epsilon,
          "root mean square of the adversarial change of an edge weight, all iterations together");
        v("power_iterations", power_iterations, "iterations of the adversarial perturbation");
        v("perturb_modes", perturb_modes,
          "leading eigenvectors of the graph that it moves weights along; LapDDPM: 1");
        v("local_edits", local_edits,
          "share of a step's cells around which edges are cut or doubled at random, beside that");
        v("decode_chunk", decode_chunk, "cells whose rates are in memory at a time");
        v("score_steps", score_steps,
          "further steps for the ScoreNet alone on frozen latents; -1: from the data");
        v("score_batch", score_batch, "cells a ScoreNet step");
        v("score_learning_rate", score_learning_rate, "AdamW for the ScoreNet-only phase; cosine to zero");
        v("ema_decay", ema_decay, "of the moving average of ScoreNet weights that sampling uses");
        v("label_dropout", label_dropout, "share of cells trained under the null label (for guidance)");
        v("covariate_dropout", covariate_dropout,
          "share of cells that the ScoreNet is not told a covariate of, each for itself");
        v("protein_dropout", protein_dropout,
          "share of a step's cells whose antibody counts the encoder is not shown, so that cells without any "
          "are encoded well; joint");
        v("times", times, "training times: uniform in log-SNR, or in t as published",
          Choices{"log_snr", "uniform_t"});
        v("classifier_epochs", classifier_epochs,
          "passes over the training cells for the classifier, at most");
        v("classifier_patience", classifier_patience,
          "epochs without a lower loss of the validation cells after which the classifier is done");
        v("classifier_batch", classifier_batch, "cells a step of the classifier");
        v("classifier_learning_rate", classifier_learning_rate, "AdamW, constant");
        v("classifier_dropout", classifier_dropout, "dropout in the classifier");
        v("scorer", scorer,
          "train a Scorer of real and generated cells once the model is done (SCLD's post-guidance), for "
          "generate.keep_best");
        v("scorer_epochs", scorer_epochs, "passes over its cells; the rate is score_learning_rate");
        v("validate_every", validate_every, "epochs between validation likelihoods; 0: never");
        v("checkpoint_minutes", checkpoint_minutes,
          "minutes between checkpoints; one is always written at the end");
        v("keep_checkpoints", keep_checkpoints,
          "of the latest checkpoints, should the last one be damaged: last.h5, previous-1.h5, ...");
        v("use_validation", use_validation, "train on the validation cells too, once a recipe is chosen");
    }
};

}  // namespace lapatlas
