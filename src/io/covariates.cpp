#include "src/io/covariates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/collectives.hpp"
#include "dist/error.hpp"

namespace lapatlas {

namespace {

std::string path_of(std::size_t column) { return "covariates/" + std::to_string(column); }

}  // namespace

void measure_covariates(const Communicator& comm, const std::vector<float>& values,
                        std::vector<CovariateColumn>& columns) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
        double sums[3] = {0, 0, 0};
        double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
        for (std::size_t i = c; i < values.size(); i += columns.size()) {
            const double value = values[i];
            if (std::isnan(value)) continue;
            sums[0] += 1;
            sums[1] += value;
            sums[2] += value * value;
            lowest = std::min(lowest, value);
            highest = std::max(highest, value);
        }
        all_reduce_sum(comm, std::span<double>(sums));
        CovariateColumn& column = columns[c];
        if (sums[0] == 0)
            throw InputError("covariate '" + column.name +
                             "' (input.covariate_keys): no training cell has a value; drop it");
        if (!column.is_number()) continue;
        column.lowest = all_reduce_min(comm, lowest);
        column.highest = all_reduce_max(comm, highest);
        column.mean = sums[1] / sums[0];
        const double variance = sums[2] / sums[0] - column.mean * column.mean;
        column.deviation = variance > 0 ? std::sqrt(variance) : 1;
    }
}

void write_covariate_columns(Hdf5File& file, const std::vector<CovariateColumn>& columns) {
    std::vector<std::string> names;
    for (const CovariateColumn& column : columns) names.push_back(column.name);
    file.write_strings("covariates/names", names);
    for (std::size_t c = 0; c < columns.size(); ++c) {
        file.write_strings(path_of(c) + "/categories", columns[c].categories);
        const std::vector<double> figures{columns[c].mean, columns[c].deviation, columns[c].lowest,
                                          columns[c].highest};
        file.write<double>(path_of(c) + "/figures", figures);
    }
}

std::vector<CovariateColumn> read_covariate_columns(const Hdf5File& file) {
    std::vector<CovariateColumn> columns;
    for (const std::string& name : file.read_strings("covariates/names")) {
        const std::string path = path_of(columns.size());
        const auto figures = file.read<double>(path + "/figures");
        if (figures.size() != 4) throw InputError("damaged: '" + path + "/figures' holds no four numbers");
        columns.push_back(
            {name, file.read_strings(path + "/categories"), figures[0], figures[1], figures[2], figures[3]});
    }
    return columns;
}

}  // namespace lapatlas
