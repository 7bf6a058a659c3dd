#include "src/io/gene_columns.hpp"

#include <utility>

#include "dist/hdf5_file.hpp"

namespace lapatlas {

namespace {

constexpr std::pair<GeneColumn::Kind, const char*> kKinds[] = {{GeneColumn::Kind::kText, "text"},
                                                               {GeneColumn::Kind::kNumber, "number"},
                                                               {GeneColumn::Kind::kBoolean, "boolean"}};

}  // namespace

std::vector<GeneColumn> columns_of_genes(const std::vector<GeneColumn>& columns,
                                         const std::vector<std::int32_t>& genes) {
    std::vector<GeneColumn> chosen;
    for (const GeneColumn& column : columns) {
        GeneColumn part{column.name, column.kind, {}, {}};
        for (const std::int32_t gene : genes)
            if (column.kind == GeneColumn::Kind::kText)
                part.texts.push_back(column.texts[static_cast<std::size_t>(gene)]);
            else
                part.numbers.push_back(column.numbers[static_cast<std::size_t>(gene)]);
        chosen.push_back(std::move(part));
    }
    return chosen;
}

void write_gene_columns(Hdf5File& file, const std::string& group, const std::vector<GeneColumn>& columns) {
    file.create_group(group);
    for (const auto& [kind, kind_name] : kKinds) {
        const std::string inside = group + "/" + kind_name;
        file.create_group(inside);
        for (const GeneColumn& column : columns) {
            if (column.kind != kind) continue;
            if (kind == GeneColumn::Kind::kText)
                file.write_strings(inside + "/" + column.name, column.texts);
            else
                file.write<double>(inside + "/" + column.name, column.numbers);
        }
    }
}

std::vector<GeneColumn> read_gene_columns(const Hdf5File& file, const std::string& group) {
    std::vector<GeneColumn> columns;
    for (const auto& [kind, kind_name] : kKinds) {
        const std::string inside = group + "/" + kind_name;
        for (const std::string& name : file.children(inside)) {
            GeneColumn column{name, kind, {}, {}};
            if (kind == GeneColumn::Kind::kText)
                column.texts = file.read_strings(inside + "/" + name);
            else
                column.numbers = file.read<double>(inside + "/" + name);
            columns.push_back(std::move(column));
        }
    }
    return columns;
}

}  // namespace lapatlas
