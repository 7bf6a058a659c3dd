#include "dist/hdf5_file.hpp"

#include <mpi.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "dist/error.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

/// HDF5 prints its error stack to stderr unless told not to; our exceptions carry what matters.
void silence_hdf5() {
    static std::once_flag once;
    std::call_once(once, [] { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); });
}

/// The innermost message of HDF5's error stack: usually the one that says why.
std::string innermost_hdf5_message() {
    std::string message;
    const auto visit = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
        if (error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, visit, &message);
    std::replace(message.begin(), message.end(), '\n', ' ');
    return message;
}

std::vector<hsize_t> to_hsize(const std::vector<std::int64_t>& shape) {
    return {shape.begin(), shape.end()};
}

Hdf5Handle variable_string_type() {
    Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

void require_regular_file(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw InputError(path.string() + ": no such file");
    if (fs::is_directory(status)) throw InputError(path.string() + ": is a directory, expected a file");
}

/// `count` strings of dataset or attribute `id`, read by `read(memory_type, buffer)`.
template <class Read>
std::vector<std::string> strings_from(hid_t file_type, hid_t space, std::size_t count, Read read) {
    std::vector<std::string> texts(count);
    if (count == 0) return texts;
    if (H5Tis_variable_str(file_type) > 0) {
        const Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(type.get(), H5T_VARIABLE);
        H5Tset_cset(type.get(), H5Tget_cset(file_type));
        std::vector<char*> pointers(count, nullptr);
        if (read(type.get(), pointers.data()) < 0) return {};
        for (std::size_t i = 0; i < count; ++i) texts[i] = pointers[i] == nullptr ? "" : pointers[i];
        H5Dvlen_reclaim(type.get(), space, H5P_DEFAULT, pointers.data());
        return texts;
    }
    const std::size_t width = H5Tget_size(file_type);
    std::vector<char> bytes(count * width);
    if (read(file_type, bytes.data()) < 0) return {};
    for (std::size_t i = 0; i < count; ++i) {
        const char* text = bytes.data() + i * width;
        texts[i].assign(text, strnlen(text, width));
    }
    return texts;
}

}  // namespace

std::string hdf5_version() {
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

void Hdf5File::fail(const std::string& what, const std::string& name) const {
    const std::string why = innermost_hdf5_message();
    throw Hdf5Error(path_.string() + ": " + what + " '" + name + "'" + (why.empty() ? "" : " (" + why + ")"));
}

Hdf5File Hdf5File::open(const fs::path& path) {
    silence_hdf5();
    require_regular_file(path);
    if (H5Fis_hdf5(path.c_str()) <= 0)
        throw InputError(path.string() + ": not an HDF5 file (or cannot be read)");
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!file) {
        throw InputError(path.string() + ": cannot be opened as HDF5; it may be truncated or still being " +
                         "written (" + innermost_hdf5_message() + ")");
    }
    return {path, std::move(file), false};
}

Hdf5File Hdf5File::open_for_update(const fs::path& path) {
    silence_hdf5();
    require_regular_file(path);
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    if (!file) throw Hdf5Error(path.string() + ": cannot be opened for writing (" + innermost_hdf5_message() + ")");
    return {path, std::move(file), false};
}

Hdf5File Hdf5File::create(const fs::path& path) {
    silence_hdf5();
    Hdf5Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    if (!file) throw Hdf5Error(path.string() + ": cannot be created (" + innermost_hdf5_message() + ")");
    return {path, std::move(file), false};
}

namespace {
Hdf5Handle mpi_access(const Communicator& comm) {
    Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_mpio(access.get(), comm.handle(), MPI_INFO_NULL);
    H5Pset_all_coll_metadata_ops(access.get(), true);
    H5Pset_coll_metadata_write(access.get(), true);
    return access;
}
}  // namespace

Hdf5File Hdf5File::create_parallel(const Communicator& comm, const fs::path& path) {
    silence_hdf5();
    const Hdf5Handle access = mpi_access(comm);
    Hdf5Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
    if (!file) throw Hdf5Error(path.string() + ": cannot be created (" + innermost_hdf5_message() + ")");
    return {path, std::move(file), true};
}

Hdf5File Hdf5File::open_parallel(const Communicator& comm, const fs::path& path) {
    silence_hdf5();
    const Hdf5Handle access = mpi_access(comm);
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), H5Fclose);
    if (!file) throw Hdf5Error(path.string() + ": cannot be opened (" + innermost_hdf5_message() + ")");
    return {path, std::move(file), true};
}

void Hdf5File::close() {
    const hid_t id = file_.release();
    // A full disk may show only when the cache is flushed: the destructor would have to swallow that.
    const bool flushed = H5Fflush(id, H5F_SCOPE_GLOBAL) >= 0;
    const std::string why = flushed ? "" : innermost_hdf5_message();
    const bool closed = H5Fclose(id) >= 0;
    if (!flushed || !closed)
        throw Hdf5Error(path_.string() + ": cannot be completed; is the disk full? (" +
                        (flushed ? innermost_hdf5_message() : why) + ")");
}

bool Hdf5File::exists(const std::string& name) const {
    if (name.empty() || name == "/") return true;
    // H5Lexists wants every parent to exist.
    for (std::size_t slash = name.find('/', 1); slash != std::string::npos; slash = name.find('/', slash + 1))
        if (H5Lexists(file_.get(), name.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
    return H5Lexists(file_.get(), name.c_str(), H5P_DEFAULT) > 0;
}

namespace {
bool has_object_type(hid_t file, const std::string& name, H5O_type_t wanted) {
    H5O_info_t info;
    return H5Oget_info_by_name2(file, name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) >= 0 &&
           info.type == wanted;
}
}  // namespace

bool Hdf5File::is_group(const std::string& name) const {
    return exists(name) && has_object_type(file_.get(), name, H5O_TYPE_GROUP);
}

bool Hdf5File::is_dataset(const std::string& name) const {
    return exists(name) && has_object_type(file_.get(), name, H5O_TYPE_DATASET);
}

std::vector<std::string> Hdf5File::children(const std::string& group) const {
    const Hdf5Handle opened(H5Gopen2(file_.get(), group.c_str(), H5P_DEFAULT), H5Gclose);
    if (!opened) fail("no such group", group);
    std::vector<std::string> names;
    const auto visit = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    };
    if (H5Literate(opened.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, visit, &names) < 0)
        fail("cannot list", group);
    return names;
}

Hdf5Handle Hdf5File::open_dataset(const std::string& name) const {
    Hdf5Handle dataset(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset) fail("no such dataset", name);
    return dataset;
}

std::vector<std::int64_t> Hdf5File::shape(const std::string& dataset) const {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle space(H5Dget_space(opened.get()), H5Sclose);
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank < 0) fail("cannot read the shape of", dataset);
    std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr);
    return {extent.begin(), extent.end()};
}

H5T_class_t Hdf5File::type_class(const std::string& dataset) const {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle type(H5Dget_type(opened.get()), H5Tclose);
    return H5Tget_class(type.get());
}

std::int64_t Hdf5File::num_elements(const std::string& dataset) const {
    std::int64_t product = 1;
    for (const std::int64_t extent : shape(dataset)) product *= extent;
    return product;
}

std::int64_t Hdf5File::row_elements(const std::string& dataset) const {
    const std::vector<std::int64_t> extents = shape(dataset);
    std::int64_t product = 1;
    for (std::size_t i = 1; i < extents.size(); ++i) product *= extents[i];
    return product;
}

namespace {
/// Selects rows [first, first + rows) of the leading dimension; nothing when rows is 0.
void select_rows(hid_t space, std::int64_t first, std::int64_t rows) {
    if (rows == 0) {
        H5Sselect_none(space);
        return;
    }
    const int rank = H5Sget_simple_extent_ndims(space);
    std::vector<hsize_t> count(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space, count.data(), nullptr);
    std::vector<hsize_t> start(count.size(), 0);
    start[0] = static_cast<hsize_t>(first);
    count[0] = static_cast<hsize_t>(rows);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
}
}  // namespace

void Hdf5File::read_raw(const std::string& dataset, hid_t type, std::int64_t first, std::int64_t count,
                        void* out) const {
    const Hdf5Handle opened = open_dataset(dataset);
    if (count < 0) {
        if (H5Dread(opened.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0) fail("cannot read", dataset);
        return;
    }
    const Hdf5Handle space(H5Dget_space(opened.get()), H5Sclose);
    select_rows(space.get(), first, count);
    const hsize_t total = static_cast<hsize_t>(H5Sget_select_npoints(space.get()));
    const Hdf5Handle memory(H5Screate_simple(1, &total, nullptr), H5Sclose);
    if (H5Dread(opened.get(), type, memory.get(), space.get(), H5P_DEFAULT, out) < 0)
        fail("cannot read rows " + std::to_string(first) + " to " + std::to_string(first + count) + " of",
             dataset);
}

std::vector<std::string> Hdf5File::read_strings(const std::string& dataset) const {
    return read_strings(dataset, 0, num_elements(dataset));
}

std::vector<std::string> Hdf5File::read_strings(const std::string& dataset, std::int64_t first,
                                                std::int64_t count) const {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle type(H5Dget_type(opened.get()), H5Tclose);
    if (H5Tget_class(type.get()) != H5T_STRING) fail("expected text in", dataset);
    if (count == 0) return {};
    const Hdf5Handle space(H5Dget_space(opened.get()), H5Sclose);
    if (H5Sget_simple_extent_ndims(space.get()) > 0) select_rows(space.get(), first, count);
    const hsize_t total = static_cast<hsize_t>(count);
    const Hdf5Handle memory(H5Screate_simple(1, &total, nullptr), H5Sclose);
    std::vector<std::string> texts =
        strings_from(type.get(), memory.get(), static_cast<std::size_t>(count), [&](hid_t memory_type, void* out) {
            return H5Dread(opened.get(), memory_type, memory.get(), space.get(), H5P_DEFAULT, out);
        });
    if (texts.empty()) fail("cannot read text from", dataset);
    return texts;
}

std::string Hdf5File::read_string(const std::string& dataset) const {
    const std::vector<std::string> texts = read_strings(dataset, 0, 1);
    return texts.at(0);
}

std::optional<Hdf5Handle> Hdf5File::open_attribute(const std::string& object, const std::string& name) const {
    const std::string target = object.empty() ? "/" : object;
    if (!exists(target) || H5Aexists_by_name(file_.get(), target.c_str(), name.c_str(), H5P_DEFAULT) <= 0)
        return std::nullopt;
    Hdf5Handle opened(H5Aopen_by_name(file_.get(), target.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
                      H5Aclose);
    if (!opened) fail("cannot open attribute of", target);
    return opened;
}

std::vector<std::string> Hdf5File::string_list_attribute(const std::string& object,
                                                         const std::string& name) const {
    const auto opened = open_attribute(object, name);
    if (!opened) return {};
    const Hdf5Handle type(H5Aget_type(opened->get()), H5Tclose);
    if (H5Tget_class(type.get()) != H5T_STRING) return {};
    const Hdf5Handle space(H5Aget_space(opened->get()), H5Sclose);
    const auto count = static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space.get())));
    return strings_from(type.get(), space.get(), count,
                        [&](hid_t memory_type, void* out) { return H5Aread(opened->get(), memory_type, out); });
}

std::optional<std::string> Hdf5File::string_attribute(const std::string& object, const std::string& name) const {
    const std::vector<std::string> texts = string_list_attribute(object, name);
    if (texts.empty()) return std::nullopt;
    return texts[0];
}

void Hdf5File::create_group(const std::string& name) {
    if (exists(name)) return;
    const Hdf5Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.get(), 1);
    const Hdf5Handle group(H5Gcreate2(file_.get(), name.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
    if (!group) fail("cannot create group", name);
}

void Hdf5File::create_raw(const std::string& dataset, hid_t type, const std::vector<std::int64_t>& shape,
                          Hdf5Layout layout) {
    const Hdf5Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.get(), 1);
    const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    const std::vector<hsize_t> extent = to_hsize(shape);
    std::vector<hsize_t> maximum = extent;
    if (layout.chunk_rows > 0 && !shape.empty()) {
        std::vector<hsize_t> chunk = extent;
        chunk[0] = static_cast<hsize_t>(layout.chunk_rows);
        for (hsize_t& side : chunk) side = std::max<hsize_t>(side, 1);
        if (!layout.growable) chunk[0] = std::max<hsize_t>(1, std::min(chunk[0], extent[0]));
        H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
        if (layout.gzip_level > 0) {
            H5Pset_shuffle(creation.get());
            H5Pset_deflate(creation.get(), static_cast<unsigned>(layout.gzip_level));
        }
        if (layout.growable) maximum[0] = H5S_UNLIMITED;
    }
    if (parallel_) H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
    const Hdf5Handle space(shape.empty()
                               ? H5Screate(H5S_SCALAR)
                               : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), maximum.data()),
                           H5Sclose);
    const Hdf5Handle created(H5Dcreate2(file_.get(), dataset.c_str(), type, space.get(), links.get(),
                                        creation.get(), H5P_DEFAULT),
                             H5Dclose);
    if (!created) fail("cannot create dataset", dataset);
}

void Hdf5File::resize(const std::string& dataset, std::int64_t num_rows) {
    std::vector<hsize_t> extent = to_hsize(shape(dataset));
    extent.at(0) = static_cast<hsize_t>(num_rows);
    const Hdf5Handle opened = open_dataset(dataset);
    if (H5Dset_extent(opened.get(), extent.data()) < 0) fail("cannot resize", dataset);
}

void Hdf5File::write_raw(const std::string& dataset, hid_t type, std::int64_t first, std::int64_t rows,
                         const void* values) {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle transfer(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    if (parallel_) H5Pset_dxpl_mpio(transfer.get(), H5FD_MPIO_COLLECTIVE);
    herr_t status = 0;
    if (rows < 0) {
        status = H5Dwrite(opened.get(), type, H5S_ALL, H5S_ALL, transfer.get(), values);
    } else {
        const Hdf5Handle space(H5Dget_space(opened.get()), H5Sclose);
        select_rows(space.get(), first, rows);
        const hsize_t total = rows == 0 ? 0 : static_cast<hsize_t>(H5Sget_select_npoints(space.get()));
        const Hdf5Handle memory(H5Screate_simple(1, &total, nullptr), H5Sclose);
        if (rows == 0) H5Sselect_none(memory.get());
        status = H5Dwrite(opened.get(), type, memory.get(), space.get(), transfer.get(), values);
    }
    if (status < 0) fail("cannot write (is the disk full?)", dataset);
}

void Hdf5File::write_strings(const std::string& dataset, const std::vector<std::string>& values) {
    ensure(!parallel_, "text is written by one rank");
    const Hdf5Handle type = variable_string_type();
    create_raw(dataset, type.get(), {static_cast<std::int64_t>(values.size())}, {});
    if (values.empty()) return;
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    write_raw(dataset, type.get(), 0, -1, pointers.data());
}

void Hdf5File::write_string(const std::string& dataset, const std::string& value) {
    ensure(!parallel_, "text is written by one rank");
    const Hdf5Handle type = variable_string_type();
    create_raw(dataset, type.get(), {}, {});
    const char* pointer = value.c_str();
    write_raw(dataset, type.get(), 0, -1, &pointer);
}

void Hdf5File::write_attribute_raw(const std::string& object, const std::string& name, hid_t type,
                                   std::optional<std::int64_t> count, const void* values) {
    const std::string target = object.empty() ? "/" : object;
    if (H5Aexists_by_name(file_.get(), target.c_str(), name.c_str(), H5P_DEFAULT) > 0)
        H5Adelete_by_name(file_.get(), target.c_str(), name.c_str(), H5P_DEFAULT);
    const hsize_t extent = static_cast<hsize_t>(count.value_or(1));
    const Hdf5Handle space(count ? H5Screate_simple(1, &extent, nullptr) : H5Screate(H5S_SCALAR), H5Sclose);
    const Hdf5Handle created(H5Acreate_by_name(file_.get(), target.c_str(), name.c_str(), type, space.get(),
                                               H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                             H5Aclose);
    if (!created || (extent > 0 && H5Awrite(created.get(), type, values) < 0))
        fail("cannot write attribute '" + name + "' of", target);
}

void Hdf5File::write_attribute(const std::string& object, const std::string& name, const std::string& value) {
    const Hdf5Handle type = variable_string_type();
    const char* pointer = value.c_str();
    write_attribute_raw(object, name, type.get(), std::nullopt, &pointer);
}

void Hdf5File::write_attribute(const std::string& object, const std::string& name,
                               const std::vector<std::string>& values) {
    const Hdf5Handle type = variable_string_type();
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    write_attribute_raw(object, name, type.get(), static_cast<std::int64_t>(values.size()), pointers.data());
}

}  // namespace lapatlas
