#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

namespace lapatlas {

// Every stage's options in one aggregate. Each struct lists its fields once, in describe(): that list is the
// TOML reader, the TOML writer, the command-line overrides and the documentation. Zero means "from the data"
// where the comment says so.

using Choices = std::initializer_list<const char*>;

struct InputOptions {
    std::string path;
    std::string join_genes = "inner";
    bool batch_from_file = false;
    std::string layer;
    std::string label_key;
    std::string batch_key;
    bool recover_counts = false;
    std::string values = "counts";
    std::string split_key;
    std::string split_group_key;
    double test_fraction = 0.2;
    double validation_fraction = 0.1;

    /// What the batch is called in files that are written; empty: there is none.
    std::string batch_column() const { return batch_from_file ? "batch" : batch_key; }

    template <class Visitor>
    void describe(Visitor&& v) {
        v("path", path,
          "counts: an .h5ad file, a 10x .h5 file, or a 10x folder with matrix.mtx[.gz]; several, separated "
          "by "
          "commas, are one atlas");
        v("join_genes", join_genes,
          "genes of several files: inner (those in every file) or outer (all; not in a file: no counts)",
          Choices{"inner", "outer"});
        v("batch_from_file", batch_from_file,
          "each file is a batch, called by its name; instead of batch_key");
        v("layer", layer, "where the counts are: X, raw/X, layers/NAME; empty: found by looking, and said");
        v("label_key", label_key,
          "obs column of the cell type that generation is conditioned on; empty: no labels");
        v("batch_key", batch_key,
          "obs column of the batch (donor, chemistry): a covariate of decoder and condition; empty: none");
        v("recover_counts", recover_counts,
          "prove and undo log1p(counts scaled by library) where X is log-normalised");
        v("values", values,
          "counts: whole numbers, nothing else is taken; as_given: any numbers, normalised elsewhere "
          "(`lapatlas "
          "denoise` alone)",
          Choices{"counts", "as_given"});
        v("split_key", split_key, "obs column with train / validation / test; empty: split by a hash");
        v("split_group_key", split_group_key,
          "obs column (donor, sample) whose cells stay together in the hashed split");
        v("test_fraction", test_fraction, "share of all cells held out for evaluation");
        v("validation_fraction", validation_fraction,
          "share of the remaining cells held out to watch training");
    }
};

struct OutputOptions {
    std::string dir = "lapatlas-run";

    template <class Visitor>
    void describe(Visitor&& v) {
        v("dir", dir,
          "the run's folder: config.toml, prepared.h5, checkpoints/, metrics.csv, atlas.h5ad, report.html");
    }
};

struct RuntimeOptions {
    std::int64_t seed = 0;
    std::int64_t threads = 0;
    std::string device = "auto";
    double exchange_timeout = 600;
    double heartbeat_timeout = 60;
    double memory = 0;
    std::string scratch;
    double stop_before = 120;
    std::int64_t stripe_count = 0;
    double stripe_mib = 16;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("device", device,
          "where data are prepared, networks trained and sampled: auto (GPUs, if every rank has one), cpu or "
          "cuda");
        v("exchange_timeout", exchange_timeout,
          "seconds after which ranks that all wait for one another, or for one that stands still, give up");
        v("heartbeat_timeout", heartbeat_timeout,
          "seconds without a sign of life from a rank after which the job is ended, with a line that says "
          "who "
          "and where it was; 0: ranks do not watch one another");
        v("memory", memory,
          "GiB of memory that a rank may use; training that needs more is not begun; 0: what its machine has "
          "free, shared by the ranks there");
        v("seed", seed, "of every random number; the same seed gives the same result on any number of ranks");
        v("scratch", scratch,
          "folder on each machine's own disk ($TMPDIR) to which prepared data are copied before training; "
          "empty: they are read where they are");
        v("stop_before", stop_before,
          "seconds before the end of a SLURM job (SLURM_JOB_END_TIME) at which training and generation put "
          "away what they have and stop with exit code 75; at most a tenth of the job; 0: never");
        v("stripe_count", stripe_count,
          "storage targets over which a file that all ranks write is spread on Lustre; 0: as its folder says "
          "(lfs setstripe); -1: all");
        v("stripe_mib", stripe_mib, "MiB of such a file on one target before the next; with stripe_count");
        v("threads", threads,
          "threads a rank; 0: OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else the machine's cores shared by "
          "its "
          "ranks");
    }
};

struct SimulateOptions {
    std::int64_t cells = 2000;
    std::int64_t genes = 2000;
    std::int64_t types = 8;
    std::int64_t batches = 1;
    double median_counts = 2500;
    std::int64_t programs = 0;
    double label_missing_fraction = 0;
    std::int64_t dice_setup = 0;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("cells", cells, "number of cells");
        v("genes", genes, "number of genes");
        v("types", types, "number of cell types, leaves of a binary hierarchy");
        v("batches", batches, "number of batches; above 1 each shifts the genes a little");
        v("median_counts", median_counts, "median counts of a cell (log-normal libraries)");
        v("programs", programs,
          "gene programs that vary from cell to cell within a type (cycle, stress, activation); 0: cells of "
          "a "
          "type differ by noise alone");
        v("label_missing_fraction", label_missing_fraction, "share of cells written without a label");
        v("dice_setup", dice_setup,
          "1 to 4: instead of counts the reference and query of that synthetic setup of DICE, real values, "
          "as "
          "OUTPUT and OUTPUT-query.h5ad; 0: counts");
    }
};

struct PrepareOptions {
    std::int64_t min_cells = 3;
    std::int64_t min_genes = 0;
    double max_mito_fraction = 1;
    std::int64_t highly_variable_genes = 0;
    double target_sum = 1e4;
    std::int64_t pca_components = 50;
    std::int64_t k = 0;
    std::int64_t exact_knn_below = 50000;
    std::int64_t encodings = 16;
    std::int64_t clusters = 0;
    std::string partitioner = "auto";

    template <class Visitor>
    void describe(Visitor&& v) {
        v("min_cells", min_cells, "keep genes seen in at least this many training cells");
        v("min_genes", min_genes, "drop cells with fewer genes");
        v("max_mito_fraction", max_mito_fraction, "drop cells with a larger share of counts in MT- genes");
        v("highly_variable_genes", highly_variable_genes,
          "genes used for the graph (Seurat v3 ranking); 0: all kept genes");
        v("target_sum", target_sum, "counts a cell is scaled to before log1p (graph and encoder input)");
        v("pca_components", pca_components, "principal components the neighbours are found in");
        v("k", k, "nearest neighbours a cell; 0: from the data, 10 to 30");
        v("exact_knn_below", exact_knn_below,
          "above this many training cells neighbours are approximate (recall is measured); on GPUs, above 40 "
          "times as many");
        v("encodings", encodings, "Laplacian positional encodings a cell");
        v("clusters", clusters,
          "METIS clusters of the graph; 0: from the data, max(64, training cells / 256)");
        v("partitioner", partitioner,
          "what makes them: metis (on the first rank), scotch (PT-Scotch on all ranks) or auto: metis up to "
          "500 million edges",
          Choices{"auto", "metis", "scotch"});
    }
};

struct ModelOptions {
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
        v("hidden", hidden, "width h of encoder and decoder; 0: from the data, 128 to 512");
        v("latent", latent, "latent width d; 0: from the data, 32 or 64");
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
        v("likelihood", likelihood, "of a count given its rate", Choices{"negative_binomial", "poisson"});
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
          "what the ScoreNet is inside: residual blocks (LapDDPM), or the U-Net of scDiffusion",
          Choices{"mlp", "cell_unet"});
        v("score_width", score_width, "width of the ScoreNet's blocks and of its conditions");
        v("score_blocks", score_blocks, "residual blocks of the ScoreNet; mlp");
        v("score_widths", score_widths, "\"NUMBER,NUMBER\" widths of the U-Net on its way down; cell_unet");
        v("score_dropout", score_dropout, "dropout in the ScoreNet's blocks");
        v("classifier", classifier,
          "of noisy latents' labels, for generate.classifier_guidance and keep_predicted: none, or four "
          "layers",
          Choices{"none", "mlp"});
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

struct TrainOptions {
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
    std::int64_t decode_chunk = 512;
    std::int64_t score_steps = -1;
    std::int64_t score_batch = 512;
    double score_learning_rate = 1e-3;
    double ema_decay = 0.999;
    double label_dropout = 0.1;
    std::string times = "log_snr";
    std::int64_t classifier_epochs = 100;
    std::int64_t classifier_patience = 5;
    std::int64_t classifier_batch = 512;
    double classifier_learning_rate = 1e-3;
    double classifier_dropout = 0.1;
    std::int64_t validate_every = 10;
    double checkpoint_minutes = 10;
    std::int64_t keep_checkpoints = 3;
    bool use_validation = false;

    template <class Visitor>
    void describe(Visitor&& v) {
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
        v("mask_fraction", mask_fraction, "share of input counts hidden from the encoder in a step");
        v("lpe_sign_flip", lpe_sign_flip, "flip the sign of each positional encoding at random every step");
        v("perturb", perturb, "spectral adversarial edge weights (LapDDPM 3.3)");
        v("alpha_min", alpha_min, "smallest initial random edge perturbation");
        v("alpha_max", alpha_max, "largest initial random edge perturbation");
        v("epsilon", epsilon,
          "root mean square of the adversarial change of an edge weight, all iterations together");
        v("power_iterations", power_iterations, "iterations of the adversarial perturbation");
        v("decode_chunk", decode_chunk, "cells whose rates are in memory at a time");
        v("score_steps", score_steps,
          "further steps for the ScoreNet alone on frozen latents; -1: from the data");
        v("score_batch", score_batch, "cells a ScoreNet step");
        v("score_learning_rate", score_learning_rate, "AdamW for the ScoreNet-only phase; cosine to zero");
        v("ema_decay", ema_decay, "of the moving average of ScoreNet weights that sampling uses");
        v("label_dropout", label_dropout, "share of cells trained under the null label (for guidance)");
        v("times", times, "training times: uniform in log-SNR, or in t as published",
          Choices{"log_snr", "uniform_t"});
        v("classifier_epochs", classifier_epochs,
          "passes over the training cells for the classifier, at most");
        v("classifier_patience", classifier_patience,
          "epochs without a lower loss of the validation cells after which the classifier is done");
        v("classifier_batch", classifier_batch, "cells a step of the classifier");
        v("classifier_learning_rate", classifier_learning_rate, "AdamW, constant");
        v("classifier_dropout", classifier_dropout, "dropout in the classifier");
        v("validate_every", validate_every, "epochs between validation likelihoods; 0: never");
        v("checkpoint_minutes", checkpoint_minutes,
          "minutes between checkpoints; one is always written at the end");
        v("keep_checkpoints", keep_checkpoints,
          "of the latest checkpoints, should the last one be damaged: last.h5, previous-1.h5, ...");
        v("use_validation", use_validation, "train on the validation cells too, once a recipe is chosen");
    }
};

struct GenerateOptions {
    std::int64_t cells = 0;
    std::string counts;
    std::string like;
    std::string batch;
    double library_size = 0;
    std::string genes;
    std::string solver = "dpmpp_2m";
    std::int64_t steps = 20;
    double guidance = 0;
    double classifier_guidance = 0;
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

struct EvaluateOptions {
    std::int64_t halvings = 8;
    std::int64_t max_cells = 1500;
    std::int64_t pca_components = 30;
    std::int64_t min_type_cells = 20;
    std::int64_t trees = 200;
    bool write_draws = false;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("halvings", halvings,
          "random halvings of the test cells; every figure is a mean and spread over them");
        v("max_cells", max_cells, "cells a side at most");
        v("pca_components", pca_components,
          "components fitted on training cells that the two samples are compared in");
        v("min_type_cells", min_type_cells, "types with fewer cells in a half are named, not scored");
        v("trees", trees, "trees of the random forest that tells real from generated");
        v("write_draws", write_draws,
          "also write which cells each comparison took, so that its figures can be repeated elsewhere");
    }
};

struct EmbedOptions {
    std::string path;
    std::string join_genes = "inner";
    bool batch_from_file = false;
    std::string layer;
    bool denoised = false;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("path", path, "counts of the cells to embed, read as input.path is");
        v("layer", layer, "where in it the counts are; empty: found by looking, and said");
        v("denoised", denoised,
          "also write the layer `denoised`: expected counts, cells x genes, not sparse");
    }
};

struct DenoiseOptions {
    std::string query;
    std::string layer;
    std::int64_t components = 0;
    bool standardise = true;
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

struct PlanOptions {
    std::int64_t cells = 0;
    std::int64_t genes = 0;
    std::int64_t genes_a_cell = 0;
    std::int64_t ranks = 0;
    std::int64_t ranks_a_node = 0;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("cells", cells, "cells of the atlas to plan for; 0: those of the input");
        v("genes", genes, "genes of it; 0: those of the input");
        v("genes_a_cell", genes_a_cell, "genes with counts in a cell, on average; 0: those of the input");
        v("ranks", ranks, "ranks to plan for; 0: as many as plan");
        v("ranks_a_node", ranks_a_node, "ranks on a machine; 0: all");
    }
};

struct AblateOptions {
    std::int64_t seeds = 3;
    std::string variants;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("seeds", seeds, "runs of each variant: runtime.seed and those after it");
        v("variants", variants, "\"NAME,NAME\" of those to study beside `base`; empty: all");
    }
};

struct Config {
    InputOptions input;
    OutputOptions output;
    RuntimeOptions runtime;
    SimulateOptions simulate;
    PrepareOptions prepare;
    ModelOptions model;
    TrainOptions train;
    GenerateOptions generate;
    EvaluateOptions evaluate;
    EmbedOptions embed;
    DenoiseOptions denoise;
    SensitivityOptions sensitivity;
    PlanOptions plan;
    AblateOptions ablate;

    /// Calls v.section(name, comment, options) for each section, in the order of the flow.
    template <class Visitor>
    void describe(Visitor&& v) {
        v.section("input", "what is read", input);
        v.section("output", "where the run is kept", output);
        v.section("runtime", "how it runs", runtime);
        v.section("simulate", "only for `lapatlas simulate`", simulate);
        v.section("prepare", "counts to graph", prepare);
        v.section("model", "encoder, decoder, ScoreNet", model);
        v.section("train", "losses and schedule", train);
        v.section("generate", "sampling", generate);
        v.section("evaluate", "two-sample figures", evaluate);
        v.section("embed", "only for `lapatlas embed`", embed);
        v.section("denoise", "only for `lapatlas denoise` (DICE)", denoise);
        v.section("sensitivity", "only for `lapatlas sensitivity`", sensitivity);
        v.section("plan", "only for `lapatlas plan`", plan);
        v.section("ablate", "only for `lapatlas ablate`", ablate);
    }
};

}  // namespace lapatlas
