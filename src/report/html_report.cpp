#include "src/report/html_report.hpp"

#include <cctype>
#include <cstdio>

#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "src/report/html_text.hpp"

namespace lapatlas {
namespace {

constexpr const char* kSvgStyle = R"css(
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--soft)}
svg text.name{font-size:13px;fill:var(--ink)}
svg text.place{font-weight:600;fill:var(--ink);stroke:var(--page);stroke-width:3px;paint-order:stroke;stroke-linejoin:round}
svg path{fill:none}
.grid{stroke:var(--rule);stroke-width:.7}.axis{stroke:var(--soft)}
.identity{stroke:var(--soft);stroke-dasharray:5 4}
.dots{stroke-linecap:round;stroke-opacity:.72}.line{stroke-width:1.8;stroke-linejoin:round}
.area{fill-opacity:.55}.median{stroke:var(--ink);stroke-width:1.6}
)css";

constexpr const char* kStyle = R"css(
:root{color-scheme:light dark;--page:#fff;--ink:#1c1f26;--soft:#5b6270;--rule:#dfe3ea;--card:#f5f7fa;--warn:#fff4d6;--warn-ink:#5c4300}
@media (prefers-color-scheme:dark){:root{--page:#14171c;--ink:#e7eaf0;--soft:#a3abb9;--rule:#333a46;--card:#1d222a;--warn:#3a2f10;--warn-ink:#f4dfa3}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.2rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:.3rem 0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2rem 0 .3rem;border-bottom:1px solid var(--rule);padding-bottom:.25rem}
p{margin:.3rem 0 .8rem;max-width:50rem}
.soft{color:var(--soft)}
.headlines{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,13rem),1fr));gap:.8rem;margin:1rem 0}
.headlines div{background:var(--card);border-radius:.5rem;padding:.7rem .9rem}
.headlines b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.headlines span{display:block;font-size:.85rem;color:var(--soft)}
.warnings{background:var(--warn);color:var(--warn-ink);border-radius:.5rem;padding:.6rem .9rem .6rem 2rem;margin:1rem 0}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem}
figure{margin:0;min-width:0;max-width:36rem;break-inside:avoid}
figcaption{font-weight:600;font-size:.95rem;margin:.2rem 0}
svg{width:100%;height:auto;display:block}
figure.wide{grid-column:1/-1;max-width:none}
ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.4rem 0;padding:0;font-size:.88rem}
ul.legend i{display:inline-block;width:.75em;height:.75em;border-radius:50%;margin-right:.4em}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;width:100%}
th,td{text-align:left;padding:.28rem .8rem .28rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{font-weight:600;color:var(--soft)}
td.value{white-space:nowrap}
.facts td{overflow-wrap:anywhere}
@media (max-width:34rem){body{padding:.8rem}h1{font-size:1.35rem}table{font-size:.78rem}th,td{padding-right:.45rem}}
pre{background:var(--card);border-radius:.5rem;padding:.7rem .9rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}
@media print{:root{--page:#fff;--ink:#000;--soft:#444;--rule:#ccc;--card:#f4f4f4;--warn:#f4f4f4;--warn-ink:#000}
body{max-width:none;padding:0;font-size:10.5pt}h2,h2+p{break-after:avoid}tr,.headlines div{break-inside:avoid}
.plots{grid-template-columns:repeat(2,1fr)}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";

std::string element(const std::string& tag, const std::string& text) {
    return "<" + tag + ">" + escape_html(text) + "</" + tag.substr(0, tag.find(' ')) + ">";
}

std::string heading_and_text(const std::string& heading, const std::string& text) {
    return element("h2", heading) + "\n" + (text.empty() ? "" : element("p class=\"soft\"", text) + "\n");
}

std::string legend(const std::vector<std::pair<std::string, std::string>>& entries) {
    if (entries.empty()) return {};
    std::string html = "<ul class=\"legend\">";
    for (const auto& [name, colour] : entries)
        html += "<li><i style=\"background:" + escape_html(colour) + "\"></i>" + escape_html(name) + "</li>";
    return html + "</ul>\n";
}

std::string group_html(const PlotGroup& group) {
    std::string html = "<section>" + heading_and_text(group.heading, group.text) + legend(group.legend);
    html += "<div class=\"plots\">\n";
    for (const Picture& picture : group.pictures)
        html += std::string("<figure") + (picture.wide ? " class=\"wide\"" : "") + "><figcaption>" +
                escape_html(picture.title) + "</figcaption>" + picture.svg + legend(picture.legend) +
                "</figure>\n";
    return html + "</div></section>\n";
}

std::string table_html(const ReportTable& table) {
    std::string html = "<section>" + heading_and_text(table.heading, table.text) +
                       "<div class=\"scroll\"><table><thead><tr>";
    for (const std::string& column : table.columns) html += element("th scope=\"col\"", column);
    html += "</tr></thead><tbody>\n";
    for (const auto& row : table.rows) {
        html += "<tr>";
        for (const std::string& cell : row)
            html += element(cell.find("±") == std::string::npos ? "td" : "td class=\"value\"", cell);
        html += "</tr>\n";
    }
    return html + "</tbody></table></div></section>\n";
}

}  // namespace

std::string render_report(const ReportInput& input) {
    std::string html =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>" +
        element("title", input.title) + "<style>" + kStyle + kSvgStyle + "</style></head><body>\n<main>\n";
    html += element("h1", input.title) + "\n";
    if (!input.subtitle.empty()) html += element("p class=\"soft\"", input.subtitle) + "\n";
    if (!input.headlines.empty()) {
        html += "<div class=\"headlines\">";
        for (const Headline& headline : input.headlines)
            html += "<div>" + element("span", headline.label) + element("b", headline.value) +
                    element("span", headline.note) + "</div>";
        html += "</div>\n";
    }
    if (!input.warnings.empty()) {
        html += "<ul class=\"warnings\" aria-label=\"Warnings\">";
        for (const std::string& warning : input.warnings) html += element("li", warning);
        html += "</ul>\n";
    }
    for (const PlotGroup& group : input.groups) html += group_html(group);
    for (const ReportTable& table : input.tables) html += table_html(table);
    if (!input.provenance.empty() || !input.command.empty()) {
        html += "<section>" + heading_and_text("How this was made", {});
        if (!input.command.empty()) html += "<pre>" + escape_html(input.command) + "</pre>\n";
        if (!input.provenance.empty()) {
            html += "<table class=\"facts\"><tbody>\n";
            for (const auto& [key, value] : input.provenance)
                html += "<tr>" + element("th scope=\"row\"", key) + element("td", value) + "</tr>\n";
            html += "</tbody></table>\n";
        }
        html += "</section>\n";
    }
    return html + "</main></body></html>\n";
}

std::vector<std::pair<std::string, std::string>> standalone_figures(const ReportInput& input) {
    std::vector<std::pair<std::string, std::string>> files;
    for (const PlotGroup& group : input.groups)
        for (const Picture& picture : group.pictures) {
            char number[16];
            std::snprintf(number, sizeof number, "%02zu-", files.size() + 1);
            std::string name = number;
            for (const char c : picture.title) {
                const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
                if (plain)
                    name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
                else if (name.back() != '-')
                    name += '-';
            }
            if (name.back() == '-') name.pop_back();
            // Alone, a figure has no page around it: it brings its style, white ground and legend.
            std::string svg = picture.svg;
            svg.insert(5, "xmlns=\"http://www.w3.org/2000/svg\" ");
            const std::size_t inside = svg.find('>') + 1;
            std::string extra =
                std::string("<style>svg{--page:#fff;--ink:#1c1f26;--soft:#5b6270;--rule:#dfe3ea}") +
                kSvgStyle + "</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>";
            double x = 70;
            if (picture.legend.size() <= 3)
                for (const auto& [text, colour] : picture.legend) {
                    extra += "<circle cx=\"" + coordinate(x) +
                             "\" cy=\"6\" r=\"4\" style=\"fill:" + escape_html(colour) + "\"/>" +
                             svg_text(x + 8, 10, text, "start");
                    x += 30 + 7.0 * static_cast<double>(text.size());
                }
            svg.insert(inside, extra);
            files.emplace_back(name + ".svg", std::move(svg));
        }
    return files;
}

void write_report(const std::filesystem::path& path, const ReportInput& input) {
    require_writable(path);
    const std::filesystem::path folder = path.parent_path() / "figures";
    const auto figures = standalone_figures(input);
    if (!figures.empty()) {
        std::error_code error;
        std::filesystem::create_directories(folder, error);
        if (error) throw InputError(folder.string() + ": cannot be made (" + error.message() + ")");
    }
    for (const auto& [name, svg] : figures) write_whole_file(folder / name, svg);
    write_whole_file(path, render_report(input));
}

}  // namespace lapatlas
