#pragma once

#include <cstdint>
#include <string>

#include "src/config/choices.hpp"

namespace lapatlas {

struct GenerateOptions {
    std::int64_t cells = 0;
    std::string counts;
    std::string like;
    std::string batch;
    std::string set;
    double library_size = 0;
    std::string genes;
    std::string solver = "dpmpp_2m";
    std::int64_t steps = 20;
    double guidance = 0;
    double classifier_guidance = 0;
    double keep_best = 1;
    bool keep_predicted = false;
    std::int64_t most_attempts = 20;
    bool write_latents = false;
    std::int64_t gzip_level = 1;
    std::int64_t shards = 0;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("cells", cells, "cells to generate; 0: as many as the atlas has");
        v("counts", counts,
          "cells of each type: \"type=n,type=n\", or a file with a \"type<TAB>n\" line each; empty: training "
          "frequencies");
        v("like", like, "an .h5ad whose composition of types (and batches) is mirrored, cell for cell");
        v("batch", batch, "batch that all cells imitate; empty: as the training cells of their type have it");
        v("set", set,
          "covariates that all cells have: \"COLUMN=VALUE,COLUMN=FROM..TO\", the latter evenly from the "
          "first cell "
          "to the last; others are those of a training cell of the type (and batch). obs extrapolation marks "
          "what no training cell was like");
        v("library_size", library_size,
          "expected counts of every cell; 0: those of training cells (model.library_model)");
        v("genes", genes,
          "genes that are written: \"NAME,NAME\", or a file with a name a line; empty: all of the model");
        v("solver", solver,
          "of the reverse diffusion; ancestral: the published one of model.diffusion = ddpm, every step of "
          "it",
          Choices{"dpmpp_2m", "ddim", "euler_maruyama", "ancestral"});
        v("steps", steps, "network evaluations a cell; not looked at by ancestral");
        v("guidance", guidance,
          "w in eps = (1+w) eps(z,c) - w eps(z,null); 0: plain conditional, -1: unconditional");
        v("classifier_guidance", classifier_guidance,
          "scale of the gradient of log p(label | latent) that is added; needs model.classifier");
        v("keep_best", keep_best,
          "share of the cells that stays, those that look most real to the Scorer, label by label; so many "
          "more are made. obs score has the chance; 1: no Scorer is asked");
        v("keep_predicted", keep_predicted,
          "make a cell anew until the classifier predicts the label that was asked for; obs attempts and "
          "predicted say how that went");
        v("most_attempts", most_attempts, "attempts a cell has at most; the last one stays");
        v("write_latents", write_latents, "write obsm X_latent");
        v("gzip_level", gzip_level, "compression of the written counts, 0 to 9");
        v("shards", shards,
          "files that the atlas is written in, with an index (NAME.shards.json) beside them; 0: one .h5ad");
    }
};

}  // namespace lapatlas
