#include "src/io/atlas_size.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "dist/error.hpp"
#include "src/io/gz_lines.hpp"
#include "src/io/h5ad_matrix.hpp"
#include "src/io/input_files.hpp"
#include "src/io/tenx_reader.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kStripes = 10, kRowsOfStripe = 50;

double nonzeros_of_sample(const Hdf5File& file, const StoredMatrix& matrix) {
    std::int64_t rows = 0, nonzeros = 0;
    for (std::int64_t stripe = 0; stripe < kStripes; ++stripe) {
        const std::int64_t first = matrix.num_cells * stripe / kStripes;
        const std::int64_t count =
            std::min(kRowsOfStripe, matrix.num_cells * (stripe + 1) / kStripes - first);
        const auto values = file.read_rows<float>(matrix.path, first, count);
        rows += count;
        nonzeros += std::count_if(values.begin(), values.end(), [](float value) { return value != 0; });
    }
    return rows == 0 ? 0
                     : static_cast<double>(nonzeros) / static_cast<double>(rows) *
                           static_cast<double>(matrix.num_cells);
}

AtlasSize size_of_h5ad(const Hdf5File& file, const InputOptions& options) {
    const std::vector<StoredMatrix> matrices = list_matrices(file);
    if (matrices.empty())
        throw InputError(options.path + ": holds no matrix of counts (X, layers/NAME or raw/X)");
    // The one with counts; all have much the same entries.
    const StoredMatrix* chosen = &matrices.front();
    for (const StoredMatrix& matrix : matrices)
        if (options.layer.empty() ? matrix.name == "layers/counts" || matrix.name == "raw/X"
                                  : matrix.name == options.layer || matrix.name == "layers/" + options.layer)
            chosen = &matrix;
    const double nonzeros = chosen->storage == MatrixStorage::kDense
                                ? nonzeros_of_sample(file, *chosen)
                                : static_cast<double>(file.num_rows(chosen->path + "/data"));
    return {chosen->num_cells, chosen->num_genes, nonzeros};
}

AtlasSize size_of_tenx_h5(const Hdf5File& file) {
    for (const std::string& group : file.children("/"))
        if (file.is_group(group) && file.is_dataset(group + "/shape")) {
            const auto shape = file.read<std::int64_t>(group + "/shape");
            if (shape.size() != 2)
                throw InputError(file.path().string() + ": '" + group +
                                 "/shape' is not the numbers of genes and cells");
            return {shape[1], shape[0], static_cast<double>(file.num_rows(group + "/data"))};
        }
    throw InputError(file.path().string() + ": no 10x matrix");
}

AtlasSize size_of_tenx_folder(const std::filesystem::path& folder) {
    for (const char* name : {"matrix.mtx", "matrix.mtx.gz"}) {
        if (!std::filesystem::is_regular_file(folder / name)) continue;
        GzLines lines(folder / name);
        std::string line;
        while (lines.next(line) && line.starts_with("%")) {
        }
        std::istringstream numbers(line);
        AtlasSize size;
        if (!(numbers >> size.genes >> size.cells >> size.nonzeros))
            lines.fail("expected the numbers of genes, cells and entries");
        return size;
    }
    throw InputError(folder.string() + ": no matrix.mtx or .gz in this folder");
}

AtlasSize size_of_file(const std::string& path, const InputOptions& options) {
    InputOptions of_file = options;
    of_file.path = path;
    if (std::filesystem::is_directory(path)) return size_of_tenx_folder(path);
    const Hdf5File file = Hdf5File::open(path);
    return is_tenx_h5(file) ? size_of_tenx_h5(file) : size_of_h5ad(file, of_file);
}

}  // namespace

AtlasSize read_atlas_size(const InputOptions& options) {
    if (options.path.empty())
        throw ConfigError(
            "input.path is not set: which atlas? (or plan.cells, plan.genes and plan.genes_a_cell)");
    AtlasSize all;
    for (const std::string& path : input_files(options.path)) {
        const AtlasSize size = size_of_file(path, options);
        all.cells += size.cells;
        all.genes = std::max(all.genes, size.genes);
        all.nonzeros += size.nonzeros;
    }
    return all;
}

}  // namespace lapatlas
