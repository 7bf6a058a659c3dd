#pragma once

#include <hdf5.h>

#include <filesystem>
#include <string>

// What a file from elsewhere may not do: lead to other files, or claim more than it can hold.
namespace lapatlas::hdf5_detail {

/// InputError where a link on the way to `name` is anything but an object's own name: soft, external and
/// user-defined links may lead out of the file, and are not followed. What is not there is no error.
void require_no_links(hid_t file, const std::filesystem::path& path, const std::string& name);

/// InputError where the values lie in other files (external storage, virtual datasets), where a dataset or
/// one of its chunks claims more bytes than what is stored can unpack to, or more than 2^62 values.
void require_own_values(hid_t dataset, const std::filesystem::path& path, const std::string& name);

}  // namespace lapatlas::hdf5_detail
