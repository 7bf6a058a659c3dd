#include "dist/hdf5_file.hpp"

#include <mpi.h>
#include <sys/mman.h>
#include <unistd.h>

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
    // Of a failed system or MPI call its own words are enough, without addresses and sizes.
    for (const std::string words : {"error message = '", "MPI error string is '"}) {
        const std::size_t begin = message.find(words);
        if (begin == std::string::npos) continue;
        message.erase(0, begin + words.size());
        message.erase(std::min(message.find('\''), message.size()));
    }
    return message;
}

std::vector<hsize_t> to_hsize(const std::vector<std::int64_t>& shape) { return {shape.begin(), shape.end()}; }

Hdf5Handle variable_string_type() {
    Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

/// Whether `mine` holds on every rank that has the file open.
bool holds_for_all(hid_t file, bool mine) {
    const Hdf5Handle access(H5Fget_access_plist(file), H5Pclose);
    if (H5Pget_driver(access.get()) != H5FD_MPIO) return mine;
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Info hints = MPI_INFO_NULL;
    if (H5Pget_fapl_mpio(access.get(), &comm, &hints) < 0) return mine;
    int all = mine ? 1 : 0;
    MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, comm);
    MPI_Comm_free(&comm);
    if (hints != MPI_INFO_NULL) MPI_Info_free(&hints);
    return all == 1;
}

/// Lets this process write what belongs to an open file into memory instead, to be forgotten.
void redirect_to_memory(hid_t file) {
    char name[4096];
    std::error_code error;
    if (H5Fget_name(file, name, sizeof name) <= 0) return;
    const fs::path path = fs::canonical(name, error);
    const int memory = memfd_create("lapatlas-lost-file", 0);
    if (error || memory < 0) return;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd", error))
        if (fs::read_symlink(entry.path(), error) == path) dup2(memory, std::stoi(entry.path().filename()));
    ::close(memory);
}

/// Closes a file that was written; what was lost, or nothing. (Collective if the file is.)
/// A file that cannot be flushed, as on a full disk, cannot be closed either, and HDF5 crashes over it when
/// MPI ends. Its content is lost anyway, so the rest of it goes to memory: then the close succeeds.
std::optional<std::string> close_written(hid_t file) {
    const bool flushed = H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0;
    std::optional<std::string> why;
    if (!flushed) why = innermost_hdf5_message();
    if (!holds_for_all(file, flushed)) {
        if (!why) why = "on another rank";
        redirect_to_memory(file);
        H5Fflush(file, H5F_SCOPE_GLOBAL);  // fails, but ends the flush that was broken off
    }
    if (H5Fclose(file) < 0 && !why) why = innermost_hdf5_message();
    return why;
}

herr_t close_in_destructor(hid_t file) { return close_written(file) ? -1 : 0; }

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
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), close_in_destructor);
    if (!file)
        throw Hdf5Error(path.string() + ": cannot be opened for writing (" + innermost_hdf5_message() + ")");
    return {path, std::move(file), false};
}

Hdf5File Hdf5File::create(const fs::path& path) {
    silence_hdf5();
    Hdf5Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), close_in_destructor);
    if (!file) throw ResourceError(path.string() + ": cannot be created (" + innermost_hdf5_message() + ")");
    return {path, std::move(file), false};
}

namespace {
Hdf5Handle mpi_access(const Communicator& comm) {
    // Two-phase writes tell every rank of a failed one. Left to itself ROMIO lets ranks with separate pieces
    // write alone; then a full disk is known to one rank only, in the middle of HDF5's collective work, and
    // the rest wait.
    MPI_Info hints = MPI_INFO_NULL;
    check_mpi(MPI_Info_create(&hints), "MPI_Info_create");
    MPI_Info_set(hints, "romio_cb_write", "enable");
    Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_mpio(access.get(), comm.handle(), hints);
    MPI_Info_free(&hints);
    H5Pset_all_coll_metadata_ops(access.get(), true);
    H5Pset_coll_metadata_write(access.get(), true);
    return access;
}
}  // namespace

Hdf5File Hdf5File::create_parallel(const Communicator& comm, const fs::path& path) {
    silence_hdf5();
    const Hdf5Handle access = mpi_access(comm);
    Hdf5Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), close_in_destructor);
    if (!file) throw ResourceError(path.string() + ": cannot be created (" + innermost_hdf5_message() + ")");
    return {path, std::move(file), true};
}

Hdf5File Hdf5File::open_parallel(const Communicator& comm, const fs::path& path) {
    silence_hdf5();
    const Hdf5Handle access = mpi_access(comm);
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), close_in_destructor);
    if (!file) throw Hdf5Error(path.string() + ": cannot be opened (" + innermost_hdf5_message() + ")");
    return {path, std::move(file), true};
}

void Hdf5File::close() {
    // A full disk may show only when the cache is flushed: the destructor would have to swallow that.
    if (const auto why = close_written(file_.release()))
        throw ResourceError(path_.string() + ": cannot be completed; is the disk full? (" + *why + ")");
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
    std::vector<std::string> texts = strings_from(
        type.get(), memory.get(), static_cast<std::size_t>(count), [&](hid_t memory_type, void* out) {
            return H5Dread(opened.get(), memory_type, memory.get(), space.get(), H5P_DEFAULT, out);
        });
    if (texts.empty()) fail("cannot read text from", dataset);
    return texts;
}

std::optional<std::string> Hdf5File::referenced_path(const std::string& object,
                                                     const std::string& name) const {
    const auto opened = open_attribute(object, name);
    if (!opened) return std::nullopt;
    const Hdf5Handle type(H5Aget_type(opened->get()), H5Tclose);
    if (H5Tequal(type.get(), H5T_STD_REF_OBJ) <= 0) return std::nullopt;
    hobj_ref_t reference = 0;
    if (H5Aread(opened->get(), H5T_STD_REF_OBJ, &reference) < 0)
        fail("cannot read reference '" + name + "' of", object);
    const Hdf5Handle target(H5Rdereference2(file_.get(), H5P_DEFAULT, H5R_OBJECT, &reference), H5Oclose);
    if (!target) fail("dangling reference '" + name + "' of", object);
    const ssize_t length = H5Iget_name(target.get(), nullptr, 0);
    if (length <= 0) fail("nameless target of reference '" + name + "' of", object);
    std::string path(static_cast<std::size_t>(length) + 1, '\0');
    H5Iget_name(target.get(), path.data(), path.size());
    path.resize(static_cast<std::size_t>(length));
    return path;
}

std::vector<std::string> Hdf5File::members(const std::string& dataset) const {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle type(H5Dget_type(opened.get()), H5Tclose);
    std::vector<std::string> names;
    if (H5Tget_class(type.get()) != H5T_COMPOUND) return names;
    const int count = H5Tget_nmembers(type.get());
    for (int i = 0; i < count; ++i) {
        char* name = H5Tget_member_name(type.get(), static_cast<unsigned>(i));
        names.emplace_back(name);
        H5free_memory(name);
    }
    return names;
}

namespace {
/// The file's type of one member of a record dataset.
Hdf5Handle member_type(hid_t dataset, const std::string& member) {
    const Hdf5Handle record(H5Dget_type(dataset), H5Tclose);
    const int index = H5Tget_member_index(record.get(), member.c_str());
    if (index < 0) return {};
    return {H5Tget_member_type(record.get(), static_cast<unsigned>(index)), H5Tclose};
}
}  // namespace

H5T_class_t Hdf5File::member_class(const std::string& dataset, const std::string& member) const {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle type = member_type(opened.get(), member);
    if (!type) fail("no member '" + member + "' in", dataset);
    return H5Tget_class(type.get());
}

void Hdf5File::read_member_raw(const std::string& dataset, const std::string& member, hid_t type,
                               std::size_t size, std::int64_t first, std::int64_t count, void* out) const {
    const Hdf5Handle record(H5Tcreate(H5T_COMPOUND, size), H5Tclose);
    if (H5Tinsert(record.get(), member.c_str(), 0, type) < 0)
        fail("cannot read member '" + member + "' of", dataset);
    read_raw(dataset, record.get(), first, count, out);
}

std::vector<std::string> Hdf5File::read_member_strings(const std::string& dataset, const std::string& member,
                                                       std::int64_t first, std::int64_t count) const {
    if (count == 0) return {};
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle type = member_type(opened.get(), member);
    if (!type || H5Tget_class(type.get()) != H5T_STRING) fail("no text member '" + member + "' in", dataset);
    const hsize_t total = static_cast<hsize_t>(count);
    const Hdf5Handle memory(H5Screate_simple(1, &total, nullptr), H5Sclose);
    return strings_from(
        type.get(), memory.get(), static_cast<std::size_t>(count), [&](hid_t memory_type, void* out) {
            read_member_raw(dataset, member, memory_type, H5Tget_size(memory_type), first, count, out);
            return herr_t{0};
        });
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
    const auto count =
        static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space.get())));
    return strings_from(type.get(), space.get(), count, [&](hid_t memory_type, void* out) {
        return H5Aread(opened->get(), memory_type, out);
    });
}

std::optional<std::string> Hdf5File::string_attribute(const std::string& object,
                                                      const std::string& name) const {
    const std::vector<std::string> texts = string_list_attribute(object, name);
    if (texts.empty()) return std::nullopt;
    return texts[0];
}

void Hdf5File::create_group(const std::string& name) {
    if (exists(name)) return;
    const Hdf5Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.get(), 1);
    const Hdf5Handle group(H5Gcreate2(file_.get(), name.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT),
                           H5Gclose);
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
    const Hdf5Handle space(
        shape.empty() ? H5Screate(H5S_SCALAR)
                      : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), maximum.data()),
        H5Sclose);
    const Hdf5Handle created(
        H5Dcreate2(file_.get(), dataset.c_str(), type, space.get(), links.get(), creation.get(), H5P_DEFAULT),
        H5Dclose);
    if (!created) fail("cannot create dataset", dataset);
}

void Hdf5File::rename(const std::string& from, const std::string& to) {
    if (exists(to) && H5Ldelete(file_.get(), to.c_str(), H5P_DEFAULT) < 0) fail("cannot remove", to);
    if (H5Lmove(file_.get(), from.c_str(), file_.get(), to.c_str(), H5P_DEFAULT, H5P_DEFAULT) < 0)
        fail("cannot rename", from);
}

void Hdf5File::resize(const std::string& dataset, std::int64_t num_rows) {
    std::vector<hsize_t> extent = to_hsize(shape(dataset));
    extent.at(0) = static_cast<hsize_t>(num_rows);
    const Hdf5Handle opened = open_dataset(dataset);
    if (H5Dset_extent(opened.get(), extent.data()) < 0)
        throw ResourceError(path_.string() + ": cannot grow '" + dataset + "'; is the disk full? (" +
                            innermost_hdf5_message() + ")");
}

void Hdf5File::write_raw(const std::string& dataset, hid_t type, std::int64_t first, std::int64_t rows,
                         const void* values) {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle transfer(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    if (parallel_) H5Pset_dxpl_mpio(transfer.get(), H5FD_MPIO_COLLECTIVE);
    // The reason is to be had only until the next call: the handles below close at their scope's end.
    std::optional<std::string> why;
    if (rows < 0) {
        if (H5Dwrite(opened.get(), type, H5S_ALL, H5S_ALL, transfer.get(), values) < 0)
            why = innermost_hdf5_message();
    } else {
        const Hdf5Handle space(H5Dget_space(opened.get()), H5Sclose);
        select_rows(space.get(), first, rows);
        const hsize_t total = rows == 0 ? 0 : static_cast<hsize_t>(H5Sget_select_npoints(space.get()));
        const Hdf5Handle memory(H5Screate_simple(1, &total, nullptr), H5Sclose);
        if (rows == 0) H5Sselect_none(memory.get());
        if (H5Dwrite(opened.get(), type, memory.get(), space.get(), transfer.get(), values) < 0)
            why = innermost_hdf5_message();
    }
    if (why)
        throw ResourceError(path_.string() + ": cannot write '" + dataset + "'; is the disk full? (" + *why +
                            ")");
}

void Hdf5File::write_strings(const std::string& dataset, const std::vector<std::string>& values) {
    create_string_dataset(dataset, static_cast<std::int64_t>(values.size()));
    write_string_rows(dataset, 0, values);
}

void Hdf5File::create_string_dataset(const std::string& dataset, std::int64_t num_rows, Hdf5Layout layout) {
    ensure(!parallel_, "text is written by one rank");
    create_raw(dataset, variable_string_type().get(), {num_rows}, layout);
}

void Hdf5File::write_string_rows(const std::string& dataset, std::int64_t first,
                                 const std::vector<std::string>& values) {
    ensure(!parallel_, "text is written by one rank");
    if (values.empty()) return;
    const Hdf5Handle type = variable_string_type();
    std::vector<const char*> pointers;
    pointers.reserve(values.size());
    for (const std::string& value : values) pointers.push_back(value.c_str());
    write_raw(dataset, type.get(), first, static_cast<std::int64_t>(values.size()), pointers.data());
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

void Hdf5File::write_boolean_attribute(const std::string& object, const std::string& name, bool value) {
    const Hdf5Handle type(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose);
    std::int8_t number = 0;
    H5Tenum_insert(type.get(), "FALSE", &number);
    number = 1;
    H5Tenum_insert(type.get(), "TRUE", &number);
    number = value ? 1 : 0;
    write_attribute_raw(object, name, type.get(), std::nullopt, &number);
}

}  // namespace lapatlas
