#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/backend/backend.hpp"
#include "src/config/denoise_options.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/preprocess/pca.hpp"

namespace lapatlas {

/// What one gene's values are divided by, and held to before that.
struct GeneScale {
    std::vector<float>
        deviation;  // [genes] of the reference, sample standard deviation; 1: constant, or not asked for
    std::vector<float> largest;  // [genes] values above become this
};

/// Collective. Of the reference's rows of all ranks, the same for any number of ranks. Standardised values
/// above `most` standard deviations over the mean are held to that, as scanpy's `scale` does; 0: none are.
/// Without `standardise` all deviations are 1.
GeneScale gene_scale(const Communicator& comm, const ExpressionRows& reference, bool standardise,
                     double most);

/// Views rows, their values divided by their genes' deviations. Both must outlive it.
class ScaledRows : public ExpressionRows {
  public:
    ScaledRows(const ExpressionRows& rows, const GeneScale& scale) : rows_(rows), scale_(scale) {}
    std::int64_t num_rows() const override { return rows_.num_rows(); }
    std::int64_t num_genes() const override { return rows_.num_genes(); }
    std::int64_t most_entries(std::int64_t row) const override { return rows_.most_entries(row); }
    SparseCounts row(std::int64_t row, RowBuffer& buffer) const override;

  private:
    const ExpressionRows& rows_;
    const GeneScale& scale_;
};

/// The loadings V of DICE (eq. 1 and 3.1) with what cells are centred and scaled by before they are
/// projected, all of the reference; and the reference's own latents V^T x.
struct ReferenceSpace {
    GeneScale scale;
    Pca pca;
    std::vector<double> latents;  // [local rows, components]
};

/// Collective. `components` 0: as many as lie before the elbow of the spectrum. InputError as pca().
ReferenceSpace fit_reference_space(const Backend& backend, const ExpressionRows& reference,
                                   const DenoiseOptions& options, std::uint64_t seed);

/// Latents [rows, components] of cells with the same genes.
std::vector<double> latents_in(const ReferenceSpace& space, const ExpressionRows& rows);

/// Where a falling curve bends most: the number of values before the one farthest below the straight line
/// from the first to the last (Satopaa et al. 2011, both axes scaled to [0, 1]); at least 2, all where there
/// are fewer than 3.
std::int64_t elbow(std::span<const double> falling);

}  // namespace lapatlas
