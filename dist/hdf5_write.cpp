#include <algorithm>

#include "dist/error.hpp"
#include "dist/hdf5_detail.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/hdf5_packed_chunks.hpp"

namespace lapatlas {

using hdf5_detail::innermost_message;
using hdf5_detail::select_rows;

namespace {

std::vector<hsize_t> to_hsize(const std::vector<std::int64_t>& shape) { return {shape.begin(), shape.end()}; }

Hdf5Handle variable_string_type() {
    Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

}  // namespace

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
    if (is_parallel()) H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
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
                            innermost_message() + ")");
}

void Hdf5File::write_raw(const std::string& dataset, hid_t type, std::int64_t first, std::int64_t rows,
                         const void* values) {
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle transfer(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    if (is_parallel()) H5Pset_dxpl_mpio(transfer.get(), H5FD_MPIO_COLLECTIVE);
    // The reason is to be had only until the next call: the handles below close at their scope's end.
    std::optional<std::string> why;
    if (rows < 0) {
        if (H5Dwrite(opened.get(), type, H5S_ALL, H5S_ALL, transfer.get(), values) < 0)
            why = innermost_message();
    } else {
        const Hdf5Handle space(H5Dget_space(opened.get()), H5Sclose);
        // HDF5 1.10 fails on a collective write to a dataset without any element; its size is known to all.
        if (H5Sget_simple_extent_npoints(space.get()) == 0) return;
        const auto chunks =
            shared_ ? std::nullopt : hdf5_detail::packed_chunks(opened.get(), type, first, rows);
        if (chunks && first % chunks->chunk_rows == 0 && rows % chunks->chunk_rows == 0) {
            if (!hdf5_detail::write_packed_chunks(*chunks, first, rows, values)) why = innermost_message();
        } else {
            select_rows(space.get(), first, rows);
            const hsize_t total = rows == 0 ? 0 : static_cast<hsize_t>(H5Sget_select_npoints(space.get()));
            const Hdf5Handle memory(H5Screate_simple(1, &total, nullptr), H5Sclose);
            if (rows == 0) H5Sselect_none(memory.get());
            if (H5Dwrite(opened.get(), type, memory.get(), space.get(), transfer.get(), values) < 0)
                why = innermost_message();
        }
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
    ensure(!is_parallel(), "text is written by one rank");
    create_raw(dataset, variable_string_type().get(), {num_rows}, layout);
}

void Hdf5File::write_string_rows(const std::string& dataset, std::int64_t first,
                                 const std::vector<std::string>& values) {
    ensure(!is_parallel(), "text is written by one rank");
    if (values.empty()) return;
    const Hdf5Handle type = variable_string_type();
    std::vector<const char*> pointers;
    pointers.reserve(values.size());
    for (const std::string& value : values) pointers.push_back(value.c_str());
    write_raw(dataset, type.get(), first, static_cast<std::int64_t>(values.size()), pointers.data());
}

void Hdf5File::write_string(const std::string& dataset, const std::string& value) {
    ensure(!is_parallel(), "text is written by one rank");
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

namespace {

/// h5py's type of a boolean.
Hdf5Handle boolean_type() {
    Hdf5Handle type(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose);
    std::int8_t number = 0;
    H5Tenum_insert(type.get(), "FALSE", &number);
    number = 1;
    H5Tenum_insert(type.get(), "TRUE", &number);
    return type;
}

}  // namespace

void Hdf5File::write_boolean_attribute(const std::string& object, const std::string& name, bool value) {
    const std::int8_t number = value ? 1 : 0;
    write_attribute_raw(object, name, boolean_type().get(), std::nullopt, &number);
}

void Hdf5File::write_booleans(const std::string& dataset, const std::vector<std::int8_t>& values) {
    const Hdf5Handle type = boolean_type();
    create_raw(dataset, type.get(), {static_cast<std::int64_t>(values.size())}, {});
    if (!values.empty())
        write_raw(dataset, type.get(), 0, static_cast<std::int64_t>(values.size()), values.data());
}

void Hdf5File::write_boolean(const std::string& dataset, bool value) {
    const Hdf5Handle type = boolean_type();
    const std::int8_t number = value ? 1 : 0;
    create_raw(dataset, type.get(), {}, {});
    write_raw(dataset, type.get(), 0, -1, &number);
}

}  // namespace lapatlas
