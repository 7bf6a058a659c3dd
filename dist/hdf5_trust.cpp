#include "dist/hdf5_trust.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"

namespace lapatlas::hdf5_detail {

namespace {

/// Small claims are taken at their word.
constexpr double kFreeBytes = 64.0 * 1024 * 1024;

/// By what factor the filters of a chunk may have shrunk it: deflate cannot exceed 1032, of others (zstd,
/// blosc) runs of zeros shrink further.
double most_unpacking(hid_t layout) {
    double factor = 1;
    const int filters = H5Pget_nfilters(layout);
    for (int i = 0; i < filters; ++i) {
        unsigned flags = 0, config = 0;
        std::size_t values = 0;
        const H5Z_filter_t filter =
            H5Pget_filter2(layout, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config);
        if (filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32) continue;
        factor = std::max(factor, filter == H5Z_FILTER_DEFLATE ? 1100.0 : 1e6);
    }
    return factor;
}

double chunk_bytes(hid_t layout, double item_bytes) {
    std::vector<hsize_t> extent(H5S_MAX_RANK);
    const int rank = H5Pget_chunk(layout, H5S_MAX_RANK, extent.data());
    double bytes = item_bytes;
    for (int i = 0; i < rank; ++i) bytes *= static_cast<double>(extent[static_cast<std::size_t>(i)]);
    return bytes;
}

std::string kind_of(H5L_type_t type) {
    return type == H5L_TYPE_SOFT       ? "a soft link"
           : type == H5L_TYPE_EXTERNAL ? "a link to another file"
                                       : "a user-defined link";
}

}  // namespace

void require_no_links(hid_t file, const std::filesystem::path& path, const std::string& name) {
    // A group that holds itself has names without end.
    constexpr std::ptrdiff_t kDeepest = 32;
    if (std::count(name.begin(), name.end(), '/') > kDeepest)
        throw InputError(path.string() + ": '" + name.substr(0, 60) +
                         "...' lies too deep: the file is damaged");
    for (std::size_t slash = name.find('/', 1);; slash = name.find('/', slash + 1)) {
        const std::string part = name.substr(0, slash);
        if (!part.empty() && part != "/") {
            H5L_info_t info;
            if (H5Lget_info(file, part.c_str(), &info, H5P_DEFAULT) < 0) return;
            if (info.type != H5L_TYPE_HARD)
                throw InputError(path.string() + ": '" + part + "' is " + kind_of(info.type) +
                                 ", which is not followed; copy what it leads to into the file");
        }
        if (slash == std::string::npos) return;
    }
}

void require_own_values(hid_t dataset, const std::filesystem::path& path, const std::string& name) {
    const auto refuse = [&](const std::string& what) {
        throw InputError(path.string() + ": '" + name + "' " + what);
    };
    const Hdf5Handle layout(H5Dget_create_plist(dataset), H5Pclose);
    const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
    const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
    if (!layout || !space || !type) refuse("cannot be read: the file is damaged");
    if (H5Pget_external_count(layout.get()) > 0 || H5Pget_layout(layout.get()) == H5D_VIRTUAL)
        refuse("keeps its values in other files, which are not followed; copy them into the file");
    const int rank = H5Sget_simple_extent_ndims(space.get());
    std::vector<hsize_t> extent(static_cast<std::size_t>(std::max(rank, 0)));
    if (rank > 0) H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr);
    double items = 1;
    for (const hsize_t length : extent) {
        // A product that a later length of 0 hides may overflow all the same.
        if (static_cast<double>(length) > 0x1p62) refuse("has an impossible shape: the file is damaged");
        items *= std::max(1.0, static_cast<double>(length));
    }
    if (items > 0x1p62) refuse("has an impossible shape: the file is damaged");
    const auto item_bytes = static_cast<double>(H5Tget_size(type.get()));
    const auto stored = static_cast<double>(H5Dget_storage_size(dataset));
    double most = stored;
    double claimed = items * item_bytes;
    if (H5Pget_layout(layout.get()) == H5D_CHUNKED) {
        most *= most_unpacking(layout.get());
        claimed = std::max(claimed, chunk_bytes(layout.get(), item_bytes));
    }
    if (claimed > kFreeBytes + most)
        refuse("claims " + std::to_string(static_cast<std::int64_t>(std::min(claimed, 0x1p62))) +
               " bytes, and the file stores " + std::to_string(static_cast<std::int64_t>(stored)) +
               " of it: it is damaged");
}

}  // namespace lapatlas::hdf5_detail
