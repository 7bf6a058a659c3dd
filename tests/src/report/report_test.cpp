#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>

#include "dist/error.hpp"
#include "src/report/dot_plot.hpp"
#include "src/report/evaluation_sections.hpp"
#include "src/report/html_report.hpp"
#include "src/report/html_text.hpp"
#include "src/report/svg_plot.hpp"
#include "src/report/violin_plot.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lapatlas;
using lapatlas::testing_support::TemporaryFolder;

namespace {

/// The first tag that is not closed by its own kind, or "" when every one is.
std::string first_unbalanced(const std::string& html) {
    std::vector<std::string> open;
    for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
        const std::size_t end = html.find('>', at);
        if (end == std::string::npos) return html.substr(at, 40);
        const std::string tag = html.substr(at + 1, end - at - 1);
        if (tag[0] == '!' || tag.back() == '/') continue;
        const std::string name = tag.substr(tag[0] == '/', tag.find(' ') - (tag[0] == '/'));
        if (tag[0] != '/')
            open.push_back(name);
        else if (open.empty() || open.back() != name)
            return tag;
        else
            open.pop_back();
    }
    return open.empty() ? "" : open.back();
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

const std::string kNasty = "T <script>alert(\"x\")</script> & 'y'";

EvaluationResult small_result() {
    EvaluationResult result;
    result.halvings = 8;
    result.cells_a_side = 40;
    result.min_type_cells = 20;
    for (const char* key : {"pooled_rf_auc", "pooled_w2", "label_accuracy"})
        result.figures.push_back(
            {key, std::string("title of ") + key, "train-PCA", {0.625, 0.03}, {0.5, 0.02}});
    result.figures.push_back({"joint_rf_auc", "joint", "joint PCA", {}, {}});
    result.types = {{kNasty, 60, 30, true, {{"w2", "W2", "train-PCA", {7.25, 0.1}, {7.0, 0.1}}}},
                    {"rare", 9, 4, false, {}}};
    result.warnings = {"beware of " + kNasty};
    EvaluationPictures& pictures = result.pictures;
    pictures.label_names = {kNasty, "rare"};
    pictures.test.map_x = {0, 1, 2};
    pictures.test.map_y = {0, 1, 4};
    pictures.test.labels = {0, 1, -1};
    pictures.generated.map_x = {0.5, 1.5};
    pictures.generated.map_y = {0.5, std::numeric_limits<double>::quiet_NaN()};
    pictures.generated.labels = {0, 0};
    for (CellPictures* cells : {&pictures.test, &pictures.generated}) {
        const std::size_t n = cells->labels.size();
        cells->counts.assign(n, 2000);
        cells->genes.assign(n, 700);
        cells->training_distance.assign(n, 3.5);
    }
    pictures.test_genes = pictures.generated_genes = {{0.1, 2}, {0.2, 3}, {0.9, 0.2}};
    pictures.markers = {{kNasty, "rare"}, {"GENE<1>"}, {0.5, 0}, {1, 0.2}, {1, 0}, {2, 0.1}};
    return result;
}

ReportInput small_report() {
    ReportInput report;
    report.title = "Report of " + kNasty;
    add_evaluation(report, small_result());
    TrainingCurve loss{"loss", "reconstruction", {}, {}};
    for (int step = 0; step < 1000; ++step) {
        loss.steps.push_back(step);
        loss.values.push_back(step == 5 ? std::numeric_limits<double>::infinity() : 3.0 + 1.0 / (1 + step));
    }
    add_training_curves(
        report, {loss, {"loss", "KL", {1, 2}, {3, 4}}, {"validation", "likelihood", {1, 2}, {5, 4}}}, "step");
    report.provenance = {{"seed", "7"}, {"input", kNasty}};
    report.command = "lapatlas run config.toml --input.path='" + kNasty + "'";
    return report;
}

TEST(HtmlText, EscapesMarkup) {
    EXPECT_EQ(escape_html("a<b>&\"c\"'\x01 µ"), "a&lt;b&gt;&amp;&quot;c&quot;&#39; µ");
}

TEST(SvgPlot, PutsPointsWhereTheyBelong) {
    Plot plot;
    plot.alt = "two points";
    plot.x_range = plot.y_range = std::pair<double, double>{0, 10};
    plot.series = {{"s", {0, 10, std::numeric_limits<double>::quiet_NaN()}, {0, 10, 3}, "red", false}};
    const std::string svg = render_svg(plot);
    // The frame spans x 62 .. 462 and y 350 .. 12 of the view box.
    EXPECT_NE(svg.find("d=\"M62.0 350.0h0M462.0 12.0h0\""), std::string::npos) << svg;
    EXPECT_NE(svg.find("role=\"img\" aria-label=\"two points\""), std::string::npos);
    for (const char* tick : {">0<", ">2<", ">10<"}) EXPECT_NE(svg.find(tick), std::string::npos) << tick;
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(first_unbalanced(svg), "");
}

TEST(SvgPlot, RangeOfNothingAndOfOneValue) {
    const std::vector<double> none, one{3, 3}, two{0, 100};
    EXPECT_EQ(padded_range({&none}), std::make_pair(0.0, 1.0));
    EXPECT_EQ(padded_range({&one}), std::make_pair(2.5, 3.5));
    EXPECT_EQ(padded_range({&two, &one}), std::make_pair(-4.0, 104.0));
    EXPECT_EQ(first_unbalanced(render_svg(Plot{})), "");
}

TEST(ViolinPlot, HalvesAndLogarithm) {
    const Picture picture = picture_of(
        ViolinPlot{"counts", "alt", "counts", {{"a", {10, 100, 100, 1000}, {0, 1}}, {"b", {5}, {}}}, true});
    EXPECT_EQ(first_unbalanced(picture.svg), "");
    EXPECT_EQ(count(picture.svg, "class=\"area\""), 3u);
    EXPECT_EQ(count(picture.svg, "class=\"median\""), 3u);
    for (const char* tick : {">1<", ">10<", ">1000<"}) EXPECT_NE(picture.svg.find(tick), std::string::npos);
    EXPECT_EQ(picture.svg.find("nan"), std::string::npos);
    EXPECT_EQ(first_unbalanced(picture_of(ViolinPlot{}).svg), "");
}

TEST(DotPlot, AreaIsTheShareAndShadeTheMean) {
    const Picture picture =
        picture_of(DotPlot{"m", "alt", {"B"}, {"CD79A", "NKG7"}, {1, 0.25}, {2, 1}, {1, 0}, {1, 0}});
    // A full dot, one of a quarter of its area, and one generated of half the shade; none where no cell is.
    EXPECT_EQ(count(picture.svg, "r=\"9.5\" style=\"fill:#4269d0;fill-opacity:1.00\""), 1u);
    EXPECT_EQ(count(picture.svg, "r=\"4.8\" style=\"fill:#4269d0;fill-opacity:1.00\""), 1u);
    EXPECT_EQ(count(picture.svg, "r=\"9.5\" style=\"fill:#e4523b;fill-opacity:0.56\""), 1u);
    EXPECT_EQ(count(picture.svg, "fill:#e4523b"), 1u);
}

TEST(HtmlReport, IsWellFormedSelfContainedAndWhole) {
    const std::string html = render_report(small_report());
    EXPECT_EQ(first_unbalanced(html), "");
    EXPECT_EQ(html.rfind("<!DOCTYPE html>", 0), 0u);
    for (const char* forbidden :
         {"http://", "https://", "src=", "href=", "url(", "@import", "<script", "nan", "inf\""})
        EXPECT_EQ(html.find(forbidden), std::string::npos) << forbidden;
    // Three cell maps, bars of three kinds, two types, violins of counts and genes (no gene is
    // mitochondrial), three of genes and their markers, memorisation, two of training; every one with words
    // for those who cannot see it.
    EXPECT_EQ(count(html, "<figure"), 17u);
    EXPECT_EQ(count(html, "<svg "), 17u);
    EXPECT_EQ(count(html, "role=\"img\" aria-label=\""), 17u);
    EXPECT_EQ(count(html, "<title>"), 18u);
    for (const char* part : {"Together", "Zero fraction of each gene", "Markers of the types",
                             "GENE&lt;1&gt;", "reconstruction", "0.625 ± 0.030", "7.250 ± 0.100", "n/a",
                             "floor (real)", "lapatlas run config.toml", "beware of T &lt;script&gt;"})
        EXPECT_NE(html.find(part), std::string::npos) << part;
}

TEST(HtmlReport, EmptyPartsAreLeftOut) {
    ReportInput report;
    report.title = "nothing yet";
    const std::string html = render_report(report);
    EXPECT_EQ(first_unbalanced(html), "");
    EXPECT_EQ(html.find("<section>"), std::string::npos);
}

TEST(HtmlReport, WrittenWholeOrNotAtAll) {
    const TemporaryFolder folder(Communicator::self());
    write_report(folder / "report.html", small_report());
    std::ifstream file(folder / "report.html");
    const std::string written{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    EXPECT_EQ(written, render_report(small_report()));
    // The page and the folder of its figures.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
    std::size_t figures = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "figures")) {
        std::ifstream figure(entry.path());
        const std::string svg{std::istreambuf_iterator<char>(figure), std::istreambuf_iterator<char>()};
        EXPECT_EQ(first_unbalanced(svg), "") << entry.path();
        EXPECT_NE(svg.find("xmlns=\"http://www.w3.org/2000/svg\""), std::string::npos);
        ++figures;
    }
    EXPECT_EQ(figures, 17u);
    EXPECT_TRUE(std::filesystem::exists(folder / "figures" / "01-real-cells-by-type.svg"));
    EXPECT_THROW(write_report(folder / "none" / "report.html", small_report()), InputError);
}

}  // namespace
