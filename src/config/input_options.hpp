#pragma once

#include <string>

#include "src/config/choices.hpp"

namespace lapatlas {

struct InputOptions {
    std::string path;
    std::string join_genes = "inner";
    bool batch_from_file = false;
    std::string layer;
    std::string label_key;
    std::string batch_key;
    std::string covariate_keys;
    std::string protein_key;
    std::string protein_path;
    bool recover_counts = false;
    std::string values = "counts";
    std::string split_key;
    std::string split_group_key;
    double test_fraction = 0.2;
    double validation_fraction = 0.1;

    /// What the batch is called in files that are written; empty: there is none.
    std::string batch_column() const { return batch_from_file ? "batch" : batch_key; }

    bool has_proteins() const { return !protein_key.empty() || !protein_path.empty(); }
    /// What antibody counts are called in files that are written.
    std::string protein_obsm() const { return protein_key.empty() ? "protein_expression" : protein_key; }

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
        v("covariate_keys", covariate_keys,
          "\"COLUMN,COLUMN\" of obs that are further conditions of a cell: numbers (time, dose, pseudotime) "
          "or "
          "categories (treatment, donor); cells may lack some; .h5ad");
        v("protein_key", protein_key,
          "obsm array or table of antibody counts (CITE-seq), NaN where a cell has none; of 10x data the "
          "type of "
          "those features (\"Antibody Capture\"); model.embedding = joint");
        v("protein_path", protein_path,
          "instead of that an .h5ad file of the antibody counts, whose cells are found by their names; cells "
          "may "
          "be missing there");
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

}  // namespace lapatlas
