"""The report of a small run in headless Chromium, as wide as a desk's screen and as narrow as a phone's, and in print:
nothing is said on the console, nothing is fetched, nothing runs off the side, every figure is drawn and described.
"""

import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from call import Check, call, common_options
from wrong_inputs import CONFIG, small_atlas, write

check = Check()

# What a browser would fetch.
OUTSIDE = re.compile(r"""(?:\bsrc|\bhref|\burl)\s*[=(]\s*["']?([^"'\s)>]+)""")

# Added to a copy of the page: it tells the page around it what the browser made of it.
MEASURE = """<script>
const outside = [...document.querySelectorAll("svg text")].filter(text => {
  const own = text.getBoundingClientRect(), all = text.closest("svg").getBoundingClientRect();
  return own.left < all.left - 1 || own.right > all.right + 1 || own.top < all.top - 1 || own.bottom > all.bottom + 1;
}).map(text => text.textContent);
const figures = [...document.querySelectorAll("svg")].map(svg => {
  const box = svg.getBoundingClientRect();
  return {width: box.width, height: box.height, name: svg.getAttribute("aria-label") || "", marks: svg.children.length};
});
parent.postMessage(JSON.stringify({
  window: innerWidth, page: document.documentElement.scrollWidth, outside, figures,
  sections: document.querySelectorAll("h2").length, rows: document.querySelectorAll("tr").length}), "*");
</script></body>"""

# A headless window is never narrower than 500 pixels; a frame is as narrow as asked for.
FRAME = """<body><script>addEventListener("message", told => {{ document.body.dataset.measured = told.data; }});</script>
<iframe src="{page}" style="width:{width}px;height:2000px;border:0"></iframe></body>"""


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    return None


def browse(browser, page, folder, *options):
    # Without a sandbox of its own: tests run as root, in containers.
    return subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}",
         "--enable-logging=stderr", *options, page.as_uri()], capture_output=True, text=True, timeout=120)


def main():
    options = common_options(__doc__).parse_args()
    browser = chromium()
    if browser is None:
        print("LAPATLAS_SKIPPED: no Chromium here (launch/setup --with-tests installs it)")
        return 0
    with tempfile.TemporaryDirectory(prefix="lapatlas-report-") as name:
        folder = pathlib.Path(name)
        atlas = write(folder, "sound", small_atlas())
        (folder / "config.toml").write_text(CONFIG)
        run = folder / "run"
        answer = call(options.mpiexec, options.ranks, options.binary,
                      ["run", folder / "config.toml", f"--input.path={atlas}", f"--output.dir={run}"], folder)
        check(answer.code == 0, "a run with a report", answer.errors)
        if answer.code != 0:
            return 1
        text = (run / "report.html").read_text()
        links = [link for link in OUTSIDE.findall(text)
                 if not link.startswith(("#", "data:", "figures/"))]
        check(not links, "the page refers to nothing outside it", links)
        page = folder / "measured.html"
        check("</body>" in text, "the page has a body")
        page.write_text(text.replace("</body>", MEASURE))

        for kind, width in (("desk", 1280), ("phone", 390)):
            frame = folder / f"{kind}.html"
            frame.write_text(FRAME.format(page=page.name, width=width))
            answer = browse(browser, frame, folder, "--window-size=1400,2000", "--virtual-time-budget=5000", "--dump-dom")
            said = [line for line in answer.stderr.splitlines() if "CONSOLE" in line]
            check(not said, f"{kind}: nothing is said on the console", "\n".join(said))
            found = re.search(r'data-measured="([^"]*)"', answer.stdout)
            check(found is not None, f"{kind}: the page is drawn", answer.stderr)
            if found is None:
                continue
            seen = json.loads(html.unescape(found.group(1)))
            check(seen["window"] == width, f"{kind}: its width", seen["window"])
            check(seen["page"] <= seen["window"], f"{kind}: nothing runs off the side", seen["page"])
            check(seen["sections"] >= 8 and seen["rows"] >= 30, f"{kind}: sections and tables", seen)
            check(len(seen["figures"]) >= 15, f"{kind}: figures are there", len(seen["figures"]))
            flat = [f for f in seen["figures"] if f["width"] < 100 or f["height"] < 30 or f["marks"] < 3]
            check(not flat, f"{kind}: every figure is drawn", flat)
            check(all(len(f["name"]) > 10 for f in seen["figures"]), f"{kind}: every figure is described",
                  [f["name"] for f in seen["figures"]])
            check(not seen["outside"], f"{kind}: no text leaves its figure", seen["outside"])

        printed = folder / "report.pdf"
        browse(browser, page, folder, f"--print-to-pdf={printed}")
        check(printed.exists() and printed.read_bytes().startswith(b"%PDF"), "it can be printed")
        figures = sorted(path.name for path in (run / "figures").glob("*.svg"))
        check(len(figures) >= 15, "each figure is a file beside it", figures)
    return 1 if Check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
