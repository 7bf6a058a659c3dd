#pragma once

#include <cstdint>
#include <string>

#include "src/config/choices.hpp"

namespace lapatlas {

struct ModelOptions {
    std::string embedding = "laplacian";
    std::int64_t embedding_width = 0;
    std::int64_t embedding_layers = 0;
    std::int64_t target_clusters = 0;
    bool unit_length = false;
    std::int64_t hidden = 0;
    std::int64_t latent = 0;
    std::int64_t encoder_genes = 4000;
    bool centre_input = false;
    bool latent_noise = true;
    std::int64_t cheb_order = 4;
    double dropout = 0.1;
    std::string likelihood = "negative_binomial";
    std::string dispersion = "gene_label";
    std::string library = "size_factor";
    std::string library_model = "joint";
    std::string score_network = "mlp";
    std::int64_t score_width = 256;
    std::int64_t score_blocks = 4;
    std::string score_widths = "512,512,256,128";
    std::string fusion = "concat";
    std::string condition = "label";
    bool condition_shift = false;
    double score_dropout = 0.2;
    std::string classifier = "none";
    std::int64_t classifier_width = 256;
    std::string diffusion = "sde";
    double diffusion_time = 5;
    std::int64_t diffusion_steps = 1000;
    double first_beta = 1e-4;
    double last_beta = 0.02;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("embedding", embedding,
          "of cells, that is diffused: laplacian (LapDDPM's encoder and decoder on the graph), autoencoder "
          "(scDiffusion's), scanvi, sctag (on the graph too), joint (genes and antibody counts), pca, or "
          "hvg: "
          "log-normalised genes themselves (with prepare.keep_variable_genes)",
          Choices{"laplacian", "autoencoder", "scanvi", "sctag", "joint", "pca", "hvg"});
        v("embedding_width", embedding_width,
          "width of the layers; 0: as published, autoencoder 1024, scanvi and sctag 128, joint 256");
        v("embedding_layers", embedding_layers,
          "layers there, and back; 0: as published, autoencoder 3, scanvi and joint 1");
        v("target_clusters", target_clusters,
          "centres that latents are drawn to; 0: as many as there are labels, else 10; sctag");
        v("unit_length", unit_length, "latents are scaled to length 1, as scDiffusion's; autoencoder");
        v("hidden", hidden, "width h of encoder and decoder; 0: from the data, 128 to 512");
        v("latent", latent,
          "latent width d; 0: from the data, 32 or 64; of other embeddings than laplacian as published: "
          "autoencoder 128, scanvi 10, sctag 15, joint 20, and pca 50");
        v("encoder_genes", encoder_genes,
          "genes the encoder sees, the most variable ones (Seurat v3 ranking); 0: all. The decoder explains "
          "all");
        v("centre_input", centre_input,
          "take each gene's mean over training cells from what the encoder sees: far fewer steps on large "
          "data");
        v("latent_noise", latent_noise,
          "decode and diffuse a draw from each cell's posterior; false: its mean, as LapDDPM's code does");
        v("cheb_order", cheb_order, "Chebyshev terms T_0 .. T_(order-1) a convolution; 1: no graph");
        v("dropout", dropout, "dropout in the decoder; generation uses mean rates over it");
        v("likelihood", likelihood,
          "of a count given its rate; zinb: negative binomial with an excess of zeros, scanvi, sctag and "
          "joint",
          Choices{"negative_binomial", "poisson", "zinb"});
        v("dispersion", dispersion,
          "of the negative binomial: one a gene, or one a gene and label, drawn towards the gene's",
          Choices{"gene_label", "gene"});
        v("library", library,
          "size_factor: softmax times a library size; absolute: rates as the paper has them",
          Choices{"size_factor", "absolute"});
        v("library_model", library_model,
          "where a generated cell's library comes from: joint: diffused with the latent as one more "
          "coordinate; per_label: drawn from the training cells of its label (absolute rates draw none)",
          Choices{"joint", "per_label"});
        v("score_network", score_network,
          "what the ScoreNet is inside: residual blocks (LapDDPM), the U-Net of scDiffusion, DICE's residual "
          "network, D = score_width, or the U-Net of SCLD",
          Choices{"mlp", "cell_unet", "residual_mlp", "scld_unet"});
        v("score_width", score_width, "width of the ScoreNet's blocks and of its conditions");
        v("score_blocks", score_blocks, "residual blocks of the ScoreNet; mlp, residual_mlp");
        v("score_widths", score_widths,
          "\"NUMBER,NUMBER\" widths of the U-Net on its way down; cell_unet, scld_unet");
        v("fusion", fusion, "how a latent and its condition become one input; scld_unet",
          Choices{"concat", "add", "attention"});
        v("condition", condition,
          "what a label is to the ScoreNet: an embedding of its own, or the mean expression of its cells "
          "through two layers, of all cells where there is none (SCLD's pre-guidance)",
          Choices{"label", "mean"});
        v("condition_shift", condition_shift,
          "the forward process adds the condition to latents in every step, as in SCLD's eq. 9; ddpm");
        v("score_dropout", score_dropout, "dropout in the ScoreNet's blocks");
        v("classifier", classifier,
          "of noisy latents' labels, for generate.classifier_guidance and keep_predicted: none, mlp (four "
          "layers), or scanvi (one layer with batch norm, as scANVI's classifier)",
          Choices{"none", "mlp", "scanvi"});
        v("classifier_width", classifier_width, "width of the classifier");
        v("diffusion", diffusion,
          "sde: continuous noise (LapDDPM); ddpm: noise in discrete steps, variances rising linearly "
          "(scDiffusion, SCLD)",
          Choices{"sde", "ddpm"});
        v("diffusion_time", diffusion_time, "end T of the diffusion, alpha(T) = exp(-T); sde");
        v("diffusion_steps", diffusion_steps, "steps of the diffusion; ddpm");
        v("first_beta", first_beta, "variance added in its first step; ddpm");
        v("last_beta", last_beta, "variance added in its last step; ddpm");
    }
};

}  // namespace lapatlas
