#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

namespace hdf5_detail {
class ReadingHdf5;
}

/// Owns one HDF5 identifier (file, group, dataset, type, space, property list).
class Hdf5Handle {
  public:
    Hdf5Handle() = default;
    Hdf5Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
    Hdf5Handle(Hdf5Handle&& other) noexcept
        : id_(std::exchange(other.id_, -1)), close_(std::exchange(other.close_, nullptr)) {}
    Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
        return *this;
    }
    ~Hdf5Handle() { reset(); }
    void reset() noexcept {
        if (id_ >= 0 && close_ != nullptr) close_(id_);
        id_ = -1;
    }
    hid_t get() const { return id_; }
    /// Gives the identifier up: the caller closes it.
    hid_t release() noexcept { return std::exchange(id_, -1); }
    explicit operator bool() const { return id_ >= 0; }

  private:
    hid_t id_ = -1;
    herr_t (*close_)(hid_t) = nullptr;
};

/// HDF5's in-memory type of a C++ number.
template <class T>
hid_t hdf5_type();
template <>
inline hid_t hdf5_type<float>() {
    return H5T_NATIVE_FLOAT;
}
template <>
inline hid_t hdf5_type<double>() {
    return H5T_NATIVE_DOUBLE;
}
template <>
inline hid_t hdf5_type<std::int8_t>() {
    return H5T_NATIVE_INT8;
}
template <>
inline hid_t hdf5_type<std::uint8_t>() {
    return H5T_NATIVE_UINT8;
}
template <>
inline hid_t hdf5_type<std::int16_t>() {
    return H5T_NATIVE_INT16;
}
template <>
inline hid_t hdf5_type<std::uint16_t>() {
    return H5T_NATIVE_UINT16;
}
template <>
inline hid_t hdf5_type<std::int32_t>() {
    return H5T_NATIVE_INT32;
}
template <>
inline hid_t hdf5_type<std::uint32_t>() {
    return H5T_NATIVE_UINT32;
}
template <>
inline hid_t hdf5_type<std::int64_t>() {
    return H5T_NATIVE_INT64;
}
template <>
inline hid_t hdf5_type<std::uint64_t>() {
    return H5T_NATIVE_UINT64;
}

/// How a dataset lies on disk.
struct Hdf5Layout {
    std::int64_t chunk_rows = 0;  ///< 0: contiguous; otherwise rows of the leading dimension a chunk
    int gzip_level = 0;           ///< 0: none; otherwise byte shuffle + gzip
    bool growable = false;        ///< leading dimension may be extended (needs chunks)
};

/// An HDF5 file, opened by one rank (reading, small writes) or by all ranks of a communicator (bulk writes).
/// Names are slash-separated paths from the root. Errors name file and object: InputError where the
/// file was opened to be read, else Hdf5Error.
class Hdf5File {
  public:
    /// Rank-local, read-only. A missing file, a folder, or not an HDF5 file: InputError.
    static Hdf5File open(const std::filesystem::path& path);
    /// Rank-local, read and write.
    static Hdf5File open_for_update(const std::filesystem::path& path);
    /// Rank-local; truncates. `user_block` bytes (a power of two from 512 on) at the beginning are left free.
    static Hdf5File create(const std::filesystem::path& path, std::int64_t user_block = 0);
    /// Collective; truncates. Every later create/write on it is collective too.
    static Hdf5File create_parallel(const Communicator& comm, const std::filesystem::path& path);
    /// Collective; the file must exist.
    static Hdf5File open_parallel(const Communicator& comm, const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    hid_t id() const { return file_.get(); }
    bool is_parallel() const { return use_ == Use::kWriteTogether; }
    /// Closes and reports what the destructor would have to swallow.
    void close();

    // --- looking
    bool exists(const std::string& name) const;
    bool is_group(const std::string& name) const;
    bool is_dataset(const std::string& name) const;
    std::vector<std::string> children(const std::string& group) const;
    std::vector<std::int64_t> shape(const std::string& dataset) const;
    /// Of a dataset that must not be a single value.
    std::int64_t num_rows(const std::string& dataset) const;
    /// H5T_INTEGER, H5T_FLOAT, H5T_STRING, H5T_ENUM, H5T_COMPOUND, ... of a dataset.
    H5T_class_t type_class(const std::string& dataset) const;
    /// Where in the file the values of a dataset of T lie one after another, in bytes from its beginning;
    /// none where they do not (chunks, filters, another type) or there are none.
    template <class T>
    std::optional<std::int64_t> contiguous_offset(const std::string& dataset) const {
        return contiguous_offset_raw(dataset, hdf5_type<T>());
    }

    // --- reading (rank-local)
    template <class T>
    std::vector<T> read(const std::string& dataset) const;
    /// Rows [first, first + count) of the leading dimension, all of the others, row-major.
    template <class T>
    std::vector<T> read_rows(const std::string& dataset, std::int64_t first, std::int64_t count) const;
    template <class T>
    T read_scalar(const std::string& dataset) const;
    std::string read_string(const std::string& dataset) const;
    /// Fixed or variable length, 1-D.
    std::vector<std::string> read_strings(const std::string& dataset) const;
    std::vector<std::string> read_strings(const std::string& dataset, std::int64_t first,
                                          std::int64_t count) const;
    std::optional<std::string> string_attribute(const std::string& object, const std::string& name) const;
    std::vector<std::string> string_list_attribute(const std::string& object, const std::string& name) const;
    template <class T>
    std::optional<std::vector<T>> attribute(const std::string& object, const std::string& name) const;
    /// The path that an object-reference attribute points to; none if there is no such attribute.
    std::optional<std::string> referenced_path(const std::string& object, const std::string& name) const;

    // --- one member of a 1-D dataset of records (rank-local)
    /// Members in order; empty unless the dataset holds records.
    std::vector<std::string> members(const std::string& dataset) const;
    H5T_class_t member_class(const std::string& dataset, const std::string& member) const;
    template <class T>
    std::vector<T> read_member_rows(const std::string& dataset, const std::string& member, std::int64_t first,
                                    std::int64_t count) const;
    std::vector<std::string> read_member_strings(const std::string& dataset, const std::string& member,
                                                 std::int64_t first, std::int64_t count) const;

    // --- writing (on a parallel file: collective with the same arguments, except the data)
    void create_group(const std::string& name);
    /// Whole array by this rank (rank-local files only).
    template <class T>
    void write(const std::string& dataset, std::span<const T> values, std::vector<std::int64_t> shape,
               Hdf5Layout layout = {});
    template <class T>
    void write(const std::string& dataset, const std::vector<T>& values) {
        write<T>(dataset, std::span<const T>(values), {static_cast<std::int64_t>(values.size())});
    }
    template <class T>
    void write_scalar(const std::string& dataset, T value);
    void write_string(const std::string& dataset, const std::string& value);
    /// Variable-length UTF-8. Rank-local files only (MPI-IO cannot write these).
    void write_strings(const std::string& dataset, const std::vector<std::string>& values);
    /// An empty 1-D text dataset, to be filled in blocks by write_string_rows. Rank-local files only.
    void create_string_dataset(const std::string& dataset, std::int64_t num_rows, Hdf5Layout layout = {});
    void write_string_rows(const std::string& dataset, std::int64_t first,
                           const std::vector<std::string>& values);
    void write_attribute(const std::string& object, const std::string& name, const std::string& value);
    void write_attribute(const std::string& object, const std::string& name,
                         const std::vector<std::string>& values);
    template <class T>
    void write_attribute(const std::string& object, const std::string& name, std::span<const T> values,
                         bool scalar = false);
    /// True and false as anndata (h5py) stores them: a vector, or one value without a shape.
    void write_booleans(const std::string& dataset, const std::vector<std::int8_t>& values);
    void write_boolean(const std::string& dataset, bool value);
    void write_boolean_attribute(const std::string& object, const std::string& name, bool value);
    /// Makes an empty dataset of a shape, to be filled by write_rows.
    template <class T>
    void create_dataset(const std::string& dataset, std::vector<std::int64_t> shape, Hdf5Layout layout = {});
    /// Gives an object another name; an object that had it is unlinked.
    void rename(const std::string& from, const std::string& to);
    /// Sets the leading dimension of a growable dataset.
    void resize(const std::string& dataset, std::int64_t num_rows);
    /// Writes rows [first, first + rows of values). On a parallel file: collective; ranks without rows join
    /// in.
    template <class T>
    void write_rows(const std::string& dataset, std::int64_t first, std::span<const T> values);

  private:
    enum class Use { kRead, kWrite, kWriteTogether };
    Hdf5File(std::filesystem::path path, Hdf5Handle file, Use use, bool shared = false)
        : path_(std::move(path)), file_(std::move(file)), use_(use), shared_(shared) {}

    /// Held while libhdf5 reads `name`, so that a crash in it names the object.
    hdf5_detail::ReadingHdf5 reading(const std::string& name) const;
    Hdf5Handle open_dataset(const std::string& name) const;
    std::optional<std::int64_t> contiguous_offset_raw(const std::string& dataset, hid_t type) const;
    void read_raw(const std::string& dataset, hid_t type, std::int64_t first, std::int64_t count,
                  void* out) const;
    void read_member_raw(const std::string& dataset, const std::string& member, hid_t type, std::size_t size,
                         std::int64_t first, std::int64_t count, void* out) const;
    void create_raw(const std::string& dataset, hid_t type, const std::vector<std::int64_t>& shape,
                    Hdf5Layout layout);
    void write_raw(const std::string& dataset, hid_t type, std::int64_t first, std::int64_t rows,
                   const void* values);
    std::optional<Hdf5Handle> open_attribute(const std::string& object, const std::string& name) const;
    std::size_t attribute_length(hid_t attribute, const std::string& object, const std::string& name) const;
    void read_attribute_raw(hid_t attribute, hid_t type, const std::string& object, void* out) const;
    void write_attribute_raw(const std::string& object, const std::string& name, hid_t type,
                             std::optional<std::int64_t> count, const void* values);
    /// Fails where there are no such rows, before memory is taken for them; the number of values in them.
    std::int64_t require_rows(const std::string& dataset, std::int64_t first, std::int64_t count) const;
    std::int64_t num_elements(const std::string& dataset) const;
    std::int64_t row_elements(const std::string& dataset) const;
    [[noreturn]] void fail(const std::string& what, const std::string& name) const;

    std::filesystem::path path_;
    Hdf5Handle file_;
    Use use_ = Use::kRead;
    bool shared_ = false;  // by several ranks
};

/// How files that all ranks will write are spread over the storage targets of a parallel file system
/// (Lustre); others do not care. `count` 0: as their folder says; -1: over all. Said once, before the first
/// is created.
void set_file_striping(std::int64_t count, std::int64_t stripe_bytes);

/// "1.10.8", as linked.
std::string hdf5_version();

// --- templates

template <class T>
std::vector<T> Hdf5File::read(const std::string& dataset) const {
    std::vector<T> values(static_cast<std::size_t>(num_elements(dataset)));
    read_raw(dataset, hdf5_type<T>(), 0, -1, values.data());
    return values;
}

template <class T>
std::vector<T> Hdf5File::read_rows(const std::string& dataset, std::int64_t first, std::int64_t count) const {
    std::vector<T> values(static_cast<std::size_t>(require_rows(dataset, first, count)));
    if (count > 0) read_raw(dataset, hdf5_type<T>(), first, count, values.data());
    return values;
}

template <class T>
std::vector<T> Hdf5File::read_member_rows(const std::string& dataset, const std::string& member,
                                          std::int64_t first, std::int64_t count) const {
    std::vector<T> values(static_cast<std::size_t>(require_rows(dataset, first, count)));
    if (count > 0) read_member_raw(dataset, member, hdf5_type<T>(), sizeof(T), first, count, values.data());
    return values;
}

template <class T>
T Hdf5File::read_scalar(const std::string& dataset) const {
    const std::vector<T> values = read<T>(dataset);
    if (values.size() != 1) fail("expected one value in", dataset);
    return values[0];
}

template <class T>
void Hdf5File::write(const std::string& dataset, std::span<const T> values, std::vector<std::int64_t> shape,
                     Hdf5Layout layout) {
    create_raw(dataset, hdf5_type<T>(), shape, layout);
    write_raw(dataset, hdf5_type<T>(), 0, shape.empty() ? -1 : shape[0], values.data());
}

template <class T>
void Hdf5File::write_scalar(const std::string& dataset, T value) {
    create_raw(dataset, hdf5_type<T>(), {}, {});
    write_raw(dataset, hdf5_type<T>(), 0, -1, &value);
}

template <class T>
void Hdf5File::write_attribute(const std::string& object, const std::string& name, std::span<const T> values,
                               bool scalar) {
    write_attribute_raw(
        object, name, hdf5_type<T>(),
        scalar ? std::nullopt : std::optional<std::int64_t>(static_cast<std::int64_t>(values.size())),
        values.data());
}

template <class T>
std::optional<std::vector<T>> Hdf5File::attribute(const std::string& object, const std::string& name) const {
    const auto opened = open_attribute(object, name);
    if (!opened) return std::nullopt;
    std::vector<T> values(attribute_length(opened->get(), object, name));
    read_attribute_raw(opened->get(), hdf5_type<T>(), object, values.data());
    return values;
}

template <class T>
void Hdf5File::create_dataset(const std::string& dataset, std::vector<std::int64_t> shape,
                              Hdf5Layout layout) {
    create_raw(dataset, hdf5_type<T>(), shape, layout);
}

template <class T>
void Hdf5File::write_rows(const std::string& dataset, std::int64_t first, std::span<const T> values) {
    const std::int64_t width = row_elements(dataset);
    const std::int64_t rows = width == 0 ? 0 : static_cast<std::int64_t>(values.size()) / width;
    write_raw(dataset, hdf5_type<T>(), first, rows, values.data());
}

}  // namespace lapatlas
