#include <algorithm>
#include <cstring>

#include "dist/error.hpp"
#include "dist/hdf5_crash.hpp"
#include "dist/hdf5_detail.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/hdf5_packed_chunks.hpp"

namespace lapatlas {

using hdf5_detail::select_rows;

namespace {

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

void Hdf5File::read_raw(const std::string& dataset, hid_t type, std::int64_t first, std::int64_t count,
                        void* out) const {
    const auto guard = reading(dataset);
    const Hdf5Handle opened = open_dataset(dataset);
    if (count < 0) {
        if (H5Dread(opened.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0) fail("cannot read", dataset);
        return;
    }
    if (!is_parallel()) {
        const auto chunks = hdf5_detail::packed_chunks(opened.get(), type, first, count);
        if (chunks && hdf5_detail::read_packed_chunks(*chunks, first, count, out)) return;
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
    const auto guard = reading(dataset);
    const Hdf5Handle opened = open_dataset(dataset);
    const Hdf5Handle type(H5Dget_type(opened.get()), H5Tclose);
    if (H5Tget_class(type.get()) != H5T_STRING) fail("expected text in", dataset);
    if (count == 0) return {};
    require_rows(dataset, first, count);
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
    const auto guard = reading(object);
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
    const auto guard = reading(dataset);
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
    const auto guard = reading(dataset);
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
    const auto guard = reading(dataset);
    require_rows(dataset, first, count);
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
    const auto guard = reading(target);
    if (!exists(target) || H5Aexists_by_name(file_.get(), target.c_str(), name.c_str(), H5P_DEFAULT) <= 0)
        return std::nullopt;
    Hdf5Handle opened(H5Aopen_by_name(file_.get(), target.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
                      H5Aclose);
    if (!opened) fail("cannot open attribute of", target);
    return opened;
}

std::size_t Hdf5File::attribute_length(hid_t attribute, const std::string& object,
                                       const std::string& name) const {
    constexpr hssize_t kMost = 1 << 24;  // attributes are small
    const auto guard = reading(object);
    const Hdf5Handle space(H5Aget_space(attribute), H5Sclose);
    const hssize_t length = H5Sget_simple_extent_npoints(space.get());
    if (length < 0 || length > kMost) fail("impossible length of attribute '" + name + "' of", object);
    return static_cast<std::size_t>(length);
}

void Hdf5File::read_attribute_raw(hid_t attribute, hid_t type, const std::string& object, void* out) const {
    const auto guard = reading(object);
    if (H5Aread(attribute, type, out) < 0) fail("cannot read attribute of", object);
}

std::vector<std::string> Hdf5File::string_list_attribute(const std::string& object,
                                                         const std::string& name) const {
    const auto guard = reading(object);
    const auto opened = open_attribute(object, name);
    if (!opened) return {};
    const Hdf5Handle type(H5Aget_type(opened->get()), H5Tclose);
    if (H5Tget_class(type.get()) != H5T_STRING) return {};
    const Hdf5Handle space(H5Aget_space(opened->get()), H5Sclose);
    const std::size_t count = attribute_length(opened->get(), object, name);
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

}  // namespace lapatlas
