#include "src/evaluate/kmeans_groups.hpp"

#include <algorithm>
#include <opencv2/core.hpp>

namespace lapatlas {

std::vector<std::int32_t> kmeans_groups(const Points& cells, std::int64_t groups, std::uint64_t seed) {
    constexpr int kStarts = 10, kRounds = 100;
    if (cells.rows() == 0) return {};
    cv::Mat points(static_cast<int>(cells.rows()), static_cast<int>(cells.cols()), CV_32F);
    for (int row = 0; row < points.rows; ++row)
        for (int column = 0; column < points.cols; ++column)
            points.at<float>(row, column) = static_cast<float>(cells(row, column));
    cv::Mat labels;
    cv::setRNGSeed(static_cast<int>(seed & 0x7fffffff));
    cv::kmeans(points, static_cast<int>(std::min<std::int64_t>(groups, cells.rows())), labels,
               cv::TermCriteria(cv::TermCriteria::EPS | cv::TermCriteria::COUNT, kRounds, 1e-4), kStarts,
               cv::KMEANS_PP_CENTERS);
    return {labels.begin<int>(), labels.end<int>()};
}

}  // namespace lapatlas
