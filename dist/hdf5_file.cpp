#include "dist/hdf5_file.hpp"

#include <mpi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <mutex>
#include <numeric>

#include "dist/error.hpp"
#include "dist/hdf5_crash.hpp"
#include "dist/hdf5_detail.hpp"
#include "dist/hdf5_trust.hpp"

namespace lapatlas {

namespace fs = std::filesystem;
using hdf5_detail::innermost_message;
using hdf5_detail::ReadingHdf5;

namespace {

/// HDF5 prints its error stack to stderr unless told not to; our exceptions carry what matters.
void silence_hdf5() {
    static std::once_flag once;
    std::call_once(once, [] { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); });
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

/// Closes a file that was written; what was lost, or nothing. (Collective if the file is.) A file that cannot
/// be flushed, as on a full disk, cannot be closed either, and HDF5 crashes over it when MPI ends. Its
/// content is lost anyway, so the rest of it goes to memory: then the close succeeds.
std::optional<std::string> close_written(hid_t file) {
    const bool flushed = H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0;
    std::optional<std::string> why;
    if (!flushed) why = innermost_message();
    if (!holds_for_all(file, flushed)) {
        if (!why) why = "on another rank";
        redirect_to_memory(file);
        H5Fflush(file, H5F_SCOPE_GLOBAL);  // fails, but ends the flush that was broken off
    }
    if (H5Fclose(file) < 0 && !why) why = innermost_message();
    return why;
}

herr_t close_in_destructor(hid_t file) { return close_written(file) ? -1 : 0; }

void require_regular_file(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw InputError(path.string() + ": no such file");
    if (fs::is_directory(status)) throw InputError(path.string() + ": is a directory, expected a file");
}

}  // namespace

std::string hdf5_detail::innermost_message() {
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

void hdf5_detail::select_rows(hid_t space, std::int64_t first, std::int64_t rows) {
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

std::string hdf5_version() {
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

void Hdf5File::fail(const std::string& what, const std::string& name) const {
    const std::string why = innermost_message();
    const std::string text =
        path_.string() + ": " + what + " '" + name + "'" + (why.empty() ? "" : " (" + why + ")");
    if (use_ == Use::kRead) throw InputError(text + "; the file is damaged or not laid out as expected");
    throw Hdf5Error(text);
}

Hdf5File Hdf5File::open(const fs::path& path) {
    silence_hdf5();
    require_regular_file(path);
    const std::string whole = "/";
    const ReadingHdf5 guard(path, whole);
    if (H5Fis_hdf5(path.c_str()) <= 0)
        throw InputError(path.string() + ": not an HDF5 file (or cannot be read)");
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!file) {
        throw InputError(path.string() + ": cannot be opened as HDF5; it may be truncated or still being " +
                         "written (" + innermost_message() + ")");
    }
    return {path, std::move(file), Use::kRead};
}

Hdf5File Hdf5File::open_for_update(const fs::path& path) {
    silence_hdf5();
    require_regular_file(path);
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), close_in_destructor);
    if (!file)
        throw Hdf5Error(path.string() + ": cannot be opened for writing (" + innermost_message() + ")");
    return {path, std::move(file), Use::kWrite};
}

namespace {

std::int64_t striping_count = 0, striping_bytes = 0;

/// How a file is spread is decided when it is made, by MPI-IO's hints; HDF5 then only empties it.
void create_striped(const fs::path& path) {
    if (striping_count == 0) return;
    MPI_Info hints = MPI_INFO_NULL;
    check_mpi(MPI_Info_create(&hints), "MPI_Info_create");
    MPI_Info_set(hints, "striping_factor", std::to_string(striping_count).c_str());
    MPI_Info_set(hints, "striping_unit", std::to_string(striping_bytes).c_str());
    std::error_code ignored;
    fs::remove(path, ignored);
    MPI_File file = MPI_FILE_NULL;
    const int code =
        MPI_File_open(MPI_COMM_SELF, path.c_str(), MPI_MODE_CREATE | MPI_MODE_RDWR, hints, &file);
    MPI_Info_free(&hints);
    if (code != MPI_SUCCESS)
        throw ResourceError(path.string() + ": cannot be created with runtime.stripe_count = " +
                            std::to_string(striping_count));
    MPI_File_close(&file);
}

}  // namespace

void set_file_striping(std::int64_t count, std::int64_t stripe_bytes) {
    striping_count = count;
    striping_bytes = stripe_bytes;
}

Hdf5File Hdf5File::create(const fs::path& path, std::int64_t user_block) {
    silence_hdf5();
    create_striped(path);
    const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    if (user_block > 0) H5Pset_userblock(creation.get(), static_cast<hsize_t>(user_block));
    Hdf5Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT), close_in_destructor);
    if (!file) throw ResourceError(path.string() + ": cannot be created (" + innermost_message() + ")");
    return {path, std::move(file), Use::kWrite};
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
    if (!file) throw ResourceError(path.string() + ": cannot be created (" + innermost_message() + ")");
    return {path, std::move(file), Use::kWriteTogether, comm.size() > 1};
}

Hdf5File Hdf5File::open_parallel(const Communicator& comm, const fs::path& path) {
    silence_hdf5();
    const Hdf5Handle access = mpi_access(comm);
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), close_in_destructor);
    if (!file) throw Hdf5Error(path.string() + ": cannot be opened (" + innermost_message() + ")");
    return {path, std::move(file), Use::kWriteTogether, comm.size() > 1};
}

void Hdf5File::close() {
    // A full disk may show only when the cache is flushed: the destructor would have to swallow that.
    if (const auto why = close_written(file_.release()))
        throw ResourceError(path_.string() + ": cannot be completed; is the disk full? (" + *why + ")");
}

hdf5_detail::ReadingHdf5 Hdf5File::reading(const std::string& name) const {
    return {path_, name, use_ == Use::kRead};
}

bool Hdf5File::exists(const std::string& name) const {
    if (name.empty() || name == "/") return true;
    const auto guard = reading(name);
    hdf5_detail::require_no_links(file_.get(), path_, name);
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
    const auto guard = reading(name);
    return exists(name) && has_object_type(file_.get(), name, H5O_TYPE_GROUP);
}

bool Hdf5File::is_dataset(const std::string& name) const {
    const auto guard = reading(name);
    return exists(name) && has_object_type(file_.get(), name, H5O_TYPE_DATASET);
}

std::vector<std::string> Hdf5File::children(const std::string& group) const {
    const auto guard = reading(group);
    hdf5_detail::require_no_links(file_.get(), path_, group);
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
    const auto guard = reading(name);
    hdf5_detail::require_no_links(file_.get(), path_, name);
    Hdf5Handle dataset(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset) fail("no such dataset", name);
    // What this program itself is writing may be empty yet.
    if (use_ == Use::kRead) hdf5_detail::require_own_values(dataset.get(), path_, name);
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

std::int64_t Hdf5File::num_rows(const std::string& dataset) const {
    const std::vector<std::int64_t> extents = shape(dataset);
    if (extents.empty()) fail("expected more than one value in", dataset);
    return extents[0];
}

H5T_class_t Hdf5File::type_class(const std::string& dataset) const {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle type(H5Dget_type(opened.get()), H5Tclose);
    return H5Tget_class(type.get());
}

std::optional<std::int64_t> Hdf5File::contiguous_offset_raw(const std::string& dataset, hid_t type) const {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle held(H5Dget_type(opened.get()), H5Tclose);
    const Hdf5Handle layout(H5Dget_create_plist(opened.get()), H5Pclose);
    if (H5Pget_layout(layout.get()) != H5D_CONTIGUOUS || H5Tequal(held.get(), type) <= 0) return std::nullopt;
    const haddr_t offset = H5Dget_offset(opened.get());
    if (offset == HADDR_UNDEF) return std::nullopt;
    return static_cast<std::int64_t>(offset);
}

std::int64_t Hdf5File::require_rows(const std::string& dataset, std::int64_t first,
                                    std::int64_t count) const {
    const std::vector<std::int64_t> extents = shape(dataset);
    const std::int64_t rows = extents.empty() ? 1 : extents[0];
    if (first < 0 || count < 0 || first > rows || count > rows - first)
        fail("there are " + std::to_string(rows) + " rows, and others were asked for, in", dataset);
    return std::accumulate(extents.begin() + std::min<std::ptrdiff_t>(1, std::ssize(extents)), extents.end(),
                           count, std::multiplies<>());
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

}  // namespace lapatlas
