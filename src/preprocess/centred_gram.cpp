#include "src/preprocess/centred_gram.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <type_traits>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kLanes = 8;  // columns are padded to whole vectors of float64
constexpr std::int64_t kMaxSlice =
    24;  // columns worked on at a time: [num_genes, 24] stays in the second-level cache
constexpr std::int64_t kRowsAtATime = 64;

/// Columns [first, first + width) of v, padded with zeros, contiguous.
RowMatrix slice_of(const Eigen::Ref<const RowMatrix>& v, Eigen::Index first, Eigen::Index width) {
    RowMatrix slice = RowMatrix::Zero(v.rows(), width);
    const Eigen::Index held = std::min(width, v.cols() - first);
    slice.leftCols(held) = v.middleCols(first, held);
    return slice;
}

/// Calls work(slice of v, its first column, std::integral_constant of its width) until all columns are done.
template <class F>
void for_each_slice(const Eigen::Ref<const RowMatrix>& v, F&& work) {
    for (Eigen::Index first = 0; first < v.cols(); first += kMaxSlice) {
        const Eigen::Index width =
            std::min<Eigen::Index>(kMaxSlice, (v.cols() - first + kLanes - 1) / kLanes * kLanes);
        const RowMatrix slice = slice_of(v, first, width);
        switch (width) {
            case 8:
                work(slice, first, std::integral_constant<int, 8>{});
                break;
            case 16:
                work(slice, first, std::integral_constant<int, 16>{});
                break;
            default:
                work(slice, first, std::integral_constant<int, kMaxSlice>{});
                break;
        }
    }
}

/// out = (row of X) v - shift.
template <int kWidth>
void row_times(const SparseCounts& row, const double* v, const double* shift, double* out) {
    const float* const values = row.values;
    const auto source = [&](std::int64_t i) { return v + std::int64_t{row.genes[i]} * kWidth; };
    std::int64_t i = 0;
    const std::int64_t end = row.size;
    for (int j = 0; j < kWidth; ++j) out[j] = -shift[j];
    // Four entries at a time: one load and store of `out` instead of four that wait for each other.
    for (; i + 4 <= end; i += 4) {
        const double a = values[i], b = values[i + 1], c = values[i + 2], d = values[i + 3];
        const double *const va = source(i), *const vb = source(i + 1), *const vc = source(i + 2),
                            *const vd = source(i + 3);
#pragma omp simd
        for (int j = 0; j < kWidth; ++j) out[j] += (a * va[j] + b * vb[j]) + (c * vc[j] + d * vd[j]);
    }
    for (; i < end; ++i) {
        const double a = values[i];
        const double* const va = source(i);
#pragma omp simd
        for (int j = 0; j < kWidth; ++j) out[j] += a * va[j];
    }
}

/// sums += X^T out for one row of X, every term rounded to the grid first.
template <int kWidth>
void add_row(const SparseCounts& row, const double* out, double magic, double* sums) {
    double product[kWidth];
    std::copy_n(out, kWidth, product);
    for (std::int64_t i = 0; i < row.size; ++i) {
        const double value = row.values[i];
        double* const sum = sums + std::int64_t{row.genes[i]} * kWidth;
#pragma omp simd
        for (int j = 0; j < kWidth; ++j) sum[j] += (value * product[j] + magic) - magic;
    }
}

}  // namespace

CentredGram::CentredGram(const Communicator& comm, const ExpressionRows& local) : comm_(comm), local_(local) {
    num_rows_ = all_reduce_sum(comm, local.num_rows());
    double largest = 0, longest_row = 0;
    std::vector<double> sums;
    agreed(comm, [&] {
        RowBuffer buffer;
        for (std::int64_t r = 0; r < local.num_rows(); ++r) {
            const SparseCounts row = local.row(r, buffer);
            double squares = 0;
            for (std::int64_t i = 0; i < row.size; ++i) {
                const double value = row.values[i];
                squares += value * value;
                largest = std::max(largest, std::abs(value));
            }
            longest_row = std::max(longest_row, std::sqrt(squares));
        }
        sums.assign(static_cast<std::size_t>(local.num_genes()) + 1, 0);
    });
    largest = all_reduce_max(comm, largest);
    longest_row = all_reduce_max(comm, longest_row);
    const double rows = static_cast<double>(std::max<std::int64_t>(num_rows_, 1));

    const SumGrid value_grid(rows * largest);
    const SumGrid square_grid(rows * longest_row * longest_row);
    RowBuffer buffer;
    for (std::int64_t r = 0; r < local.num_rows(); ++r) {
        const SparseCounts row = local.row(r, buffer);
        double squares = 0;
        for (std::int64_t i = 0; i < row.size; ++i) {
            const double value = row.values[i];
            squares += value * value;
            sums[static_cast<std::size_t>(row.genes[i])] += value_grid.round(value);
        }
        sums.back() += square_grid.round(squares);
    }
    all_reduce_sum(comm, std::span<double>(sums));
    const double all_squares = sums.back();
    sums.pop_back();
    mean_ = std::move(sums);
    double mean_squares = 0;
    for (double& m : mean_) {
        m /= rows;
        mean_squares += m * m;
    }
    // What is left of rows that do not vary is the rounding of the mean.
    const double centred_squares = all_squares - rows * mean_squares;
    trace_ = centred_squares > 1e-12 * all_squares ? centred_squares : 0;
    // |row of C v| <= |row of X| + |mean| for columns of v of length one.
    grid_ = SumGrid(rows * std::max(1.0, largest) * (longest_row + std::sqrt(mean_squares)) * 1.01);
}

template <int kWidth>
void CentredGram::add_local(const RowMatrix& v, const Eigen::RowVectorXd& shift,
                            std::vector<RowMatrix>& sums) const {
    const double magic = grid_.magic();
    const std::int64_t num_rows = local_.num_rows();
#pragma omp parallel num_threads(static_cast <int>(sums.size()))
    {
        // Sums of a thread of its own: exact, so it does not matter which rows it got.
        RowMatrix& mine = sums[static_cast<std::size_t>(omp_get_thread_num())];
        mine.setZero();
        double* const column_sums = mine.data() + local_.num_genes() * kWidth;
        RowBuffer buffer;
#pragma omp for schedule(dynamic, kRowsAtATime)
        for (std::int64_t r = 0; r < num_rows; ++r) {
            const SparseCounts row = local_.row(r, buffer);
            double product[kWidth];
            row_times<kWidth>(row, v.data(), shift.data(), product);
            add_row<kWidth>(row, product, magic, mine.data());
            for (int j = 0; j < kWidth; ++j) column_sums[j] += (product[j] + magic) - magic;
        }
    }
}

RowMatrix CentredGram::apply_to_rows(const RowMatrix& v, const Eigen::RowVectorXd& shift) const {
    RowMatrix total(local_.num_genes() + 1, v.cols());
    for_each_slice(v, [&](const RowMatrix& slice, Eigen::Index first, auto width) {
        std::vector<RowMatrix> sums(static_cast<std::size_t>(omp_get_max_threads()),
                                    RowMatrix(total.rows(), slice.cols()));
        const Eigen::Index held = std::min(slice.cols(), v.cols() - first);
        Eigen::RowVectorXd part = Eigen::RowVectorXd::Zero(slice.cols());
        part.head(held) = shift.segment(first, held);
        add_local<width>(slice, part, sums);
        for (std::size_t thread = 1; thread < sums.size(); ++thread) sums[0] += sums[thread];
        total.middleCols(first, held) = sums[0].leftCols(held);
    });
    return total;
}

RowMatrix CentredGram::apply(const RowMatrix& v) const {
    const Eigen::Map<const Eigen::RowVectorXd> mean(mean_.data(), local_.num_genes());
    RowMatrix total = agreed(comm_, [&] { return apply_to_rows(v, mean * v); });
    all_reduce_sum(comm_, std::span<double>(total.data(), static_cast<std::size_t>(total.size())));
    return total.topRows(local_.num_genes()) - mean.transpose() * total.bottomRows(1);
}

RowMatrix centred_times(const ExpressionRows& rows, std::span<const double> mean,
                        const Eigen::Ref<const RowMatrix>& v) {
    const Eigen::Map<const Eigen::RowVectorXd> means(mean.data(), static_cast<Eigen::Index>(mean.size()));
    const std::int64_t num_rows = rows.num_rows();
    RowMatrix products(num_rows, v.cols());
    for_each_slice(v, [&](const RowMatrix& slice, Eigen::Index first, auto width) {
        const Eigen::RowVectorXd shift = means * slice;
        const Eigen::Index held = std::min(slice.cols(), v.cols() - first);
#pragma omp parallel
        {
            RowBuffer buffer;
#pragma omp for schedule(dynamic, kRowsAtATime)
            for (std::int64_t row = 0; row < num_rows; ++row) {
                double product[width];
                row_times<width>(rows.row(row, buffer), slice.data(), shift.data(), product);
                std::copy_n(product, held, products.data() + row * v.cols() + first);
            }
        }
    });
    return products;
}

}  // namespace lapatlas
