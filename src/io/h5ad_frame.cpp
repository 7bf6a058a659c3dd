#include "src/io/h5ad_frame.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

/// As pandas' astype(str): "3" of an integer, "0.5" and "1.0" of a float.
std::string number_text(double value, bool is_float) {
    if (std::isnan(value)) return {};
    char buffer[64];
    const auto end = is_float || std::abs(value) >= 0x1p63
                         ? std::to_chars(buffer, buffer + sizeof buffer, value)
                         : std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(value));
    std::string text(buffer, end.ptr);
    if (is_float && text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
    return text;
}

/// Missing values that text columns of older writers spell out.
std::string missing_as_empty(std::string text) {
    if (text == "nan" || text == "NaN" || text == "<NA>") return {};
    return text;
}

template <class Code>
std::vector<std::string> names_of_codes(const std::vector<Code>& codes,
                                        const std::vector<std::string>& names) {
    std::vector<std::string> texts;
    texts.reserve(codes.size());
    for (const Code code : codes) {
        const bool known = code >= 0 && static_cast<std::size_t>(code) < names.size();
        texts.push_back(known ? missing_as_empty(names[static_cast<std::size_t>(code)]) : std::string());
    }
    return texts;
}

template <class Values>
std::vector<std::string> number_texts(const Values& values, H5T_class_t kind) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    for (const double value : values) {
        if (kind == H5T_ENUM)
            texts.emplace_back(value != 0 ? "True" : "False");
        else
            texts.push_back(number_text(value, kind == H5T_FLOAT));
    }
    return texts;
}

/// A group lists its columns by name; `order` says how the table had them. What it does not name comes last.
std::vector<std::string> in_order(std::vector<std::string> columns, const std::vector<std::string>& order) {
    std::map<std::string, std::size_t> place;
    for (const std::string& column : order) place.emplace(column, place.size());
    const auto place_of = [&](const std::string& column) {
        const auto found = place.find(column);
        return found == place.end() ? place.size() : found->second;
    };
    std::stable_sort(columns.begin(), columns.end(),
                     [&](const std::string& a, const std::string& b) { return place_of(a) < place_of(b); });
    return columns;
}

bool is_numeric_class(H5T_class_t kind) {
    return kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_ENUM;
}

}  // namespace

H5adFrame::H5adFrame(const Hdf5File& file, std::string name) : file_(file), name_(std::move(name)) {
    if (!file.exists(name_))
        throw InputError(file.path().string() + ": no '" + name_ + "' table; is this an .h5ad file?");
    is_records_ = file.is_dataset(name_);
    std::vector<std::string> all = is_records_ ? file.members(name_) : file.children(name_);
    std::erase(all, "__categories");
    if (!is_records_) index_name_ = file.string_attribute(name_, "_index").value_or("");
    for (const char* usual : {"_index", "index"})
        if (index_name_.empty() && std::find(all.begin(), all.end(), usual) != all.end()) index_name_ = usual;
    if (index_name_.empty() || std::find(all.begin(), all.end(), index_name_) == all.end())
        throw InputError(file.path().string() + ": table '" + name_ + "' has no index of names");
    std::erase(all, index_name_);
    columns_ = is_records_ ? std::move(all)
                           : in_order(std::move(all), file.string_list_attribute(name_, "column-order"));
    if (is_records_) {
        num_rows_ = file.num_rows(name_);
    } else {
        std::string index_path = path(index_name_);
        if (file.is_group(index_path))
            index_path += file.exists(index_path + "/codes") ? "/codes" : "/values";
        num_rows_ = file.num_rows(index_path);
    }
}

bool H5adFrame::has(const std::string& column) const {
    return std::find(columns_.begin(), columns_.end(), column) != columns_.end();
}

void H5adFrame::unreadable(const std::string& column) const {
    throw InputError(file_.path().string() + ": column '" + path(column) +
                     "' is of a kind that cannot be read; expected text, categories, numbers or booleans");
}

std::vector<std::string> H5adFrame::categories(const std::string& column) const {
    std::string where;
    if (is_records_) {
        where = "uns/" + column + "_categories";
    } else if (const auto target = file_.referenced_path(path(column), "categories")) {
        where = *target;
    } else {
        where = name_ + "/__categories/" + column;
    }
    if (!file_.is_dataset(where)) return {};
    return plain_texts(where, 0, file_.shape(where).empty() ? 1 : file_.shape(where)[0]);
}

std::vector<std::string> H5adFrame::plain_texts(const std::string& dataset, std::int64_t first,
                                                std::int64_t count) const {
    const H5T_class_t kind = file_.type_class(dataset);
    if (kind == H5T_STRING) {
        std::vector<std::string> texts = file_.read_strings(dataset, first, count);
        for (std::string& text : texts) text = missing_as_empty(std::move(text));
        return texts;
    }
    if (!is_numeric_class(kind)) return {};
    return number_texts(file_.read_rows<double>(dataset, first, count), kind);
}

std::vector<std::string> H5adFrame::index(std::int64_t first, std::int64_t count) const {
    return texts(index_name_, first, count);
}

std::vector<std::string> H5adFrame::texts(const std::string& column, std::int64_t first,
                                          std::int64_t count) const {
    if (count == 0) return {};
    std::vector<std::string> result;
    if (is_records_) {
        const H5T_class_t kind = file_.member_class(name_, column);
        if (kind == H5T_STRING) {
            result = file_.read_member_strings(name_, column, first, count);
            for (std::string& text : result) text = missing_as_empty(std::move(text));
        } else if (is_numeric_class(kind)) {
            const std::vector<std::string> names = categories(column);
            const auto values = file_.read_member_rows<double>(name_, column, first, count);
            result = names.empty() ? number_texts(values, kind) : names_of_codes(values, names);
        }
    } else if (file_.is_group(path(column))) {
        if (file_.exists(path(column) + "/codes")) {
            const std::string where = path(column) + "/categories";
            // Categories may themselves be a masked array.
            const std::string names = file_.is_group(where) ? where + "/values" : where;
            result = names_of_codes(file_.read_rows<std::int64_t>(path(column) + "/codes", first, count),
                                    plain_texts(names, 0, file_.num_rows(names)));
        } else if (file_.exists(path(column) + "/values") && file_.exists(path(column) + "/mask")) {
            result = plain_texts(path(column) + "/values", first, count);
            const auto mask = file_.read_rows<std::int8_t>(path(column) + "/mask", first, count);
            for (std::size_t i = 0; i < result.size(); ++i)
                if (mask[i] != 0) result[i].clear();
        }
    } else {
        const std::vector<std::string> names = categories(column);
        result = names.empty()
                     ? plain_texts(path(column), first, count)
                     : names_of_codes(file_.read_rows<std::int64_t>(path(column), first, count), names);
    }
    if (static_cast<std::int64_t>(result.size()) != count) unreadable(column);
    return result;
}

bool H5adFrame::is_number(const std::string& column) const {
    const auto is_count = [](H5T_class_t kind) { return kind == H5T_INTEGER || kind == H5T_FLOAT; };
    if (is_records_) return is_count(file_.member_class(name_, column)) && categories(column).empty();
    return file_.is_dataset(path(column)) && is_count(file_.type_class(path(column))) &&
           categories(column).empty();
}

bool H5adFrame::is_boolean(const std::string& column) const {
    if (is_records_) return file_.member_class(name_, column) == H5T_ENUM;
    return file_.is_dataset(path(column)) && file_.type_class(path(column)) == H5T_ENUM;
}

std::vector<double> H5adFrame::numbers(const std::string& column, std::int64_t first,
                                       std::int64_t count) const {
    return is_records_ ? file_.read_member_rows<double>(name_, column, first, count)
                       : file_.read_rows<double>(path(column), first, count);
}

std::string obs_column_if_there(const std::filesystem::path& path, const std::string& column) {
    if (column.empty() || !std::filesystem::is_regular_file(path)) return {};
    const Hdf5File file = Hdf5File::open(path);
    return file.exists("obs") && H5adFrame(file, "obs").has(column) ? column : std::string();
}

}  // namespace lapatlas
